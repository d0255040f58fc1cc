"""`index.html`: every run with its verdict and key figures, and the way to its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from lab.report.figures import NOTHING, moment, per_s, percent, three_digits
from lab.report.html.files import INDEX_SCRIPTS, policy, templates, text_of
from lab.report.html.writing import filters


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRun:
    """A run: its record, and what was concluded (None where nothing was yet). `files` are those that there are."""

    run_id: str
    record: Mapping[str, Any]
    verdict: Mapping[str, Any] | None
    analysis: Mapping[str, Any] | None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What the index shows of a run."""

    run_id: str
    outcome: str
    why: str
    started: str
    scenario: str
    plan: str
    target: str
    engine: str
    state: str
    requests: int
    rate: str
    p95: str
    errors: str
    break_point: str
    doubts: int
    files: tuple[str, ...]


def render_index(runs: Sequence[IndexedRun]) -> str:
    """Give the page over runs, in their order. The same runs give the same bytes."""
    scripts = [text_of(name) for name in INDEX_SCRIPTS]
    environment = templates()
    environment.filters.update(filters())
    return environment.get_template("index_page.html").render(
        policy=policy(scripts),
        style=Markup(text_of("page.css")),  # noqa: S704  # a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # files of this package
        runs=[_row_or_less(run) for run in runs],
    )


def _row_or_less(run: IndexedRun) -> _Row:
    """Give the row of a run; one whose figures another version of the lab wrote keeps no other from being listed."""
    try:
        return _row(run)
    except (AttributeError, KeyError, TypeError, ValueError):
        known = replace(run, analysis=None, verdict=None)
        return replace(_row(known), why="was written by another version of the lab; `lab report` may renew it")


def _row(run: IndexedRun) -> _Row:
    analysis, verdict = run.analysis or {}, run.verdict or {}
    steady = _steady(analysis)
    return _Row(
        run_id=run.run_id,
        outcome=str(verdict.get("outcome", "")),
        why=_why(verdict),
        started=moment(run.record.get("started_at")).removesuffix(" UTC"),
        scenario=_name(run.record.get("scenario")),
        plan=_name(run.record.get("plan")),
        target=str(run.record.get("target", "?")),
        engine=str((run.record.get("environment") or {}).get("engine", NOTHING)),
        state=str(run.record.get("state", "?")),
        requests=sum(cell["latency"]["count"] for cell in _whole(analysis)),
        rate=per_s(steady["achieved_rate_per_s"]) if steady else NOTHING,
        p95=_p95(analysis, steady["phase"]) if steady else NOTHING,
        errors=_errors(analysis, steady["phase"]) if steady else NOTHING,
        break_point=_break_point(analysis),
        doubts=len(verdict.get("doubts", ())),
        files=run.files,
    )


def _name(asked: object) -> str:
    return str(asked.get("name", "?")) if isinstance(asked, Mapping) else "?"


def _why(verdict: Mapping[str, Any]) -> str:
    findings = verdict.get("findings", ())
    missed = [finding["threshold"] for finding in findings if finding["outcome"] == "failed"]
    if verdict.get("outcome") == "failed":
        return f"{len(missed)} of {len(findings)} beyond their limits: {', '.join(dict.fromkeys(missed))}"
    if verdict.get("outcome") == "invalid":
        return "; ".join(dict.fromkeys(doubt["what"] for doubt in verdict["doubts"] if doubt["invalidates"]))
    return f"{len(findings)} findings" if verdict else "not concluded yet"


def _steady(analysis: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the load of the busiest phase with a steady rate; of several with the same rate, the last one."""
    kinds = {window["phase"]: window["kind"] for window in analysis.get("windows", ())}
    steady = [each for each in analysis.get("load", ()) if kinds.get(each["phase"]) in ("baseline", "sustain", "soak")]
    return max(enumerate(steady), key=lambda pair: (pair[1]["planned_rate_per_s"], pair[0]))[1] if steady else None


def _whole(analysis: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cell for cell in analysis.get("latencies", ()) if cell["scenario"] is None and cell["route"] is None]


def _of_phase(analysis: Mapping[str, Any], phase: str) -> Mapping[str, Any] | None:
    return next((cell for cell in _whole(analysis) if cell["phase"] == phase), None)


def _p95(analysis: Mapping[str, Any], phase: str) -> str:
    cell = _of_phase(analysis, phase)
    p95 = cell and cell["latency"]["p95_s"]
    return f"{three_digits(p95['value'] * 1000)} ms" if p95 else NOTHING


def _errors(analysis: Mapping[str, Any], phase: str) -> str:
    cell = _of_phase(analysis, phase)
    count = cell["latency"]["count"] if cell else 0
    return percent(cell["failed"] / count, decimals=2) if cell and count else NOTHING


def _break_point(analysis: Mapping[str, Any]) -> str:
    rates = [point["rate_per_s"]["value"] for point in analysis.get("break_points", ()) if point["rate_per_s"]]
    return f"{three_digits(rates[0])} /s" if rates else NOTHING
