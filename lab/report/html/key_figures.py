"""The figures that a reader wants first, each beside its limit; and how much of each limit was used."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.model import BreakOutcome, Finding, Outcome, PhaseKind, Report
from lab.report.figures import NOTHING, duration, estimate_in_unit, in_unit, per_s, window

_STEADY = (PhaseKind.SUSTAIN, PhaseKind.SOAK, PhaseKind.BASELINE)
_ASKED = (
    ("P95 of requests", "p95", "http_req_duration"),
    ("Failed requests", "rate", "http_req_failed"),
    ("Failed analyses", "rate", "analysis_failed"),
    ("Break point", "value", "break_point"),
    ("Recovery from the spike", "value", "recovery_time"),
    ("Growth of memory", "growth", "process_resident_memory_bytes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """A figure to be seen first. `outcome` is "" where nothing is asked of it."""

    name: str
    value: str
    told: str
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """A finding, and how far it was from its limit.

    `used` is the share of the limit that was used (of a limit from below: the limit's share of what was seen), None
    where it is not known; above 1 it was missed. `told` says it in words.
    """

    finding: Finding
    observed: str
    limit: str
    used: float | None
    told: str


def margins(report: Report) -> tuple[Margin, ...]:
    """Give every finding in its order, with its margin."""
    comparisons = {threshold.text: threshold.comparison for threshold in report.plan.thresholds}
    return tuple(_margin(finding, comparisons.get(finding.threshold, "<")) for finding in report.verdict.findings)


def _margin(finding: Finding, comparison: str) -> Margin:
    used = _used(finding, is_floor=comparison.startswith(">"))
    return Margin(
        finding=finding,
        observed=estimate_in_unit(finding.observed, finding.unit),
        limit=in_unit(finding.limit, finding.unit),
        used=used,
        told=_told(used, finding, is_floor=comparison.startswith(">")),
    )


def _used(finding: Finding, *, is_floor: bool) -> float | None:
    if finding.observed is None:
        return None
    above, below = (finding.limit, finding.observed.value) if is_floor else (finding.observed.value, finding.limit)
    if below > 0:
        return max(above, 0.0) / below
    return 0.0 if above <= 0 else None


def _told(used: float | None, finding: Finding, *, is_floor: bool) -> str:
    if used is None or finding.observed is None:
        return finding.why
    if is_floor:
        return f"{finding.observed.value / finding.limit:.1f} times what is asked" if finding.limit else ""
    if finding.limit == 0:
        return "as asked" if used == 0 else "more than is asked"
    if used > 1:
        return f"{used:.1f} times the limit"
    return f"{used:.0%} of the limit" if used >= 0.0995 or used == 0 else f"{used:.1%} of the limit"


def key_figures(report: Report) -> tuple[KeyFigure, ...]:
    """Give the figures to be seen first: what was held, and of each kind of finding the one nearest to its limit."""
    return tuple(_key_figures(report))


def _key_figures(report: Report) -> Iterator[KeyFigure]:
    yield from _held(report)
    asked = {threshold.text: (threshold.statistic, threshold.metric) for threshold in report.plan.thresholds}
    found = margins(report)
    for name, statistic, metric in _ASKED:
        own = [margin for margin in found if asked.get(margin.finding.threshold) == (statistic, metric)]
        if own:
            yield _worst(name, own)
        elif metric == "break_point":
            yield from _unasked_break_points(report)


def _held(report: Report) -> Iterator[KeyFigure]:
    """Give the load that was held: of the phase with the highest steady rate, the longest."""
    kinds = {phase.name: phase.kind for phase in report.plan.phases}
    lengths = {seen.name: seen.ended_at - seen.started_at for seen in report.analysis.windows}
    steady = [check for check in report.analysis.load if kinds.get(check.phase) in _STEADY]
    if not steady:
        return
    most = max(steady, key=lambda check: (round(check.planned_rate_per_s, 3), lengths[check.phase]))
    yield KeyFigure(
        name="Load held",
        value=f"{per_s(most.achieved_rate_per_s)} /s",
        told=f"of {per_s(most.planned_rate_per_s)} planned, {duration(lengths[most.phase])} of {most.phase}",
    )


def _worst(name: str, own: list[Margin]) -> KeyFigure:
    """Give the margin that was missed by most, or is nearest to its limit."""
    margin = max(own, key=lambda each: (_GRAVITY[each.finding.outcome], -1.0 if each.used is None else each.used))
    finding = margin.finding
    where = finding.phase + (f", {finding.subject}" if finding.subject else "")
    worst = ", worst window" if finding.windows > 1 else ""
    return KeyFigure(
        name=name,
        value=in_unit(finding.observed.value, finding.unit) if finding.observed else NOTHING,
        told=f"{margin.told} ({_limit_of(finding)}); {where}{worst}" if finding.observed else f"{finding.why}; {where}",
        outcome=finding.outcome,
    )


_GRAVITY = {Outcome.PASSED: 0, Outcome.INVALID: 1, Outcome.FAILED: 2}


def _limit_of(finding: Finding) -> str:
    return in_unit(finding.limit, finding.unit).replace(".00 ", " ")


def _unasked_break_points(report: Report) -> Iterator[KeyFigure]:
    for point in report.analysis.break_points:
        is_found = point.outcome == BreakOutcome.FOUND
        value = in_unit(point.rate_per_s.value, "per_s") if is_found and point.rate_per_s else NOTHING
        told = f"first broken: {point.first_broken}" if is_found else point.why
        yield KeyFigure(name="Break point", value=value, told=told)


def nearest(report: Report) -> str:
    """Say which finding of a run that passed was nearest to its limit; "" where there is none."""
    known = [(margin.used, margin) for margin in margins(report) if margin.used is not None]
    if report.verdict.outcome != Outcome.PASSED or not known:
        return ""
    _, margin = max(known, key=lambda pair: pair[0])
    finding = margin.finding
    when = f" at {window(finding.started_at, finding.ended_at)}" if finding.windows > 1 else ""
    return f"Nearest to its limit: {finding.threshold} in {finding.phase}{when}, observed {margin.observed}"
