"""Recovery after a surge, of queues whose backlog is known."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.quantiles import Floats
from lab.analysis.recovery import Surged, resilience
from lab.model import Recovery, RecoveryOutcome, Resilience
from tests.lab.analysis.synthetic_queue import Answered, arrivals, served, surge

BEFORE_S, SURGE_S, AFTER_S, BASE, FACTOR = 30.0, 15.0, 60.0, 50.0, 4.0
NOTHING: Floats = np.zeros(0)
TIMES = Surged(
    started_at=0.0,
    surge_started_at=BEFORE_S,
    surge_ended_at=BEFORE_S + SURGE_S,
    ended_at=BEFORE_S + SURGE_S + AFTER_S,
    base_rate_per_s=BASE,
    surge_rate_per_s=BASE * FACTOR,
)


def surged(seed: int, *, service_s: float, servers: int = 4, room: int | None = None) -> Answered:
    random = np.random.default_rng(seed)
    due = arrivals(surge(BASE, FACTOR, BEFORE_S, SURGE_S, AFTER_S), random)
    return served(due, random, servers=servers, service_s=service_s, variation=0.3, room=room)


def judged(answered: Answered, queue_times: Floats = NOTHING, queue_depth: Floats = NOTHING) -> Resilience:
    return resilience(
        "spike",
        TIMES,
        due=answered.due,
        duration_s=answered.duration_s,
        failed=answered.failed,
        queue_times=queue_times,
        queue_depth=queue_depth,
    )


def signal(found: Resilience, name: str) -> Recovery:
    return next(recovery for recovery in found.recoveries if recovery.signal == name)


def drained_after(service_s: float, servers: int = 4) -> float:
    """When the backlog of a surge is worked off: what came too much, at what is left of the capacity."""
    capacity = servers / service_s
    return (BASE * FACTOR - capacity) * SURGE_S / (capacity - BASE)


@pytest.mark.parametrize("service_s", [0.025, 0.03, 0.033])
@pytest.mark.parametrize("seed", range(4))
def test_recovery_takes_as_long_as_the_backlog_needs(service_s: float, seed: int) -> None:
    found = judged(surged(seed, service_s=service_s))
    assert found.outcome == RecoveryOutcome.RECOVERED
    assert found.recovery_s is not None
    assert found.recovery_s.value == pytest.approx(drained_after(service_s), abs=4.0)
    assert found.recovery_s.low <= found.recovery_s.value <= found.recovery_s.high
    assert found.worst_p95_s is not None
    assert found.worst_p95_s > 1


def test_a_surge_that_the_system_bears_affects_nothing() -> None:
    found = judged(surged(1, service_s=0.005))
    assert found.outcome == RecoveryOutcome.UNAFFECTED
    assert found.recovery_s is None


def test_not_recovered_in_the_time_that_was_watched_is_no_number() -> None:
    found = judged(surged(1, service_s=0.06))
    assert drained_after(0.06) > AFTER_S
    assert found.outcome == RecoveryOutcome.NOT_RECOVERED
    assert found.recovery_s is None
    assert "not back in its band in the 60 s after the surge" in found.why


def test_refused_requests_are_errors_of_the_surge_and_end_with_it() -> None:
    found = judged(surged(1, service_s=0.03, room=20))
    errors = signal(found, "error_rate")
    assert errors.outcome == RecoveryOutcome.RECOVERED
    assert errors.recovery_s is not None
    assert errors.recovery_s.value < 3
    assert found.error_rate is not None
    assert found.error_rate.value > 0.2


def test_the_slowest_signal_decides_and_a_queue_that_stays_full_is_not_drained() -> None:
    times = np.arange(0.0, TIMES.ended_at)
    for after, outcome in ((20.0, RecoveryOutcome.RECOVERED), (1e9, RecoveryOutcome.NOT_RECOVERED)):
        depth = np.where((times >= BEFORE_S) & (times < TIMES.surge_ended_at + after), 30.0, 0.0)
        found = judged(surged(1, service_s=0.005), times, depth)
        assert found.outcome == outcome
        assert found.backlog_drained == (outcome == RecoveryOutcome.RECOVERED)
        if found.recovery_s:
            assert found.recovery_s.low <= 20 <= found.recovery_s.high


def test_a_relapse_within_the_hold_is_no_recovery() -> None:
    times = np.arange(0.0, TIMES.ended_at)
    since = times - TIMES.surge_ended_at
    depth = np.where(((since >= -10) & (since < 4)) | ((since >= 7) & (since < 12)), 30.0, 0.0)
    found = signal(judged(surged(1, service_s=0.005), times, depth), "queue_depth")
    assert found.recovery_s is not None
    assert found.recovery_s.value == pytest.approx(12, abs=1)


def test_requests_that_were_due_in_the_surge_say_nothing_of_the_time_after_it() -> None:
    answered = surged(1, service_s=0.005)
    slow = (answered.due >= TIMES.surge_ended_at - 2) & (answered.due < TIMES.surge_ended_at)
    duration = np.where(slow, 10.0, answered.duration_s)
    found = judged(Answered(due=answered.due, duration_s=duration, failed=answered.failed))
    assert found.recovery_s is not None
    assert found.recovery_s.value == 0


def test_a_phase_that_ends_before_anyone_could_tell_is_unknown_and_not_a_failure() -> None:
    answered = surged(1, service_s=0.03)
    brief = replace(TIMES, ended_at=TIMES.surge_ended_at + 6)
    kept = answered.due < brief.ended_at
    found = resilience(
        "spike",
        brief,
        due=answered.due[kept],
        duration_s=answered.duration_s[kept],
        failed=answered.failed[kept],
        queue_times=NOTHING,
        queue_depth=NOTHING,
    )
    assert found.outcome == RecoveryOutcome.UNKNOWN
    assert "watched too briefly after the surge" in found.why


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 300)])
def test_too_little_to_see_is_unknown(rows: slice) -> None:
    answered = surged(1, service_s=0.005)
    part = Answered(due=answered.due[rows], duration_s=answered.duration_s[rows], failed=answered.failed[rows])
    found = judged(part)
    assert found.outcome == RecoveryOutcome.UNKNOWN
    assert found.why
