"""Results of whole phases, and what a threshold sees of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.model import BreakOutcome, BreakPoint, Estimate, Observation, Outcome, Threshold, Window
from lab.thresholds import holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What phases came to."""

    break_points: tuple[BreakPoint, ...] = ()


def of_result(threshold: Threshold, window: Window, results: Results) -> Sequence[Observation]:
    """Give what a threshold about a result, or about growth, sees of the phase that it is held against."""
    found = next(point for point in results.break_points if point.phase == window.phase)
    return [_break_point(threshold, found)]


def _break_point(threshold: Threshold, found: BreakPoint) -> Observation:
    observed, outcome = found.rate_per_s, None
    if found.outcome == BreakOutcome.NOT_BROKEN and found.last_good_per_s is not None:
        reached = found.last_good_per_s
        observed = Estimate(value=reached, low=reached, high=reached)
        outcome = Outcome.PASSED if holds(threshold, reached) else Outcome.INVALID
    elif found.outcome != BreakOutcome.FOUND:
        outcome = Outcome.INVALID
    return Observation(
        threshold=threshold.text,
        phase=found.phase,
        started_at=found.steps[0].started_at if found.steps else 0.0,
        ended_at=found.steps[-1].ended_at if found.steps else 0.0,
        count=len(found.steps),
        observed=observed,
        why=found.why,
        outcome=outcome,
    )
