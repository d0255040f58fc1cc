"""What thresholds about the results of phases see: what did not come back is no number, and misses all the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.analysis import analyse
from lab.analysis.results import Results, of_result
from lab.analysis.verdict import judge
from lab.model import (
    Estimate,
    Finding,
    Outcome,
    Phase,
    PhaseKind,
    Profile,
    RecoveryOutcome,
    Resilience,
    Surge,
    Window,
)
from lab.thresholds import parse
from tests.lab.analysis.a_run import START, ARun, a_profile

THRESHOLD = parse("recovery_time < 30s")
WINDOW = Window(
    phase="spike",
    kind=PhaseKind.SPIKE,
    step=0,
    started_at=0,
    ended_at=100,
    planned_rate_per_s=1,
    achieved_rate_per_s=1,
    k6_exit_code=0,
)


def a_spike(outcome: RecoveryOutcome, seconds: float | None) -> Resilience:
    return Resilience(
        phase="spike",
        outcome=outcome,
        surge_started_at=40,
        surge_ended_at=60,
        ended_at=100,
        base_rate_per_s=50,
        surge_rate_per_s=200,
        recoveries=(),
        recovery_s=None if seconds is None else Estimate(value=seconds, low=seconds - 1, high=seconds + 1),
        why="p95_s: not back" if outcome == RecoveryOutcome.NOT_RECOVERED else "",
    )


@pytest.mark.parametrize(
    ("outcome", "seconds", "value", "known"),
    [
        (RecoveryOutcome.RECOVERED, 12.0, 12.0, None),
        (RecoveryOutcome.UNAFFECTED, None, 0.0, None),
        (RecoveryOutcome.NOT_RECOVERED, None, None, Outcome.FAILED),
        (RecoveryOutcome.UNKNOWN, None, None, None),
    ],
)
def test_the_time_to_recover_is_seen_from_the_end_of_the_surge(
    outcome: RecoveryOutcome, seconds: float | None, value: float | None, known: Outcome | None
) -> None:
    seen = of_result(THRESHOLD, WINDOW, Results(resiliences=(a_spike(outcome, seconds),)))
    assert (seen.observed and seen.observed.value) == value
    assert seen.outcome == known
    assert (seen.started_at, seen.ended_at) == (60, 100)


def test_a_phase_without_such_a_result_says_so() -> None:
    seen = of_result(THRESHOLD, replace(WINDOW, kind=PhaseKind.SOAK), Results())
    assert seen.observed is None
    assert seen.why == "a phase of kind soak has no recovery_time"


def spiked(folder: Path, *, slow_until_s: float, base: float = 40.0, profiles: tuple[Profile, ...] = ()) -> Finding:
    """Give the finding of a spike of 15 s in the middle of 90 s, with slow requests until some seconds after it."""
    run = ARun(folder, kind=PhaseKind.SPIKE, seconds=90, profiles=profiles)
    run.samples.clear()
    for due in np.arange(0, 90, 1 / base):
        took = 0.8 if 30 <= due < 45 + slow_until_s else 0.02
        run.samples.append(run.request(float(due) + took, took_s=took))
    evidence = run.evidence()
    surge = Surge(factor=2, before_s=30, surge_s=15, after_s=45)
    phase = Phase(name="sustain", kind=PhaseKind.SPIKE, rate_per_s=base, duration_s=90, surge=surge)
    plan = replace(evidence.plan, phases=(phase,), thresholds=(THRESHOLD,))
    (finding,) = judge(analyse(replace(evidence, plan=plan)), plan).findings
    return finding


def test_a_spike_is_judged_from_the_files_of_a_run(tmp_path: Path) -> None:
    recovered = spiked(tmp_path, slow_until_s=10)
    assert recovered.outcome == Outcome.PASSED
    assert recovered.observed is not None
    assert recovered.observed.low <= 10 <= recovered.observed.high
    assert recovered.started_at == START + 45
    never = spiked(tmp_path, slow_until_s=100)
    assert never.outcome == Outcome.FAILED
    assert never.observed is None
    assert "not back in its band in the 45 s after the surge" in never.why


def test_a_spike_that_a_profiler_looked_into_has_no_recovery(tmp_path: Path) -> None:
    finding = spiked(tmp_path, slow_until_s=100, profiles=(a_profile(32, 40),))
    assert finding.outcome == Outcome.INVALID
    assert finding.why == "a profiler looked on"


def test_none_of_its_signals_has_recovered_then(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.SPIKE, seconds=90, profiles=(a_profile(32, 40),))
    surge = Surge(factor=2, before_s=30, surge_s=15, after_s=45)
    phase = Phase(name="sustain", kind=PhaseKind.SPIKE, rate_per_s=2.0, duration_s=90, surge=surge)
    evidence = run.evidence()
    (found,) = analyse(replace(evidence, plan=replace(evidence.plan, phases=(phase,)))).resiliences
    assert found.recoveries
    assert {(each.outcome, each.recovery_s, each.why) for each in found.recoveries} == {
        (RecoveryOutcome.UNKNOWN, None, "a profiler looked on")
    }


def test_a_spike_of_too_few_requests_has_no_verdict(tmp_path: Path) -> None:
    assert spiked(tmp_path, slow_until_s=10, base=2).outcome == Outcome.INVALID
