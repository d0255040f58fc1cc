"""The knee of a ramp, for queues whose saturation is known, and what broke where."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.analysis import analyse
from lab.analysis.quantiles import Floats
from lab.analysis.ramps import find_knee
from lab.model import Phase, PhaseKind, Ramp
from lab.thresholds import parse
from tests.lab.analysis.a_run import ARun

RATES: Floats = np.linspace(2, 120, 40)


def latencies(seed: int, knee: float | None, *, noise: float = 0.1) -> Floats:
    """P90 that is level up to the knee and then rises with the cube of the rate."""
    factor = 1.0 if knee is None else np.maximum(RATES / knee, 1) ** 3
    return 0.02 * factor * np.exp(np.random.default_rng(seed).normal(0, noise, len(RATES)))


@pytest.mark.parametrize("knee", [30.0, 60.0, 80.0])
def test_a_knee_is_found_where_it_is(knee: float) -> None:
    found = [find_knee(RATES, latencies(seed, knee)) for seed in range(10)]
    assert all(each is not None and each.value == pytest.approx(knee, rel=0.15) for each in found)
    assert sum(each is not None and each.low <= knee <= each.high for each in found) >= 8


def test_latency_that_is_level_has_no_knee() -> None:
    assert [find_knee(RATES, latencies(seed, None)) for seed in range(20)] == [None] * 20


def test_a_rise_that_is_too_small_to_matter_is_no_knee() -> None:
    assert find_knee(RATES, 0.02 * np.maximum(RATES / 60, 1) ** 0.3) is None


def test_a_ramp_that_does_not_climb_has_no_knee() -> None:
    assert find_knee(np.full(40, 50.0), latencies(1, None)) is None


def a_ramp(folder: Path, expect: str) -> Ramp:
    """60 s from 0 to 40 requests per second; from 20 per second on, every request fails and takes a second."""
    run = ARun(folder, kind=PhaseKind.RAMP)
    run.samples.clear()
    for number in range(1200):
        due = 60 * np.sqrt(number / 1200)
        is_late = due >= 30
        took = 1.0 if is_late else 0.02
        run.samples.append(run.request(due + took, took_s=took, status=500 if is_late else 200))
    evidence = run.evidence()
    phase = Phase(name="sustain", kind=PhaseKind.RAMP, start_rate_per_s=0.001, rate_per_s=40, duration_s=60)
    plan = replace(evidence.plan, phases=(phase,), thresholds=(parse(expect),))
    (found,) = analyse(replace(evidence, plan=plan)).ramps
    return found


def test_the_first_rate_at_which_a_threshold_breaks_is_between_two_bins(tmp_path: Path) -> None:
    (broken,) = a_ramp(tmp_path, "error_rate < 1%").breaks
    assert broken.threshold == "error_rate < 1%"
    assert broken.rate_per_s.low <= 20 <= broken.rate_per_s.high
    assert broken.rate_per_s.high - broken.rate_per_s.low < 5


def test_what_holds_all_the_way_up_broke_nowhere(tmp_path: Path) -> None:
    assert a_ramp(tmp_path, "max(http_req_duration) < 5s").breaks == ()


def test_bins_say_rate_concurrency_and_errors(tmp_path: Path) -> None:
    found = a_ramp(tmp_path, "error_rate < 1%")
    assert len(found.bins) == 12
    first, last = found.bins[0], found.bins[-1]
    assert (first.offered_rate_per_s, last.offered_rate_per_s) == pytest.approx((1.67, 38.3), abs=0.1)
    assert last.achieved_rate_per_s == pytest.approx(38.3, abs=1.0)
    assert last.concurrency == pytest.approx(38.3, abs=1.0)  # each of them takes a second
    assert last.error_rate is not None
    assert last.error_rate.value == 1.0
    assert first.p95_s is None  # so few requests cannot support it
