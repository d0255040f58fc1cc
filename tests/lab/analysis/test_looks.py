"""When services are profiled in a phase, and what is driven again for that."""

from dataclasses import replace
from itertools import pairwise

import pytest

from lab.analysis.looks import Look, again, again_after, looks_within, sides, usable
from lab.analysis.staircase import Next, Trial
from lab.analysis.steps import as_phase
from lab.model import Moment, Phase, PhaseKind, ProfileKind, Profiling, Staircase, Step, StepPurpose, Surge
from lab.thresholds import parse

SOAK = Phase(
    name="soak", kind=PhaseKind.SOAK, rate_per_s=50, duration_s=600, profile=(Moment.END, Moment.START, Moment.MIDDLE)
)
SPIKE = Phase(
    name="spike",
    kind=PhaseKind.SPIKE,
    rate_per_s=50,
    duration_s=120,
    surge=Surge(factor=4, before_s=60, surge_s=20, after_s=40),
    profile=(Moment.TOP,),
)
STRESS = Phase(
    name="stress",
    kind=PhaseKind.STRESS,
    start_rate_per_s=10,
    rate_per_s=100,
    duration_s=100,
    staircase=Staircase(breaks=(parse("error_rate < 1%"),)),
    profile=(Moment.GOOD, Moment.BREAK),
)
ASKED = Profiling()
WITHOUT_REPEAT = Profiling(repeat=False)
TRIALS = (Trial(10, broke=False), Trial(20, broke=True))


def ends(look: Look) -> float:
    return look.at_s + look.seconds


def test_start_middle_and_end_lie_within_the_phase_in_the_order_of_time_and_never_overlap() -> None:
    looks = looks_within(SOAK, ASKED)
    assert [look.moment for look in looks] == [Moment.START, Moment.MIDDLE, Moment.END]
    assert all(before.at_s + before.seconds < after.at_s for before, after in pairwise(looks))
    assert looks[0].at_s > 0
    assert looks[1].at_s + looks[1].seconds / 2 == pytest.approx(SOAK.duration_s / 2)
    assert ends(looks[-1]) < SOAK.duration_s


def test_a_phase_that_asks_for_nothing_is_left_alone() -> None:
    quiet = replace(SOAK, profile=())
    assert looks_within(quiet, ASKED) == ()
    assert again_after(quiet, ASKED) == ()


def test_the_top_of_a_spike_is_driven_again_and_the_spike_itself_is_left_alone() -> None:
    assert looks_within(SPIKE, ASKED) == ()
    (top,) = again_after(SPIKE, ASKED)
    assert top.rate_per_s == 200
    (look,) = top.looks
    assert (look.moment, look.kind, look.seconds) == (Moment.TOP, ProfileKind.CPU, ASKED.cpu_s)
    assert ends(look) < top.duration_s


def test_without_repeats_the_top_is_looked_at_within_the_surge() -> None:
    assert again_after(SPIKE, WITHOUT_REPEAT) == ()
    (look,) = looks_within(SPIKE, WITHOUT_REPEAT)
    assert look.at_s > 60
    assert ends(look) < 80
    assert looks_within(SPIKE, Profiling(repeat=False, cpu_s=300))[0].seconds < 20


def test_heaps_are_compared_after_the_phase_at_its_rate_and_following_ends_with_the_second() -> None:
    (followed,) = again_after(replace(SOAK, profile=(Moment.HEAP,)), ASKED)
    first, second = followed.looks
    assert followed.rate_per_s == SOAK.rate_per_s
    assert first.kind == second.kind == ProfileKind.HEAP
    assert second.at_s - ends(first) == pytest.approx(ASKED.heap_s / 3)
    assert first.goes_on_s is not None
    assert ends(first) + first.goes_on_s > ends(second)
    assert second.goes_on_s == 0
    assert ends(second) < followed.duration_s


def test_a_stress_phase_is_looked_at_on_both_sides_of_where_it_broke() -> None:
    assert sides(STRESS, TRIALS) == {Moment.GOOD: 10, Moment.BREAK: 20}
    assert sides(STRESS, TRIALS[:1]) == {Moment.GOOD: 10}
    assert sides(replace(STRESS, profile=(Moment.BREAK,)), TRIALS) == {Moment.BREAK: 20}
    assert sides(STRESS, ()) == {}
    stretch = again(Moment.BREAK, 20, ASKED, settle_s=7)
    assert (stretch.rate_per_s, stretch.looks[0].at_s) == (20, 7)


@pytest.mark.parametrize(
    ("following", "done", "moment"),
    [
        (Next(10, StepPurpose.CONFIRM), [], Moment.GOOD),
        (Next(20, StepPurpose.CONFIRM), [], Moment.BREAK),
        (Next(20, StepPurpose.CONFIRM), [Moment.BREAK], None),
        (Next(10, StepPurpose.SEARCH), [], None),
        (Next(15, StepPurpose.CONFIRM), [], None),
    ],
)
def test_only_a_step_that_repeats_a_side_is_used_for_its_profile_and_once(
    following: Next, done: list[Moment], moment: Moment | None
) -> None:
    assert usable(following, STRESS, TRIALS, done=done) == moment


def test_what_is_driven_again_is_a_phase_that_is_never_judged_at_a_constant_rate() -> None:
    step = Step(phase="spike", number=1, rate_per_s=200, duration_s=21, purpose=StepPurpose.PROFILE, moment=Moment.TOP)
    driven = as_phase(step, SPIKE)
    assert driven.kind == PhaseKind.PROFILE
    assert (driven.name, driven.duration_s) == ("spike-01", 21)
    assert {driven.rate_at(second) for second in (0, 10, 20)} == {200}
