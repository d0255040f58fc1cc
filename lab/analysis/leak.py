"""Leaks: whether a measure of a process grows without end, and faster than what counts."""

from dataclasses import replace

from lab.analysis.quantiles import Floats
from lab.analysis.trend import MIN_S, Growth, growth
from lab.model import Estimate, Leak, LeakOutcome

_HOUR = 3600.0
_SURELY_STRAIGHT = 3.0
"""By how much a line must be likelier than a warm-up (difference of log-likelihoods): twenty times as likely."""

_TOO_SHORT = "{:.0f} s are too short for any trend: {:.0f} s are the least"
_LONGEST_S = 48 * _HOUR


def leak(
    times: Floats,
    values: Floats,
    *,
    phase: str,
    service: str,
    metric: str,
    effect_per_h: float,
    requests_per_s: float,
    limit: float | None = None,
) -> Leak:
    """Judge a series in time order (times in epoch seconds, values in the measure's own unit).

    `effect_per_h` is the growth that counts; `limit` what the measure cannot go beyond, such as the machine's memory.
    Method and sources: lab/analysis/trend.py, docs/analysis.md.
    """
    nothing = Leak(
        phase=phase,
        service=service,
        metric=metric,
        outcome=LeakOutcome.INCONCLUSIVE,
        effect_per_h=effect_per_h,
        observed_s=float(times[-1] - times[0]) if len(times) else 0.0,
        limit=limit,
    )
    found = growth(times, values)
    if found is None:
        return replace(nothing, why=_TOO_SHORT.format(nothing.observed_s, MIN_S))
    outcome, why = _outcome(found, effect_per_h)
    return replace(
        nothing,
        outcome=outcome,
        warmup_s=found.warmup_s,
        level=found.level,
        slope_per_h=_times(found.slope_per_s, _HOUR),
        slope_per_1000_requests=_times(found.slope_per_s, 1000 / requests_per_s) if requests_per_s > 0 else None,
        needed_s=_needed_s(found, effect_per_h) if outcome == LeakOutcome.INCONCLUSIVE else None,
        to_limit_s=_to_limit_s(found, limit) if outcome == LeakOutcome.LEAK else None,
        why=why,
    )


def _times(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(value=estimate.value * factor, low=estimate.low * factor, high=estimate.high * factor)


def _outcome(found: Growth, effect_per_h: float) -> tuple[LeakOutcome, str]:
    whole = _times(found.slope_per_s, _HOUR)
    if whole.high < effect_per_h:
        return LeakOutcome.NO_LEAK, ""
    if whole.low <= 0 or whole.value <= effect_per_h:
        return (
            LeakOutcome.INCONCLUSIVE,
            "the interval of the slope holds growth that counts, and less",
        )
    if not found.is_settled or found.saturation > -_SURELY_STRAIGHT:
        return LeakOutcome.INCONCLUSIVE, "it grew, and a warm-up that would have ended explains that as well as a leak"
    return LeakOutcome.LEAK, ""


def _needed_s(found: Growth, effect_per_h: float) -> float | None:
    """Give the length of a phase whose interval would reach no further than the effect above the slope.

    The interval narrows as length^-1.5 where it comes from noise, and as 1/length where memory grows in pieces: the
    slower one is reckoned with. None where no reasonable length would do.
    """
    whole = _times(found.slope_per_s, _HOUR)
    left_s = found.duration_s - found.warmup_s
    needed_s = found.warmup_s + left_s * max(1.0, (whole.high - whole.value) / effect_per_h)
    longer_s = max(needed_s, 1.5 * found.duration_s)
    return longer_s if longer_s < _LONGEST_S else None


def _to_limit_s(found: Growth, limit: float | None) -> float | None:
    if limit is None or found.slope_per_s.value <= 0:
        return None
    left_s = found.duration_s - found.warmup_s
    at_end = found.level + found.slope_per_s.value * left_s / 2
    return max(0.0, (limit - at_end) / found.slope_per_s.value)
