"""From a run directory to its verdict: everything that follows the load, and that `lab report` repeats from disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab import openmetrics, presenting, processes
from lab.analysis import analyse
from lab.analysis.capacity import capacity
from lab.analysis.disturbance import to_be_judged
from lab.analysis.steps import as_phase
from lab.analysis.verdict import judge
from lab.collectors import log_index, recorder
from lab.config.plans import parse_plan
from lab.errors import LoadError, RunDirError
from lab.load.k6_samples import Conversion, convert, output_of, read_conversion
from lab.load.k6_summary import read_summary, summary_of
from lab.load.k6_window import measure_window
from lab.model import (
    Capacity,
    Doubt,
    DoubtKind,
    Environment,
    Evidence,
    Noise,
    Phase,
    PhaseKind,
    Plan,
    ProcessId,
    Profile,
    Report,
    Resume,
    RunState,
    Scenario,
    SummaryFigures,
    Window,
)
from lab.playbooks import diagnose
from lab.playbooks.remedies import remedied
from lab.report import capacity as capacity_plan
from lab.report import encode, junit, markdown, playbooks
from lab.rundir import RunDir, write_bytes, write_json

_LONG_S = 90 * 60
"""From this length on, the text of the series has every other second, and stays under a hundred megabytes."""

_NOT_CONVERTED = Conversion(requests=0, points=0, truncated=(), setup_requests=0, damaged_lines=0)

_SCENARIO = TypeAdapter(Scenario)
_DOUBTS = TypeAdapter(tuple[Doubt, ...])
_RESUMES = TypeAdapter(tuple[Resume, ...])
_NOISE: TypeAdapter[Noise | None] = TypeAdapter(Noise | None)
_CONTROLLER = TypeAdapter(ProcessId)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drive:
    """One run of k6: a phase, or as `stretch` a step of it."""

    phase: Phase
    stretch: Phase
    step: int = 0

    @property
    def name(self) -> str:
        return self.stretch.name


def conclude(run: RunDir, environment: Environment | None = None) -> Report:
    """Analyse and judge a run from its directory, and write every derived file into it.

    Works for a run that was interrupted or whose controller was killed: what was measured counts as far as it goes,
    and where `environment` is the one of a killed run, its log lines are saved. Raises RunDirError where the directory
    is none or is damaged, or its run still goes on; LoadError where k6's output is no output of k6.
    """
    record = recover(run, environment)
    try:
        return _concluded(run, record)
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: is damaged, or was written by another version of the lab: {error}") from error
    except OSError as error:
        raise RunDirError(f"{run.path}: cannot be read or written: {error.strerror or error}") from error


def _concluded(run: RunDir, record: Mapping[str, Any]) -> Report:
    plan = parse_plan(record["plan"], source="run.json")
    scenario = _SCENARIO.validate_python(record["scenario"])
    driven = _drives(run, plan)
    evidence = _evidence(run, record, plan, scenario, driven)
    analysis = analyse(evidence)
    judged = to_be_judged(evidence)
    diagnosis = diagnose(judged, analysis)
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
        verdict=remedied(judge(analysis, plan), plan, diagnosis.playbooks),
        diagnosis=diagnosis,
        noise=_NOISE.validate_python(record.get("noise")),
    )
    planned = capacity(judged, analysis.break_points)
    write_capacity(run, planned)
    _write(run, report, evidence, planned)
    if _has_grown(run):
        openmetrics.write(
            run.openmetrics,
            run.run_id,
            series=_series(run.series),
            samples=run.samples,
            points=run.points,
            step_s=1 if _length_s(report) < _LONG_S else 2,
        )
    return report


def _length_s(report: Report) -> float:
    windows = report.analysis.windows
    return max((w.ended_at for w in windows), default=0.0) - min((w.started_at for w in windows), default=0.0)


def _has_grown(run: RunDir) -> bool:
    """Whether series were recorded since they were written as text."""
    if not run.openmetrics.exists():
        return True
    written = run.openmetrics.stat().st_mtime
    return any(path.stat().st_mtime > written for path in run.series.glob("*.parquet"))


def evidence_of(run: RunDir) -> Evidence:
    """Give what a run is judged from, as it was concluded last; a run that was never concluded is concluded first.

    Raises RunDirError and LoadError as `conclude` does.
    """
    if not (run.analysis.exists() and run.samples.exists() and run.points.exists()):
        conclude(run)
    record = run.read_record()
    try:
        plan = parse_plan(record["plan"], source="run.json")
        scenario = _SCENARIO.validate_python(record["scenario"])
        return to_be_judged(_evidence(run, record, plan, scenario, _drives(run, plan), converts=False))
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: is damaged, or was written by another version of the lab: {error}") from error


def write_capacity(run: RunDir, found: Capacity) -> None:
    """Write the capacity plan of a run into its directory."""
    write_json(run.capacity, encode.capacity(found))
    write_bytes(run.capacity_plan, capacity_plan.render(found).encode())


def _evidence(
    run: RunDir,
    record: Mapping[str, Any],
    plan: Plan,
    scenario: Scenario,
    driven: Sequence[_Drive],
    *,
    converts: bool = True,
) -> Evidence:
    drives = [drive.name for drive in driven]
    conversion = _converted(run, drives) if converts else _NOT_CONVERTED
    windows = _windows(run, driven, scenario)
    return Evidence(
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
        log_index=run.log_index,
        slow_queries=run.slow_queries,
        steps=run.steps(),
        resumes=_RESUMES.validate_python(record.get("resumes", ())),
        service_cores=record.get("service_cores", {}),
        memory_limits=record.get("memory_limits", {}),
        memory_bytes=_memory_bytes(record),
        is_external=record["environment"].get("engine") == "external",
        truncated=conversion.truncated,
        profiles=run.read_profiles(),
        profile_folder=run.profiles,
        incidents=(
            *_DOUBTS.validate_python(record["incidents"]),
            *_doubts(conversion, windows),
            *_profiled(run.read_profiles(), windows),
        ),
    )


def _converted(run: RunDir, drives: Sequence[str]) -> Conversion:
    """Turn k6's output into tables; where some of it was left out of a pack, the tables that came with it stand."""
    kept = kept_conversion(run)
    if kept is not None:
        return kept
    conversion = convert(run.load, drives, run.samples, run.points)
    write_json(run.conversion, asdict(conversion))
    return conversion


def kept_conversion(run: RunDir) -> Conversion | None:
    """Give what was read from k6's output, where some of it is no longer there; None where all of it is.

    Raises RunDirError where the tables that stand for it are missing too.
    """
    kept = read_conversion(run.conversion)
    if kept is None or all(output_of(run.load, name).exists() for name in kept.phases):
        return None
    missing = [path.name for path in (run.samples, run.points) if not path.exists()]
    if missing:
        raise RunDirError(
            f"{run.path}: k6's own output is not in it, and neither is {' or '.join(missing)}; unpack again"
        )
    return kept


def _memory_bytes(record: Mapping[str, Any]) -> float | None:
    """Give what a leak can fill: this machine's memory, unless the services are on another one."""
    is_elsewhere = record["environment"].get("allowed_hosts")
    memory: float | None = None if is_elsewhere else record["provenance"]["host"]["memory_bytes"]
    return memory


def _write(run: RunDir, report: Report, evidence: Evidence, planned: Capacity) -> None:
    write_json(run.analysis, encode.analysis(report.analysis))
    write_bytes(run.playbooks, playbooks.render(report).encode())
    write_bytes(run.summary, markdown.render(report).encode())
    write_bytes(run.junit, junit.render(report).encode())
    presenting.write_page(run, report, evidence, planned)
    write_json(run.verdict, encode.verdict(report.verdict))  # the last one: where it is, the others are


# -------------------------------------------------------------------------------------- what a cut-off run left behind


def recover(run: RunDir, environment: Environment | None) -> Mapping[str, Any]:
    """Give the record; of a run whose controller was killed, after closing what it left open.

    Raises RunDirError where the run still goes on, or its record is damaged.
    """
    record = run.read_record()
    if record.get("state") != RunState.RUNNING:
        recorder.finish(run.series)  # what a full disk kept from being finished
        return record
    try:
        controller = _CONTROLLER.validate_python(record["controller"])
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: does not say who drives the run; it is damaged") from error
    if processes.is_running(controller):
        raise RunDirError(f"run {run.run_id} still goes on (pid {controller.pid}); wait for its end")
    recorder.finish(run.series)
    if environment is not None and environment.id == record["environment"]["id"]:
        log_index.collect(environment.log_files(), record["log_begins"], run.logs, kept=record.get("log_kept"))
    run.update_record(state=RunState.INTERRUPTED, ended_at=_last_sign_of_life(run))
    return run.read_record()


def _last_sign_of_life(run: RunDir) -> float:
    files = [run.record, *run.load.iterdir(), *run.series.iterdir()]
    return max(path.stat().st_mtime for path in files)


def _drives(run: RunDir, plan: Plan) -> list[_Drive]:
    """Give what was driven, in its order."""
    steps = run.steps()
    drives = []
    for phase in plan.phases:
        if phase.staircase is None:
            drives.append(_Drive(phase=phase, stretch=phase))
        own = [step for step in steps if step.phase == phase.name]
        drives += [_Drive(phase=phase, stretch=as_phase(step, phase), step=step.number) for step in own]
    kept = kept_conversion(run)
    read = kept.phases if kept is not None else ()
    return [drive for drive in drives if drive.name in read or output_of(run.load, drive.name).exists()]


def _windows(run: RunDir, driven: Iterable[_Drive], scenario: Scenario) -> tuple[Window, ...]:
    """Give the window of everything that was driven, measuring those that the controller could not record."""
    recorded = {window.name: window for window in run.windows()}
    found = [recorded.get(drive.name) or _measured(drive, scenario, run) for drive in driven]
    windows = tuple(window for window in found if window is not None)
    run.write_windows(windows)
    return windows


def _measured(drive: _Drive, scenario: Scenario, run: RunDir) -> Window | None:
    window = measure_window(drive.stretch, scenario, run.load)
    return window and replace(window, phase=drive.phase.name, step=drive.step)


# ---------------------------------------------------------------------------------------------- what the analysis reads


def _series(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))}


def _summaries(load: Path, driven: Iterable[_Drive]) -> dict[str, SummaryFigures]:
    """Read k6's own figures of the phases that have some; the analysis says what it means when one has none."""
    figures = {}
    for drive in driven:
        try:
            figures[drive.name] = read_summary(summary_of(load, drive.name))
        except LoadError:
            continue
    return figures


def _profiled(profiles: Iterable[Profile], windows: Iterable[Window]) -> tuple[Doubt, ...]:
    """Say where a profiler looked on while load was measured."""
    drives = tuple(windows)
    return tuple(
        Doubt(
            kind=DoubtKind.PROFILED,
            what="a profiler looked on",
            why=f"{profile.profiler} looked into {profile.service}; what was due meanwhile is not judged",
            remedy="profile between runs where every minute is to be judged",
            phase=window.phase,
            started_at=profile.disturbed[0],
            ended_at=profile.disturbed[1],
        )
        for profile in profiles
        for window in drives
        if window.kind != PhaseKind.PROFILE and profile.disturbs(window.started_at, window.ended_at)
    )


def _doubts(conversion: Conversion, windows: Iterable[Window]) -> tuple[Doubt, ...]:
    noted = [
        Doubt(
            kind=DoubtKind.SCRIPT,
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
                kind=DoubtKind.DAMAGED,
                what="k6's output is damaged",
                why=f"lines that could not be read, and are left out: {conversion.damaged_lines}",
                remedy="check the disk, and run again",
                invalidates=True,
            )
        )
    return tuple(noted)
