"""Change points: series whose truth is known. How often they are found is for benchmarks/history.py to say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.change_points import Rule, Split, Values, change_points


def noise(seed: int, count: int, spread: float = 1.0) -> Values:
    return np.random.default_rng(seed).normal(10.0, spread, count)


def indices(splits: tuple[Split, ...]) -> list[int]:
    return [split.index for split in splits]


@pytest.mark.parametrize("count", [10, 30, 80])
def test_noise_has_a_change_no_more_often_than_alpha_says(count: int) -> None:
    # of 300 series, 3 are expected to have one; that 10 have comes about once in a thousand times
    found = sum(bool(change_points(noise(seed, count), Rule(alpha=0.01))) for seed in range(300))
    assert found < 10


@pytest.mark.parametrize("seed", range(20))
def test_a_step_is_found_within_a_run_of_where_it_is(seed: int) -> None:
    values = noise(seed, 40)
    values[25:] += 6.0
    (found,) = change_points(values)
    assert abs(found.index - 25) <= 1
    assert found.change.low <= 6.0 + 1.5
    assert found.change.high >= 6.0 - 1.5
    assert found.after - found.before == pytest.approx(found.change.value)
    assert (found.begin, found.end) == (0, 40)


def test_three_runs_after_a_step_are_enough_and_two_are_not() -> None:
    values = noise(3, 23)
    values[20:] += 8.0
    assert indices(change_points(values)) == [20]
    assert change_points(values[:22]) == ()


def test_several_steps_are_found_in_their_order_also_beyond_one_window() -> None:
    values = noise(4, 160)
    values[40:] += 5.0
    values[100:] -= 8.0
    found = change_points(values)
    assert indices(found) == pytest.approx([40, 100], abs=1)
    assert [math.copysign(1, split.change.value) for split in found] == [1, -1]
    assert found[0].end == found[1].index
    assert found[1].begin == found[0].index


@pytest.mark.parametrize("place", [0, 1, 12, 22, 23])
@pytest.mark.parametrize("size", [6.0, 50.0, 1e6])
def test_a_run_that_stands_alone_is_no_change(place: int, size: float) -> None:
    values = noise(5, 24)
    values[place] += size
    assert change_points(values) == ()


def test_a_drift_is_changes_in_its_direction() -> None:
    found = change_points(noise(6, 60) + 0.2 * np.arange(60))
    assert found
    assert all(split.change.value > 0 for split in found)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e9])
def test_a_constant_series_has_no_change(value: float) -> None:
    assert change_points(np.full(30, value)) == ()


def test_a_step_between_constants_is_a_change_without_doubt() -> None:
    (found,) = change_points(np.array([0.1] * 5 + [0.2] * 5))
    assert found.index == 5
    assert found.p_value == 0
    assert found.change.value == found.change.low == found.change.high == pytest.approx(0.1)


@pytest.mark.parametrize("count", range(6))
def test_too_few_runs_have_no_change(count: int) -> None:
    assert change_points(np.arange(count, dtype=np.float64) * 100) == ()


def test_a_change_that_does_not_matter_is_none() -> None:
    values = noise(7, 40, spread=0.01)
    values[20:] += 0.1
    assert indices(change_points(values)) == [20]
    assert change_points(values, least_change=0.2) == ()


def test_a_change_is_not_hidden_by_one_that_takes_it_back() -> None:
    values = noise(8, 24)
    values[10:17] += 6.0
    assert indices(change_points(values)) == [10, 17]


@pytest.mark.parametrize("size", [4.0, 6.0, 20.0, 1000.0])
def test_steps_in_one_direction_are_all_found_however_large(size: float) -> None:
    values = noise(9, 60)
    values[20:] += size
    values[40:] += size
    assert indices(change_points(values)) == pytest.approx([20, 40], abs=1)


def test_runs_that_resemble_those_before_them_are_seldom_a_change() -> None:
    found = 0
    for seed in range(100):
        steps = noise(seed, 100) - 10.0
        for place in range(1, len(steps)):
            steps[place] += 0.5 * steps[place - 1]
        found += bool(change_points(steps))
    assert found <= 5


@given(
    st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=70),
    st.floats(min_value=0.5, max_value=20.0),
)
def test_changes_are_in_order_far_enough_apart_and_do_not_hang_on_the_unit(values: list[float], factor: float) -> None:
    series = np.array(values, dtype=np.float64)
    found = change_points(series)
    bounds = [0, *indices(found), len(series)]
    if found:
        assert min(np.diff(bounds)) >= 3
        assert all(0 <= split.p_value <= 0.001 for split in found)
        doubled = change_points(series * 2.0 ** round(factor))
        assert indices(doubled) == indices(found)
