"""Many runs at once: those that can be compared, their figures over time, and where these changed."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from lab import provenance, rundir
from lab.analysis.change_points import Rule
from lab.analysis.run_figures import MEASURES, Figures, run_figures
from lab.analysis.tracks import SeenRun, tracks_of
from lab.errors import ConfigError
from lab.model import ChangePoint, DoubtKind, History, HistoryRun, LeftOutRun, Outcome, RunGroup, RunState, Track
from lab.report import history as report
from lab.report.html import render_history
from lab.rundir import RunDir, write_bytes

_NOT_LOAD = ("seed", "description", "thresholds", "guards", "leaks")
"""Keys of a plan that change nothing of the load: runs that differ in them alone are of one history."""

_MACHINE = ("cpu_model", "cores", "machine")
"""What makes a host another machine. Its kernel may change, and is named beside what changed with it."""

_DAMAGED = "damaged, or written by another version of the lab; `lab report` may renew it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs and figures are asked for; what is empty asks for all. `since` is in UTC epoch seconds."""

    scenario: str = ""
    plan: str = ""
    metrics: tuple[str, ...] = ()
    since: float | None = None
    within: int = 10
    alpha: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A run as its three files tell it. `key` is alike of runs that can be compared."""

    seen: SeenRun
    key: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def name(self) -> tuple[str, ...]:
        """Scenario, plan and target, by their names, and what was set against the target's file."""
        return self.key[:4]


def history(root: Path, wanted: Wanted) -> History:
    """Give the history of the runs under `root`, from the record, verdict and analysis of each.

    Raises ConfigError where a metric is asked for that there is not, or no run is of what is asked for.
    """
    _check(wanted.metrics)
    rule = Rule(alpha=wanted.alpha)
    runs: list[_Read] = []
    left_out: list[LeftOutRun] = []
    found = [(run, record) for run in rundir.all_runs(root) if _is_wanted(record := _record(run), wanted)]
    if not found and (wanted.scenario or wanted.plan or wanted.since is not None):
        raise ConfigError(f"no run in {root} is of that scenario and plan and time; `lab runs` lists what there is")
    for run, record in found:
        read = _read(run, record, wanted.metrics)
        if isinstance(read, LeftOutRun):
            left_out.append(read)
        else:
            runs.append(read)
    return History(
        groups=_groups(runs, rule),
        left_out=tuple(left_out),
        alpha=wanted.alpha,
        within=wanted.within,
        needed=2 * rule.least,
    )


def _check(metrics: Sequence[str]) -> None:
    names = [measure.name for measure in MEASURES]
    unknown = [metric for metric in metrics if not any(_names(metric, name) for name in names)]
    if unknown:
        raise ConfigError(
            [f"--metric {each}: there is no such figure; there are {', '.join(names)}" for each in unknown]
        )


def _names(metric: str, name: str) -> bool:
    """Whether a metric is a figure's name: whole, or without what it is a percentile of."""
    return metric.lower() in (name, name.partition("(")[0])


def _record(run: RunDir) -> Mapping[str, Any]:
    record = rundir.read_json(run.record)
    return record if isinstance(record, dict) else {}


def _is_wanted(record: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether a run is asked for; one that does not say what it is cannot be told apart, and is."""
    try:
        return (
            wanted.scenario in ("", record["scenario"]["name"])
            and wanted.plan in ("", record["plan"]["name"])
            and (wanted.since is None or record["started_at"] >= wanted.since)
        )
    except (KeyError, TypeError):
        return True


# ---------------------------------------------------------------------------------------------------------- one run


def _read(run: RunDir, record: Mapping[str, Any], metrics: Sequence[str]) -> _Read | LeftOutRun:
    """Give a run with its figures, or why it has no part in a history."""
    try:
        verdict, analysis = rundir.read_json(run.verdict), rundir.read_json(run.analysis)
        why = _why_not(record, verdict, analysis)
        if why:
            return LeftOutRun(run_id=run.run_id, why=why)
        return _read_whole(run, record, verdict, _asked(run_figures(analysis), metrics))
    except (AttributeError, KeyError, TypeError, ValueError):
        return LeftOutRun(run_id=run.run_id, why=_DAMAGED)


def _why_not(record: Mapping[str, Any], verdict: Any, analysis: Any) -> str:
    state = record["state"]
    if state == RunState.RUNNING:
        return "going on, or its controller was killed"
    if state != RunState.FINISHED:
        return str(state)
    if verdict is None or analysis is None:
        return "not concluded; `lab report` does that"
    if verdict["outcome"] == Outcome.INVALID:
        return "invalid"
    if any(doubt["kind"] == DoubtKind.PROFILED for doubt in analysis["doubts"]):
        return "a profiler looked on"
    return ""


def _asked(figures: Figures, metrics: Sequence[str]) -> Figures:
    if not metrics:
        return figures
    return {key: value for key, value in figures.items() if any(_names(metric, key[0].name) for metric in metrics)}


def _read_whole(run: RunDir, record: Mapping[str, Any], verdict: Mapping[str, Any], figures: Figures) -> _Read:
    made_of = record["provenance"]
    return _Read(
        seen=SeenRun(
            run=HistoryRun(
                run_id=run.run_id,
                started_at=float(record["started_at"]),
                commit=str(made_of["code"]["commit"]),
                is_dirty=made_of["code"]["dirty"],
                outcome=str(verdict["outcome"]),
            ),
            figures=figures,
        ),
        key=(
            record["scenario"]["name"],
            record["plan"]["name"],
            record["target"],
            ", ".join(sorted((record.get("environment") or {}).get("overrides") or ())),
            plan_digest(record["plan"]),
            made_of.get("engine", {}).get("name", "process"),
            _machine(made_of["host"]),
        ),
        provenance=made_of,
    )


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Give the SHA-256 of everything in a plan that shapes the load, its first twelve digits."""
    load = {key: value for key, value in plan.items() if key not in _NOT_LOAD}
    return hashlib.sha256(orjson.dumps(load, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _machine(host: Mapping[str, Any]) -> str:
    memory = host["memory_bytes"] / 2**30
    cpu, cores, machine = (host[name] for name in _MACHINE)
    return f"{cores} × {cpu}, {machine}, {memory:.0f} GiB"


# ---------------------------------------------------------------------------------------------------------- all of them


def _groups(runs: Iterable[_Read], rule: Rule) -> tuple[RunGroup, ...]:
    """Give the groups, that of the latest run first."""
    by_key: dict[tuple[str, ...], list[_Read]] = {}
    for run in sorted(runs, key=lambda run: (run.seen.run.started_at, run.seen.run.run_id)):
        by_key.setdefault(run.key, []).append(run)
    latest_first = sorted(by_key.values(), key=lambda group: group[-1].seen.run.started_at, reverse=True)
    names: set[tuple[str, ...]] = set()
    groups = []
    for group in latest_first:
        groups.append(_group(group, rule, is_current=group[0].name not in names))
        names.add(group[0].name)
    return tuple(groups)


def _group(runs: Sequence[_Read], rule: Rule, *, is_current: bool) -> RunGroup:
    scenario, plan, target, settings, digest, engine, host = runs[0].key
    by_id = {run.seen.run.run_id: run for run in runs}
    return RunGroup(
        scenario=scenario,
        plan=plan,
        plan_digest=digest,
        target=target,
        settings=settings,
        engine=engine,
        host=host,
        runs=tuple(run.seen.run for run in runs),
        tracks=tuple(_explained(track, by_id) for track in tracks_of([run.seen for run in runs], rule)),
        is_current=is_current,
    )


def _explained(track: Track, runs: Mapping[str, _Read]) -> Track:
    """Give a figure whose changes say in what else the runs beside them differ."""
    return replace(track, changes=tuple(_with_differences(change, runs) for change in track.changes))


def _with_differences(change: ChangePoint, runs: Mapping[str, _Read]) -> ChangePoint:
    before, after = runs[change.run_before], runs[change.run]
    differs = provenance.differences(before.provenance, after.provenance)
    dirty = [run.seen.run.run_id for run in (before, after) if run.seen.run.is_dirty]
    return replace(change, differs=(*differs, *(f"the checkout of {name} had uncommitted changes" for name in dirty)))


# ---------------------------------------------------------------------------------------------------------- as files


def write(
    root: Path, found: History, *, html: Path | None = None, markdown: Path | None = None, json: Path | None = None
) -> None:
    """Write a history of the runs under `root` into files; the page links to reports of runs. Raises RunDirError."""
    if html is not None:
        write_bytes(html, render_history(found, _reports(root, found, html.resolve().parent)).encode())
    if markdown is not None:
        write_bytes(markdown, report.markdown(found).encode())
    if json is not None:
        write_bytes(json, as_json(found))


def as_json(found: History) -> bytes:
    """Give a history as stable, indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(report.encoded(found), option=options)


def _reports(root: Path, found: History, folder: Path) -> dict[str, str]:
    """Give the way from a folder to the page of each run that has one."""
    pages = {run.run_id: RunDir(root / run.run_id).html for group in found.groups for run in group.runs}
    return {
        run_id: Path(os.path.relpath(page.resolve(), folder)).as_posix()
        for run_id, page in pages.items()
        if page.is_file()
    }
