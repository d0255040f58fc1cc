"""What is said of figures of two sides: values whose truth is known, and how often what is said is wrong."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lab.analysis.comparison import judged, looks_for, nominal_alphas
from lab.analysis.comparison.contrast import Contrast, contrast
from lab.analysis.comparison.measures import Effects, error_rate, latency, request_rate
from lab.analysis.comparison.power import LEAST_PAIRS, detectable, pairs_wanted
from lab.model import Cell, Compared, Judgement, Measure, RunFigure

P50 = latency("p50", Effects(ratio=0.05, growth_bytes_per_h=1e6))
RATE = request_rate(Effects(ratio=0.05, growth_bytes_per_h=1e6))
CHANCE = np.random.default_rng(14)
BEGIN = CHANCE.bit_generator.state


@pytest.fixture(autouse=True)
def same_chance() -> None:
    """Begin anew for each test, whichever others ran before it."""
    CHANCE.bit_generator.state = BEGIN


def a_figure(
    value: float, *, measure: Measure = P50, error: float = 0.005, count: int = 500, place: int = 0
) -> RunFigure:
    cell = Cell(phase="steady", route=f"GET /{place}")
    return RunFigure(measure=measure, cell=cell, value=value, error=error, count=count, is_headline=place == 0)


def compared(
    base: Sequence[float], candidate: Sequence[float], *, measure: Measure = P50, are_pairs: bool = True, **more: float
) -> Compared:
    """Compare one figure of some runs."""
    count = int(more.get("count", 500))
    sides = [[(a_figure(value, measure=measure, count=count),) for value in side] for side in (base, candidate)]
    (found,) = judged(*sides, are_pairs=are_pairs, alpha=0.01, look_for=more.get("look_for", 0.1))
    return found


def pairs(count: int, *, change: float, spread: float, drift: float = 0.3) -> tuple[list[float], list[float]]:
    """Give pairs of runs on a machine that drifts; `spread` is the standard deviation of a pair's log difference."""
    mood = CHANCE.normal(0, drift, count)
    noise = CHANCE.normal(0, spread / math.sqrt(2), (2, count))
    return list(np.exp(mood + noise[0]) * 0.02), list(np.exp(mood + noise[1]) * 0.02 * (1 + change))


# ------------------------------------------------------------------------------------------------- the four judgements


def test_what_got_slower_in_every_pair_regressed_though_the_machine_drifted_more_than_that() -> None:
    found = compared([0.020, 0.030, 0.024, 0.040, 0.018], [0.0222, 0.0329, 0.0266, 0.0438, 0.0199])
    assert found.judgement == Judgement.REGRESSED
    assert found.change.value == pytest.approx(0.1, abs=0.01)
    assert 0 < found.change.low < found.change.value < found.change.high
    assert found.base == pytest.approx(math.exp(np.log([0.020, 0.030, 0.024, 0.040, 0.018]).mean()))


def test_the_other_way_round_it_improved() -> None:
    found = compared([0.0222, 0.0329, 0.0266, 0.0438, 0.0199], [0.020, 0.030, 0.024, 0.040, 0.018])
    assert found.judgement == Judgement.IMPROVED
    assert found.change.value == pytest.approx(-0.09, abs=0.01)


def test_fewer_requests_per_second_are_worse() -> None:
    slower = compared([50.0, 50.1, 50.0, 49.9], [40.0, 40.1, 40.0, 40.0], measure=RATE)
    assert slower.judgement == Judgement.REGRESSED
    assert slower.change.high < 0


def test_what_moves_by_less_than_is_looked_for_is_unchanged() -> None:
    found = compared([0.020, 0.030, 0.024, 0.040, 0.018], [0.0201, 0.0299, 0.0241, 0.0401, 0.0180])
    assert found.judgement == Judgement.UNCHANGED
    assert found.detectable is not None
    assert found.detectable < 0.05


def test_a_sure_change_below_the_effect_that_matters_is_no_regression() -> None:
    base = [0.020, 0.030, 0.024, 0.040, 0.018]
    found = compared(base, [value * 1.02 for value in base])
    assert found.change.low > 0
    assert found.judgement == Judgement.UNCHANGED


def test_noise_that_hides_the_change_cannot_be_told_from_it_and_says_how_many_pairs_would() -> None:
    found = compared([0.020, 0.030, 0.024, 0.040], [0.023, 0.028, 0.026, 0.038])
    assert found.judgement == Judgement.CANNOT_TELL
    assert found.pairs_wanted is not None
    assert found.pairs_wanted > 4


def test_one_run_a_side_is_held_against_what_starts_are_assumed_to_differ_by() -> None:
    near = compared([0.020], [0.022])
    assert near.judgement == Judgement.CANNOT_TELL
    assert near.change.high - near.change.low > 0.5
    far = compared([0.020], [0.060])
    assert far.judgement == Judgement.REGRESSED


def test_runs_that_are_no_pairs_are_compared_by_their_own_spread() -> None:
    base, candidate = [0.0200, 0.0202, 0.0198, 0.0201], [0.0220, 0.0223, 0.0219, 0.0221, 0.0222]
    found = compared(base, candidate, are_pairs=False)
    assert found.judgement == Judgement.REGRESSED
    assert found.change.value == pytest.approx(0.103, abs=0.005)


# ---------------------------------------------------------------------------------------------------- odd values


def test_constant_values_are_unchanged_and_constant_different_values_are_not() -> None:
    assert compared([0.02] * 4, [0.02] * 4).judgement == Judgement.UNCHANGED
    assert compared([0.02] * 4, [0.03] * 4).judgement == Judgement.REGRESSED
    assert compared([0.02] * 4, [0.02] * 4, are_pairs=False).judgement == Judgement.UNCHANGED


def test_two_pairs_say_next_to_nothing() -> None:
    found = compared([0.020, 0.021], [0.024, 0.0254])
    assert found.judgement == Judgement.CANNOT_TELL


def test_no_failure_in_few_requests_does_not_show_that_none_would_fail() -> None:
    few = compared([0.0] * 4, [0.0] * 4, measure=error_rate(), count=50)
    many = compared([0.0] * 4, [0.0] * 4, measure=error_rate(), count=20_000)
    assert few.judgement == Judgement.CANNOT_TELL
    assert few.change.high > 0.005
    assert many.judgement == Judgement.UNCHANGED


def test_failures_are_found_by_their_share() -> None:
    found = compared([0.0, 0.001, 0.0, 0.0], [0.05, 0.048, 0.052, 0.051], measure=error_rate(), count=1000)
    assert found.judgement == Judgement.REGRESSED
    assert found.change.value == pytest.approx(0.05, abs=0.002)


def test_figures_of_one_side_alone_are_not_compared() -> None:
    base = [(a_figure(0.02), a_figure(0.03, place=1))]
    candidate = [(a_figure(0.02),)]
    assert [f.cell.route for f in judged(base, candidate, are_pairs=False, alpha=0.01, look_for=0.1)] == ["GET /0"]


def test_a_ratio_of_nothing_is_not_compared() -> None:
    assert judged([(a_figure(0.0),)], [(a_figure(0.02),)], are_pairs=False, alpha=0.01, look_for=0.1) == ()


# ---------------------------------------------------------------------------------------------- how often it is wrong


def test_what_is_asked_keeps_its_precision_however_many_other_figures_there_are() -> None:
    def headline(others: int) -> Compared:
        base, candidate = pairs(6, change=0.0, spread=0.02)
        sides = [
            [tuple(a_figure(value, place=place) for place in range(others + 1)) for value in side]
            for side in (base, candidate)
        ]
        return judged(*sides, are_pairs=True, alpha=0.01, look_for=0.1)[0]

    state = CHANCE.bit_generator.state
    few = headline(1)
    CHANCE.bit_generator.state = state
    assert headline(40).change == few.change


def test_alarms_over_all_figures_of_equal_sides_are_as_rare_as_stated() -> None:
    alarms, sets, alpha = 0, 400, 0.05
    for _ in range(sets):
        columns = [pairs(5, change=0.0, spread=0.2) for _ in range(8)]
        sides = [
            [tuple(a_figure(column[side][run], place=p) for p, column in enumerate(columns)) for run in range(5)]
            for side in (0, 1)
        ]
        found = judged(*sides, are_pairs=True, alpha=alpha, look_for=0.1)
        alarms += any(one.judgement in {Judgement.REGRESSED, Judgement.IMPROVED} for one in found)
    assert alarms <= sets * alpha + 3 * math.sqrt(sets * alpha)


def test_looking_early_raises_no_more_alarms_than_stated() -> None:
    alpha, looks, sets, alarms = 0.05, looks_for(12), 1500, 0
    parts = nominal_alphas(looks, alpha)
    for _ in range(sets):
        differences = CHANCE.normal(0, 0.02, looks[-1])
        for look, part in zip(looks, parts, strict=True):
            figures = [a_figure(math.exp(value)) for value in differences[:look]]
            found = contrast([a_figure(1.0)] * look, figures, are_pairs=True)
            if abs(found.shift) > found.half_width(part):
                alarms += 1
                break
    assert alarms <= sets * alpha + 3 * math.sqrt(sets * alpha)


def test_the_detectable_change_is_found_in_95_of_100() -> None:
    alpha, spread, count, found = 0.01, 0.03, 6, 0
    error = spread / math.sqrt(count)
    known = Contrast(shift=0, error=error, freedom=5, spread=spread, spread_freedom=5, count=count)
    change = detectable(known, alpha)
    for _ in range(2000):
        figures = [a_figure(math.exp(value)) for value in CHANCE.normal(change, spread, count)]
        one = contrast([a_figure(1.0)] * count, figures, are_pairs=True)
        found += one.shift - one.half_width(alpha) > 0
    assert found / 2000 == pytest.approx(0.95, abs=0.02)


def test_as_many_pairs_as_are_wanted_find_what_is_looked_for() -> None:
    alpha, spread, sets, regressed, unchanged = 0.01, 0.04, 300, 0, 0
    for _ in range(sets):
        pilot = contrast(*_figures(*pairs(LEAST_PAIRS, change=0.0, spread=spread)), are_pairs=True)
        wanted = pairs_wanted(pilot, alpha, effect=math.log(1.05), look_for=math.log(1.1))
        assert wanted is not None
        regressed += compared(*pairs(wanted, change=0.1, spread=spread)).judgement == Judgement.REGRESSED
        unchanged += compared(*pairs(wanted, change=0.0, spread=spread)).judgement == Judgement.UNCHANGED
    assert regressed >= 0.88 * sets
    assert unchanged >= 0.88 * sets


def _figures(base: Sequence[float], candidate: Sequence[float]) -> tuple[list[RunFigure], list[RunFigure]]:
    return [a_figure(value) for value in base], [a_figure(value) for value in candidate]


def test_more_noise_wants_more_pairs_and_hopeless_noise_says_so() -> None:
    wanted = [
        pairs_wanted(
            contrast(*_figures(*pairs(5, change=0.0, spread=spread)), are_pairs=True), 0.01, effect=0.05, look_for=0.1
        )
        for spread in (0.005, 0.05, 20.0)
    ]
    assert wanted[0] == LEAST_PAIRS
    assert wanted[1] is not None
    assert wanted[1] > 6
    assert wanted[2] is None


# --------------------------------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize("total", [4, 5, 6, 8, 12, 40])
def test_looks_rise_to_all_pairs_and_spend_the_error_rate_no_more(total: int) -> None:
    looks = looks_for(total)
    parts = nominal_alphas(looks, 0.01)
    assert looks[0] >= LEAST_PAIRS
    assert looks[-1] == total
    assert list(looks) == sorted(set(looks))
    assert sum(parts) == pytest.approx(0.01)
    assert list(parts) == sorted(parts)


def test_three_pairs_are_looked_at_once() -> None:
    assert looks_for(3) == (3,)
