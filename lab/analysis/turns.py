"""What an A/B does next: a function of what there is of it, so that one that was killed goes on where it was."""

from dataclasses import dataclass

from lab.analysis.comparison import looks_for, nominal_alphas
from lab.model import BASE, CANDIDATE, Interleaved

LEAST_PAIRS = 4
"""Fewer pairs say next to nothing about their own noise: none is looked at before, unless fewer are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Drive a run of a side; `pair` counts from 0."""

    pair: int
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """See whether the runs of the first pair can be compared at all; nothing is decided by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPairs:
    """Settle how many pairs there are to be, by the noise of those that there are; `alpha` is the last look's."""

    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LookNow:
    """Compare, at the error rate of this look."""

    alpha: float
    is_last: bool


Step = Turn | Check | PlanPairs | LookNow


def order(pair: int) -> tuple[str, str]:
    """Give the sides of a pair in their turn: A B, B A, A B and so on, so that a steady drift cancels."""
    return (BASE, CANDIDATE) if pair % 2 == 0 else (CANDIDATE, BASE)


def next_step(ab: Interleaved) -> Step | None:
    """Give what is to be done next; None where nothing is."""
    count = len(ab.pairs)
    if ab.is_over:
        return None
    if ab.half is None and count:
        look = _due(ab)
        if look is not None:
            return look
        if not ab.is_checked:
            return Check()
        if ab.planned is None and count >= LEAST_PAIRS:
            return PlanPairs(alpha=_last_alpha(ab))
    first, second = order(count)
    return Turn(pair=count, side=second if ab.half else first)


def looks(ab: Interleaved) -> tuple[int, ...]:
    """Give after how many pairs it is looked at; none where it is not known how many pairs there are to be."""
    if ab.planned is None:
        return ()
    return looks_for(ab.planned) if ab.stopping.is_early else (ab.planned,)


def early_alpha(ab: Interleaved) -> float | None:
    """Give the error rate of a look at what there is now, beside those that are due; None where none has news.

    It takes its part as if it had been planned, so that one that has to end early keeps its error rate.
    """
    count, done = len(ab.pairs), _done(ab)
    if count <= max(done, default=0):
        return None
    total = max(ab.planned or ab.stopping.max_pairs, count)
    return nominal_alphas(tuple(dict.fromkeys((*done, count, total))), ab.stopping.alpha)[len(done)]


def _done(ab: Interleaved) -> tuple[int, ...]:
    return tuple(look.pairs for look in ab.looks)


def _due(ab: Interleaved) -> LookNow | None:
    planned, count, done = looks(ab), len(ab.pairs), _done(ab)
    if count not in planned or count <= max(done, default=0):
        return None
    ahead = (*done, *(look for look in planned if look >= count))
    return LookNow(alpha=nominal_alphas(ahead, ab.stopping.alpha)[len(done)], is_last=count == planned[-1])


def _last_alpha(ab: Interleaved) -> float:
    """Give the error rate of the last look, whose share of the whole hardly hangs on how many pairs there are."""
    if not ab.stopping.is_early:
        return ab.stopping.alpha
    return nominal_alphas(looks_for(ab.stopping.max_pairs), ab.stopping.alpha)[-1]


def planned_pairs(ab: Interleaved, wanted: int | None) -> int:
    """Give how many pairs there are to be: what the noise asks for, at most `max_pairs`, and what there is already."""
    most = ab.stopping.max_pairs
    return max(min(wanted or most, most), len(ab.pairs))
