"""Results of whole phases, and what a threshold sees of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lab.analysis.leaks import leak_of, services_of
from lab.analysis.series import Series
from lab.model import (
    BreakOutcome,
    BreakPoint,
    Estimate,
    Evidence,
    Leak,
    LeakOutcome,
    Observation,
    Outcome,
    RecoveryOutcome,
    Resilience,
    SoakGrowth,
    Threshold,
    Window,
)
from lab.thresholds import holds

_LEAKS = {
    LeakOutcome.LEAK: Outcome.FAILED,
    LeakOutcome.NO_LEAK: Outcome.PASSED,
    LeakOutcome.INCONCLUSIVE: Outcome.INVALID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What phases came to."""

    resiliences: tuple[Resilience, ...] = ()
    break_points: tuple[BreakPoint, ...] = ()
    growths: tuple[SoakGrowth, ...] = ()


def of_result(threshold: Threshold, window: Window, results: Results) -> Observation:
    """Give what a threshold about the result of a phase sees of it; nothing where the phase has no such result."""
    nothing = Observation(
        threshold=threshold.text,
        phase=window.phase,
        started_at=window.started_at,
        ended_at=window.ended_at,
        count=0,
        observed=None,
        why=f"a phase of kind {window.kind} has no {threshold.metric}",
    )
    if threshold.metric == "break_point":
        points = [point for point in results.break_points if point.phase == window.phase]
        return _break_point(threshold, points[0], nothing) if points else nothing
    spikes = [spike for spike in results.resiliences if spike.phase == window.phase]
    return _recovery(spikes[0], nothing) if spikes else nothing


def _break_point(threshold: Threshold, found: BreakPoint, nothing: Observation) -> Observation:
    observed, outcome = found.rate_per_s, None
    if found.outcome == BreakOutcome.NOT_BROKEN and found.last_good_per_s is not None:
        reached = found.last_good_per_s
        observed = Estimate(value=reached, low=reached, high=reached)
        outcome = Outcome.PASSED if holds(threshold, reached) else Outcome.INVALID
    elif found.outcome != BreakOutcome.FOUND:
        outcome = Outcome.INVALID
    return replace(
        nothing,
        started_at=found.steps[0].started_at,
        ended_at=found.steps[-1].ended_at,
        count=len(found.steps),
        observed=observed,
        why=found.why,
        outcome=outcome,
    )


def _recovery(found: Resilience, nothing: Observation) -> Observation:
    """Give the time to recover: 0 where nothing was affected, and no number where it did not come back."""
    seen = replace(nothing, started_at=found.surge_ended_at, count=len(found.recoveries), why=found.why)
    if found.outcome == RecoveryOutcome.NOT_RECOVERED:
        return replace(seen, outcome=Outcome.FAILED)
    if found.outcome == RecoveryOutcome.UNAFFECTED:
        return replace(seen, observed=Estimate(value=0.0, low=0.0, high=0.0))
    return replace(seen, observed=found.recovery_s)


def of_growth(
    threshold: Threshold, window: Window, evidence: Evidence, series: Mapping[str, Series], results: Results
) -> Sequence[Observation]:
    """Give what a threshold about growth sees in a phase: of the service that it names, or of each of them."""
    named = dict(threshold.selector).get("service")
    known = services_of(series)
    services = known if named is None else (named,)
    found = [
        leak_of(
            window,
            service,
            threshold.metric,
            effect_per_h=threshold.limit,
            evidence=evidence,
            series=series,
            growths=results.growths,
        )
        for service in services
        if service in known
    ]
    if found:
        return [_growth(threshold, each, window) for each in found]
    why = f"there is no process of {named} (there are: {', '.join(known)})" if named else "no process was watched"
    return [
        Observation(
            threshold=threshold.text,
            phase=window.phase,
            started_at=window.started_at,
            ended_at=window.ended_at,
            count=0,
            observed=None,
            why=why,
        )
    ]


def _growth(threshold: Threshold, found: Leak, window: Window) -> Observation:
    needed = f"; a phase of {found.needed_s / 60:.0f} min would tell" if found.needed_s else ""
    return Observation(
        threshold=threshold.text,
        phase=window.phase,
        started_at=window.started_at + found.warmup_s,
        ended_at=window.ended_at,
        count=round(found.observed_s),
        observed=found.slope_per_h,
        why="; ".join(part for part in (found.why and found.why + needed, found.where) if part),
        subject=found.service,
        outcome=_LEAKS[found.outcome],
    )
