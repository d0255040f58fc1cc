"""How long a system takes to be as it was before a surge.

A signal is looked at in windows that slide along the phase, each as long as its statistic needs. Before the surge they
show the band in which it lives: up to its highest value there, and a margin on top. It has recovered from the first
moment after the surge on from which every window stays in the band for a while (the hold); a signal that is not back
when the phase ends has not recovered, which is no number. Requests count when they were due: one that was due in the
surge and ended after it says nothing about the time after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.quantiles import Bools, Floats, interpolated, min_count, rate
from lab.model import Estimate, Recovery, RecoveryOutcome, Resilience

P95, ERRORS, QUEUE = "p95_s", "error_rate", "queue_depth"

MARGINS = {P95: (1.25, 0.005), ERRORS: (1.0, 0.005), QUEUE: (1.0, 1.0)}
"""The band reaches to the highest value before the surge times the first, and at least so much above it (the second).

A quarter and 5 ms for P95, since windows of few requests differ by that much from one another; half a percent of errors
is one in a window; and one analysis that waits is no backlog.
"""

HOLD_S = 5.0
_STEP_S = 0.5
_LEAST_BEFORE = 4
"""Windows before the surge that a band needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surged:
    """When the parts of a spike phase began and ended, in epoch seconds, and its rates."""

    started_at: float
    surge_started_at: float
    surge_ended_at: float
    ended_at: float
    base_rate_per_s: float
    surge_rate_per_s: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """A signal in its sliding windows, by the begin of each window."""

    begins: Floats
    values: Floats
    length_s: float


def resilience(
    phase: str,
    times: Surged,
    *,
    due: Floats,
    duration_s: Floats,
    failed: Bools,
    queue_times: Floats,
    queue_depth: Floats,
) -> Resilience:
    """Judge a spike by its requests (in the order of `due`, epoch seconds) and the depth of its queues over time."""
    length_s = min_count(0.95) / times.base_rate_per_s
    recoveries = [
        recover(P95, _p95(times, due, duration_s, length_s), times),
        recover(ERRORS, _error_rate(times, due, failed, length_s), times),
    ]
    if len(queue_times):
        recoveries.append(recover(QUEUE, _depth(times, queue_times, queue_depth), times))
    surge = slice(*np.searchsorted(due, [times.surge_started_at, times.surge_ended_at]))
    in_surge = np.sort(duration_s[surge])
    outcome = _overall(recoveries)
    slowest = max((r.recovery_s for r in recoveries if r.recovery_s), key=lambda e: e.value, default=None)
    return Resilience(
        phase=phase,
        outcome=outcome,
        surge_started_at=times.surge_started_at,
        surge_ended_at=times.surge_ended_at,
        ended_at=times.ended_at,
        base_rate_per_s=times.base_rate_per_s,
        surge_rate_per_s=times.surge_rate_per_s,
        recoveries=tuple(recoveries),
        worst_p95_s=interpolated(in_surge, 0.95) if len(in_surge) >= min_count(0.95) else None,
        error_rate=rate(failed[surge]),
        recovery_s=slowest if outcome == RecoveryOutcome.RECOVERED else None,
        backlog_drained=_drained(recoveries),
        why="; ".join(f"{r.signal}: {r.why}" for r in recoveries if r.why),
    )


def _overall(recoveries: Sequence[Recovery]) -> RecoveryOutcome:
    outcomes = {recovery.outcome for recovery in recoveries}
    for outcome in (RecoveryOutcome.NOT_RECOVERED, RecoveryOutcome.UNKNOWN, RecoveryOutcome.RECOVERED):
        if outcome in outcomes:
            return outcome
    return RecoveryOutcome.UNAFFECTED


def _drained(recoveries: Sequence[Recovery]) -> bool | None:
    queues = [r.outcome for r in recoveries if r.signal == QUEUE and r.outcome != RecoveryOutcome.UNKNOWN]
    return all(outcome != RecoveryOutcome.NOT_RECOVERED for outcome in queues) if queues else None


# --------------------------------------------------------------------------------------------------------- the signals


def _begins(times: Surged, length_s: float) -> Floats:
    """Give where windows begin: none reaches from one part of the phase into the next, but one of a part too short."""
    parts = (
        (times.started_at, times.surge_started_at),
        (times.surge_started_at, times.surge_ended_at),
        (times.surge_ended_at, times.ended_at),
    )
    begins: Floats = np.concatenate(
        [np.arange(begin, max(end - length_s, begin) + 1e-9, _STEP_S) for begin, end in parts]
    )
    return begins


def _p95(times: Surged, due: Floats, duration_s: Floats, length_s: float) -> _Seen:
    begins = _begins(times, length_s)
    parts = _parts(due, begins, length_s)
    values = [interpolated(np.sort(duration_s[part]), 0.95) if _count(part) else np.nan for part in parts]
    return _Seen(begins, np.array(values), length_s)


def _error_rate(times: Surged, due: Floats, failed: Bools, length_s: float) -> _Seen:
    begins = _begins(times, length_s)
    values = [failed[part].mean() if _count(part) else np.nan for part in _parts(due, begins, length_s)]
    return _Seen(begins, np.array(values, dtype=np.float64), length_s)


def _depth(times: Surged, queue_times: Floats, queue_depth: Floats) -> _Seen:
    rows = (queue_times >= times.started_at) & (queue_times <= times.ended_at)
    return _Seen(queue_times[rows], queue_depth[rows], 0.0)


def _parts(due: Floats, begins: Floats, length_s: float) -> list[slice]:
    firsts, lasts = np.searchsorted(due, begins), np.searchsorted(due, begins + length_s)
    return [slice(first, last) for first, last in zip(firsts, lasts, strict=True)]


def _count(part: slice) -> int:
    return int(part.stop - part.start)


# ------------------------------------------------------------------------------------------------------- one signal


def recover(signal: str, seen: _Seen, times: Surged) -> Recovery:
    """Find when a signal was back in its band for good."""
    observed_s = times.ended_at - times.surge_ended_at
    is_before = (seen.begins < times.surge_started_at) & (seen.begins + seen.length_s <= times.surge_started_at + 1e-6)
    before = seen.values[is_before & ~np.isnan(seen.values)]
    after = (seen.begins >= times.surge_ended_at - 1e-6) & ~np.isnan(seen.values)
    if len(before) < _LEAST_BEFORE or not after.any():
        why = "too few requests before the surge for a band" if after.any() else "nothing was seen after the surge"
        return Recovery(signal=signal, outcome=RecoveryOutcome.UNKNOWN, observed_s=observed_s, why=why)
    if float(np.ptp(seen.begins[after])) < HOLD_S - 1e-6:
        why = f"watched too briefly after the surge: a window of {seen.length_s:.1f} s and {HOLD_S:g} s are the least"
        return Recovery(signal=signal, outcome=RecoveryOutcome.UNKNOWN, observed_s=observed_s, why=why)
    factor, least = MARGINS[signal]
    highest = float(before.max())
    band_high = max(highest * factor, highest + least)
    later = (seen.begins + seen.length_s > times.surge_started_at) & ~np.isnan(seen.values)
    place = int(np.argmax(np.where(later, seen.values, -np.inf)))
    outcome, recovery_s, why = _back(seen.begins[after], seen.values[after] > band_high, seen.length_s, times)
    left = bool((seen.values[later] > band_high).any())
    if not left:
        outcome, recovery_s = RecoveryOutcome.UNAFFECTED, None
    return Recovery(
        signal=signal,
        outcome=outcome,
        band_high=band_high,
        worst=float(seen.values[place]),
        worst_at=float(seen.begins[place]),
        recovery_s=recovery_s,
        observed_s=observed_s,
        why=why,
    )


def _back(
    begins: Floats, is_out: Bools, length_s: float, times: Surged
) -> tuple[RecoveryOutcome, Estimate | None, str]:
    """Give the first moment from which the signal stays in its band for the hold.

    It came back somewhere between the begin of the last window that was out and the end of the first one that was in
    to the half: a window is out as soon as one in twenty of its requests is slow.
    """
    since = begins - times.surge_ended_at
    hold_s = HOLD_S + length_s
    for place in np.flatnonzero(~is_out):
        held = (begins >= begins[place]) & (begins <= begins[place] + hold_s)
        if is_out[held].any():
            continue
        if begins[-1] - begins[place] < HOLD_S - 1e-6:
            break
        value = float(since[place])
        last_out = float(since[place - 1]) if place else 0.0
        return (
            RecoveryOutcome.RECOVERED,
            Estimate(value=value, low=max(last_out, 0.0), high=value + max(length_s / 2, _STEP_S)),
            "",
        )
    observed_s = times.ended_at - times.surge_ended_at
    return RecoveryOutcome.NOT_RECOVERED, None, f"not back in its band in the {observed_s:.0f} s after the surge"
