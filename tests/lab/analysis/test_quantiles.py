"""Percentiles, means and rates: exact where a law says what they are, and intervals that cover what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.quantiles import Floats, mean, min_count, percentile, rate, summarise
from lab.threshold_metrics import QUANTILES

DURATIONS = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=400)


@given(DURATIONS)
def test_percentiles_are_those_of_numpy_and_lie_in_their_intervals(values: list[float]) -> None:
    array = np.array(values)
    found = summarise(array)
    assert found.count == len(values)
    assert found.max_s == max(values)
    for name, quantile in QUANTILES.items():
        estimate = getattr(found, f"{name}_s")
        assert (estimate is None) == (len(values) < min_count(quantile))
        if estimate is not None:
            assert estimate.value == pytest.approx(float(np.quantile(array, quantile)), rel=1e-12)
            assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize(("name", "count"), [("p50", 20), ("p90", 100), ("p95", 200), ("p99", 1000), ("p999", 10_000)])
def test_a_percentile_needs_ten_values_beyond_it(name: str, count: int) -> None:
    assert min_count(QUANTILES[name]) == count
    for size, given_one in ((count - 1, False), (count, True)):
        values = np.linspace(0, 1, size)
        assert (percentile(values, values, QUANTILES[name]) is not None) == given_one


def test_nothing_gives_nothing() -> None:
    empty = summarise(np.zeros(0))
    assert empty.count == 0
    assert empty.mean_s is None
    assert empty.max_s is None
    assert rate(np.zeros(0, bool)) is None
    assert mean(np.ones(1)) is None


def ar1(random: np.random.Generator, size: int, correlation: float) -> Floats:
    """A series whose neighbours are correlated, each value standard normal."""
    noise = random.standard_normal(size) * math.sqrt(1 - correlation**2)
    values = np.empty(size)
    values[0] = random.standard_normal()
    for index in range(1, size):
        values[index] = correlation * values[index - 1] + noise[index]
    return values


P95_OF_NORMAL = 1.6448536


@pytest.mark.parametrize(
    ("correlation", "lowest"),
    [(0.0, 0.93), (0.5, 0.90), (0.8, 0.86)],
)
def test_intervals_cover_the_truth_about_as_often_as_they_say_also_for_correlated_series(
    correlation: float, lowest: float
) -> None:
    random = np.random.default_rng(14)
    series = [ar1(random, 3000, correlation) for _ in range(300)]
    p95s = [percentile(values, np.sort(values), 0.95) for values in series]
    means = [mean(values) for values in series]
    rates = [rate(values > P95_OF_NORMAL) for values in series]
    for truth, estimates in ((P95_OF_NORMAL, p95s), (0.0, means), (0.05, rates)):
        covered = np.mean([e is not None and e.low <= truth <= e.high for e in estimates])
        assert lowest <= covered <= 1.0


def test_intervals_that_take_correlated_values_as_independent_would_be_too_narrow() -> None:
    random = np.random.default_rng(14)
    values = ar1(random, 3000, 0.8)
    correlated = percentile(values, np.sort(values), 0.95)
    shuffled = random.permutation(values)
    independent = percentile(shuffled, np.sort(shuffled), 0.95)
    assert correlated is not None
    assert independent is not None
    assert correlated.high - correlated.low > 1.5 * (independent.high - independent.low)


def test_no_failure_in_n_is_no_proof_that_there_are_none() -> None:
    nothing = rate(np.zeros(448, bool))
    assert nothing is not None
    assert nothing.value == nothing.low == 0
    # what Wilson's interval comes to when nothing failed
    assert nothing.high == pytest.approx(1.959964**2 / (448 + 1.959964**2))


def test_failures_in_a_row_count_for_less_than_failures_here_and_there() -> None:
    spread_out = np.zeros(3000, bool)
    spread_out[::20] = True
    in_a_row = np.zeros(3000, bool)
    in_a_row[1000:1150] = True
    apart, together = rate(spread_out), rate(in_a_row)
    assert apart is not None
    assert together is not None
    assert apart.value == together.value == pytest.approx(0.05)
    assert together.high - together.low > 3 * (apart.high - apart.low)
