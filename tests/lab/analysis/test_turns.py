"""What an A/B does next, from what there is of it."""

from dataclasses import replace

import pytest

from lab.analysis.comparison import nominal_alphas
from lab.analysis.turns import Check, LookNow, PlanPairs, Turn, early_alpha, looks, next_step, order, planned_pairs
from lab.model import InterimLook, Interleaved, Judgement, Stopping


def an_ab(
    pairs: int = 0, *, planned: int | None = None, looked: tuple[int, ...] = (), early: bool = True
) -> Interleaved:
    return Interleaved(
        scenario="mixed",
        plan={},
        wanted={},
        sides={},
        stopping=Stopping(pairs=planned, max_pairs=40, look_for=0.1, alpha=0.01, is_early=early),
        started_at=0.0,
        pairs=tuple((f"b{n}", f"c{n}") for n in range(pairs)),
        planned=planned,
        looks=tuple(InterimLook(pairs=n, alpha=0.001, judgement=Judgement.CANNOT_TELL) for n in looked),
        is_checked=True,
    )


def test_sides_take_turns_so_that_a_steady_drift_cancels() -> None:
    sides = [side for pair in range(4) for side in order(pair)]
    assert "".join(side[0] for side in sides) == "bccbbccb"
    places = {name: sum(i for i, side in enumerate(sides) if side == name) for name in set(sides)}
    assert len(set(places.values())) == 1


def test_an_a_b_begins_with_the_base_and_ends_pairs_before_anything_else() -> None:
    ab = an_ab(planned=4)
    assert next_step(ab) == Turn(pair=0, side="base")
    assert next_step(replace(ab, half={"base": "b0"})) == Turn(pair=0, side="candidate")
    assert next_step(an_ab(1, planned=4)) == Turn(pair=1, side="candidate")
    assert next_step(replace(an_ab(1, planned=4), half={"candidate": "c1"})) == Turn(pair=1, side="base")
    assert next_step(replace(an_ab(2, planned=2), is_over=True)) is None


def test_the_first_pair_is_checked_before_another_one_is_driven() -> None:
    assert next_step(replace(an_ab(1, planned=8), is_checked=False)) == Check()
    assert next_step(replace(an_ab(0, planned=8), is_checked=False)) == Turn(pair=0, side="base")


def test_how_many_pairs_there_are_is_settled_after_four() -> None:
    assert next_step(an_ab(3)) == Turn(pair=3, side="candidate")
    step = next_step(an_ab(4))
    assert isinstance(step, PlanPairs)
    assert 0.005 < step.alpha < 0.01  # what the last of three looks has
    assert next_step(an_ab(4, early=False)) == PlanPairs(alpha=0.01)
    assert looks(an_ab(4)) == ()


def test_looks_are_due_at_a_half_three_quarters_and_all_of_the_pairs() -> None:
    alphas = nominal_alphas((8, 12, 16), 0.01)
    assert next_step(an_ab(8, planned=16)) == LookNow(alpha=alphas[0], is_last=False)
    assert next_step(an_ab(8, planned=16, looked=(8,))) == Turn(pair=8, side="base")
    assert next_step(an_ab(12, planned=16, looked=(8,))) == LookNow(alpha=alphas[1], is_last=False)
    assert next_step(an_ab(16, planned=16, looked=(8, 12))) == LookNow(alpha=alphas[2], is_last=True)
    assert sum(alphas) == pytest.approx(0.01)


@pytest.mark.parametrize(("planned", "at"), [(2, (2,)), (4, (4,)), (6, (4, 5, 6)), (8, (4, 6, 8))])
def test_none_is_looked_at_before_four_unless_fewer_are_asked_for(planned: int, at: tuple[int, ...]) -> None:
    assert looks(an_ab(planned=planned)) == at
    assert looks(an_ab(planned=planned, early=False)) == (planned,)


def test_without_early_stop_the_only_look_has_the_whole_error_rate() -> None:
    assert next_step(an_ab(8, planned=16, early=False)) == Turn(pair=8, side="base")
    assert next_step(an_ab(16, planned=16, early=False)) == LookNow(alpha=pytest.approx(0.01), is_last=True)


def test_all_looks_together_never_have_more_than_the_error_rate() -> None:
    # an unplanned one after 5 of 16 pairs, and then the planned ones
    unplanned = early_alpha(an_ab(5, planned=16))
    assert unplanned is not None
    ab, spent, at = an_ab(5, planned=16, looked=(5,)), unplanned, [8, 12, 16]
    for count in at:
        step = next_step(replace(an_ab(count, planned=16), looks=ab.looks))
        assert isinstance(step, LookNow)
        spent += step.alpha
        ab = an_ab(count, planned=16, looked=(*(look.pairs for look in ab.looks), count))
    assert spent == pytest.approx(0.01)


def test_a_look_without_news_is_none() -> None:
    assert early_alpha(an_ab(0, planned=8)) is None
    assert early_alpha(an_ab(8, planned=16, looked=(8,))) is None
    at_end = early_alpha(an_ab(16, planned=16, looked=(8, 12)))
    assert at_end == pytest.approx(nominal_alphas((8, 12, 16), 0.01)[2])


def test_the_noise_asks_for_pairs_within_what_is_allowed() -> None:
    assert planned_pairs(an_ab(4), 11) == 11
    assert planned_pairs(an_ab(4), 300) == 40
    assert planned_pairs(an_ab(4), None) == 40
    assert planned_pairs(an_ab(4), 3) == 4
