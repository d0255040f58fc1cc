"""From a run directory to its verdict: everything that follows the load, and that `lab report` repeats from disk."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab import processes
from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.collectors import logs, recorder
from lab.config.plans import parse_plan
from lab.errors import LoadError, RunDirError
from lab.load.k6_samples import Conversion, convert, output_of
from lab.load.k6_summary import read_summary, summary_of
from lab.load.k6_window import measure_window
from lab.model import (
    Doubt,
    Environment,
    Evidence,
    Phase,
    ProcessId,
    Report,
    RunState,
    Scenario,
    SummaryFigures,
    Window,
)
from lab.report import encode, junit, markdown
from lab.rundir import RunDir, write_bytes, write_json

_SCENARIO = TypeAdapter(Scenario)
_DOUBTS = TypeAdapter(tuple[Doubt, ...])
_CONTROLLER = TypeAdapter(ProcessId)


def conclude(run: RunDir, environment: Environment | None = None) -> Report:
    """Analyse and judge a run from its directory, and write every derived file into it.

    Works for a run that was interrupted or whose controller was killed: what was measured counts as far as it goes,
    and where `environment` is the one of a killed run, its log lines are saved. Raises RunDirError where the directory
    is none or is damaged, or its run still goes on; LoadError where k6's output is no output of k6.
    """
    record = _recovered(run, environment)
    try:
        return _concluded(run, record)
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: is damaged, or was written by another version of the lab: {error}") from error
    except OSError as error:
        raise RunDirError(f"{run.path}: cannot be read or written: {error.strerror or error}") from error


def _concluded(run: RunDir, record: Mapping[str, Any]) -> Report:
    plan = parse_plan(record["plan"], source="run.json")
    scenario = _SCENARIO.validate_python(record["scenario"])
    driven = [phase for phase in plan.phases if output_of(run.load, phase.name).exists()]
    conversion = convert(run.load, [phase.name for phase in driven], run.samples, run.points)
    windows = _windows(run, driven, scenario)
    analysis = analyse(
        Evidence(
            run_id=run.run_id,
            state=RunState(record["state"]),
            plan=plan,
            scenario=scenario,
            cores=record["provenance"]["host"]["cores"],
            windows=windows,
            samples=run.samples,
            points=run.points,
            series=_series(run.series),
            summaries=_summaries(run.load, driven),
            truncated=conversion.truncated,
            incidents=(*_DOUBTS.validate_python(record["incidents"]), *_doubts(conversion, windows)),
        )
    )
    report = Report(
        run_id=run.run_id,
        scenario=scenario,
        plan=plan,
        target=record["target"],
        seed=record["seed"],
        state=RunState(record["state"]),
        started_at=record["started_at"],
        ended_at=record["ended_at"],
        provenance=record["provenance"],
        analysis=analysis,
        verdict=judge(analysis, plan),
    )
    _write(run, report)
    return report


def _write(run: RunDir, report: Report) -> None:
    write_json(run.analysis, encode.analysis(report.analysis))
    write_bytes(run.summary, markdown.render(report).encode())
    write_bytes(run.junit, junit.render(report).encode())
    write_json(run.verdict, encode.verdict(report.verdict))  # the last one: where it is, the others are


# -------------------------------------------------------------------------------------- what a cut-off run left behind


def _recovered(run: RunDir, environment: Environment | None) -> Mapping[str, Any]:
    """Give the record; of a run whose controller was killed, after closing what it left open."""
    record = run.read_record()
    if record.get("state") != RunState.RUNNING:
        return record
    try:
        controller = _CONTROLLER.validate_python(record["controller"])
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: does not say who drives the run; it is damaged") from error
    if processes.is_running(controller):
        raise RunDirError(f"run {run.run_id} still goes on (pid {controller.pid}); wait for its end")
    recorder.finish(run.series)
    if environment is not None and environment.id == record["environment"]["id"]:
        logs.collect(environment.log_files(), record["log_begins"], run.logs)
    run.update_record(state=RunState.INTERRUPTED, ended_at=_last_sign_of_life(run))
    return run.read_record()


def _last_sign_of_life(run: RunDir) -> float:
    files = [run.record, *run.load.iterdir(), *run.series.iterdir()]
    return max(path.stat().st_mtime for path in files)


def _windows(run: RunDir, driven: Iterable[Phase], scenario: Scenario) -> tuple[Window, ...]:
    """Give the window of each phase that was driven, measuring those that the controller could not record."""
    recorded = {window.phase: window for window in run.windows()}
    found = [recorded.get(phase.name) or measure_window(phase, scenario, run.load) for phase in driven]
    windows = tuple(window for window in found if window is not None)
    run.write_windows(windows)
    return windows


# ---------------------------------------------------------------------------------------------- what the analysis reads


def _series(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))}


def _summaries(load: Path, driven: Iterable[Phase]) -> dict[str, SummaryFigures]:
    """Read k6's own figures of the phases that have some; the analysis says what it means when one has none."""
    figures = {}
    for phase in driven:
        try:
            figures[phase.name] = read_summary(summary_of(load, phase.name))
        except LoadError:
            continue
    return figures


def _doubts(conversion: Conversion, windows: Iterable[Window]) -> tuple[Doubt, ...]:
    noted = [
        Doubt(
            what="the load was not offered as planned",
            why=window.note,
            remedy="read the phase's log under load/, and run again",
            invalidates=True,
            phase=window.phase,
        )
        for window in windows
        if window.note
    ]
    if conversion.damaged_lines:
        noted.append(
            Doubt(
                what="k6's output is damaged",
                why=f"lines that could not be read, and are left out: {conversion.damaged_lines}",
                remedy="check the disk, and run again",
                invalidates=True,
            )
        )
    return tuple(noted)
