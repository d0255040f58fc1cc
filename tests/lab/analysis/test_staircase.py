"""The search for the break point, against systems whose break point is known."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.staircase import Bracket, Trial, bracket, counts, estimate, is_confirmed, next_step
from lab.model import Phase, PhaseKind, Staircase, StepPurpose
from lab.thresholds import parse

STAIRCASE = Staircase(breaks=(parse("error_rate < 1%"),), growth=1.3, resolution=0.08, confirmations=2, max_steps=30)
PHASE = Phase(
    name="stress",
    kind=PhaseKind.STRESS,
    start_rate_per_s=50,
    rate_per_s=500,
    duration_s=1,
    staircase=STAIRCASE,
)


def searched(breaks: Callable[[float], bool], phase: Phase = PHASE) -> list[Trial]:
    trials: list[Trial] = []
    while (step := next_step(phase, trials)) is not None:
        trials.append(Trial(step.rate_per_s, breaks(step.rate_per_s)))
    return trials


@pytest.mark.parametrize("place", [40, 51, 100, 237, 480])
def test_a_sharp_break_point_is_bracketed_and_repeated_on_either_side(place: float) -> None:
    trials = searched(lambda rate: rate >= place)
    found = bracket(trials)
    assert found.good_per_s is not None
    assert found.bad_per_s is not None
    assert found.good_per_s < place <= found.bad_per_s
    assert found.bad_per_s / found.good_per_s <= 1.08 + 1e-9
    assert counts(trials, found.good_per_s) == (3, 0)
    assert counts(trials, found.bad_per_s) == (0, 3)
    assert is_confirmed(PHASE, trials)


@pytest.mark.parametrize("place", [51, 100, 237, 480])
def test_the_interval_holds_a_sharp_break_point_and_is_narrow(place: float) -> None:
    found = estimate(PHASE, searched(lambda rate: rate >= place))
    assert found.low < place < found.high
    assert found.value == pytest.approx(place, rel=0.08)


def test_the_climb_ends_at_the_ceiling_which_is_repeated_where_nothing_breaks() -> None:
    trials = searched(lambda _: False)
    assert [trial.rate_per_s for trial in trials[-3:]] == [500, 500, 500]
    assert bracket(trials) == Bracket(500, None)
    assert not is_confirmed(PHASE, trials)


def test_where_even_the_start_breaks_lower_rates_are_tried_and_then_given_up() -> None:
    trials = searched(lambda _: True)
    assert trials[0].rate_per_s == 50
    assert min(trial.rate_per_s for trial in trials) == pytest.approx(50 / 1.3**3)
    assert bracket(trials).good_per_s is None
    assert not is_confirmed(PHASE, trials)


def test_a_single_bad_step_below_the_break_point_is_outvoted() -> None:
    calls = 0

    def breaks(rate: float) -> bool:
        nonlocal calls
        calls += 1
        return rate >= 200 or calls == 2

    trials = searched(breaks)
    found = bracket(trials)
    assert found.good_per_s is not None
    assert 170 < found.good_per_s < 200


def test_a_contradicted_repeat_asks_for_more() -> None:
    agreed = [Trial(100, broke=False)] * 3 + [Trial(105, broke=True)] * 3
    assert next_step(PHASE, agreed) is None
    contradicted = [*agreed, Trial(105, broke=False)]
    following = next_step(PHASE, contradicted)
    assert following is not None
    assert (following.rate_per_s, following.purpose) == (105, StepPurpose.CONFIRM)


def test_no_more_steps_are_driven_than_there_may_be() -> None:
    few = replace(PHASE, staircase=replace(STAIRCASE, max_steps=4))
    assert len(searched(lambda rate: rate > 130, few)) == 4


@given(st.lists(st.tuples(st.sampled_from([50, 65, 80, 100, 130]), st.booleans()), min_size=1, max_size=25))
def test_whatever_happened_there_is_a_bracket_that_the_fewest_trials_contradict(pairs: list[tuple[int, bool]]) -> None:
    trials = [Trial(float(rate), broke) for rate, broke in pairs]
    found = bracket(trials)
    rates = sorted({trial.rate_per_s for trial in trials})
    split = 0 if found.good_per_s is None else rates.index(found.good_per_s) + 1
    assert found.bad_per_s == (rates[split] if split < len(rates) else None)

    def contradicted(place: int) -> int:
        return sum(trial.broke != (rates.index(trial.rate_per_s) >= place) for trial in trials)

    assert contradicted(split) == min(contradicted(place) for place in range(len(rates) + 1))
    interval = estimate(PHASE, trials)
    assert 0 < interval.low <= interval.value <= interval.high


def test_with_noise_the_interval_covers_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(5), 0
    for _ in range(60):
        place, width = random.uniform(math.log(60), math.log(450)), random.uniform(0.01, 0.15)

        def breaks(rate: float, place: float = place, width: float = width) -> bool:
            return bool(random.random() < (1 + math.erf((math.log(rate) - place) / width / math.sqrt(2))) / 2)

        found = estimate(PHASE, searched(breaks))
        covered += found.low <= math.exp(place) <= found.high
    assert covered >= 52  # of 60 at 95 %, fewer than one time in a hundred
