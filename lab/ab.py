"""Two sides driven in turns and compared: A B B A A B B A, until the answer is clear or all pairs are driven.

What is next is decided by `lab.analysis.turns` alone, from `ab.json`, which is replaced after every step: whatever ends
an A/B early, it goes on from there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from lab.analysis.turns import Check, LookNow, PlanPairs, Step, Turn, early_alpha, looks, next_step, planned_pairs
from lab.comparing import compare_runs
from lab.errors import NothingComparedError
from lab.model import BASE, CANDIDATE, Comparison, InterimLook, Interleaved, Judgement, LeftOut
from lab.rundir import AbDir, RunDir
from lab.sides import under_test

_ATTEMPTS = 3
_APART_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run that was driven; `why` says why it cannot be used, "" where it can."""

    run: str
    why: str = ""


Measure = Callable[[str, int], Measured]
"""Drives a run of a side, by its name, with so much added to the plan's seed."""

Compare = Callable[[AbDir, Interleaved, float], Comparison]
"""Compares the pairs that there are, at an error rate."""

Say = Callable[[str], None]

Keep = Callable[[Comparison], None]
"""Keeps the answer; it is called before the A/B is marked as over."""


class _UnusableError(Exception):
    """A place in a pair was driven as often as it may be, and no run can be used."""


def compared(folder: AbDir, ab: Interleaved, alpha: float) -> Comparison:
    """Compare the pairs of an A/B at an error rate. Raises ConfigError where they cannot be."""
    pairs, stopping = folder.pairs(), ab.stopping
    return compare_runs(
        [base for base, _ in pairs],
        [candidate for _, candidate in pairs],
        are_pairs=True,
        route=ab.route,
        effect=stopping.effect,
        look_for=stopping.look_for,
        alpha=alpha,
        under_test=under_test(ab.sides[BASE], ab.sides[CANDIDATE]),
        names=(BASE, CANDIDATE),
    )


def drive(folder: AbDir, *, measure: Measure, compare: Compare, keep: Keep, say: Say) -> Comparison:
    """Do whatever an A/B lacks, and give its answer; `keep` gets it too.

    Where runs of a side are invalid again and again it ends with what there is, and says why. Raises ConfigError where
    the runs cannot be compared, NothingComparedError where there is no pair, and what `measure` raises.
    """
    driver = _Driver(folder, measure, compare, keep, say)
    folder.write(replace(folder.read(), stopped=""))
    try:
        while (step := next_step(folder.read())) is not None:
            found = driver.take(step)
            if found is not None:
                return found
    except _UnusableError as error:
        return driver.stop(str(error))
    raise AssertionError("an A/B that is over was driven")


class _Driver:
    """Takes the steps of one A/B, each of which leaves `ab.json` as it is then."""

    def __init__(self, folder: AbDir, measure: Measure, compare: Compare, keep: Keep, say: Say) -> None:
        self._folder = folder
        self._measure = measure
        self._compare = compare
        self._keep = keep
        self._say = say

    def take(self, step: Step) -> Comparison | None:
        """Take a step; gives the answer where that is one."""
        ab = self._folder.read()
        match step:
            case Turn():
                self._turn(ab, step)
            case Check():
                self._compare(self._folder, ab, ab.stopping.alpha)
                self._folder.write(replace(ab, is_checked=True))
            case PlanPairs():
                self._plan(ab, step.alpha)
            case LookNow():
                return self._look(ab, step)
            case _:
                assert_never(step)
        return None

    def stop(self, why: str) -> Comparison:
        """End without having driven all pairs; gives what the pairs that there are say."""
        ab = replace(self._folder.read(), stopped=why)
        self._folder.write(ab)
        alpha = early_alpha(ab)
        if not ab.pairs:
            raise NothingComparedError(why)
        self._say(f"the A/B ends early: {why}")
        if alpha is None:  # nothing has come since the last look
            return self._answer(ab, self._compare(self._folder, ab, ab.looks[-1].alpha))
        found = self._compare(self._folder, ab, alpha)
        is_clear = found.judgement != Judgement.CANNOT_TELL
        return self._answer(replace(_looked(ab, alpha, found.judgement), is_over=is_clear), found)

    def _turn(self, ab: Interleaved, turn: Turn) -> None:
        told = f"pair {turn.pair + 1}{f' of {ab.planned}' if ab.planned else ''}, {turn.side}"
        for _ in range(_ATTEMPTS):
            self._say(f"{told}: {ab.sides[turn.side].told}")
            measured = self._measure(turn.side, turn.pair)
            if not measured.why:
                self._folder.write(_with_run(ab, turn, measured.run))
                return
            self._say(f"{told}: run {measured.run} cannot be used: {measured.why}")
            left = LeftOut(run=measured.run, pair=turn.pair, side=turn.side, why=measured.why)
            ab = replace(ab, left_out=(*ab.left_out, left))
            self._folder.write(ab)
        raise _UnusableError(f"{told}: {_ATTEMPTS} runs could not be used, the last one because of {measured.why}")

    def _plan(self, ab: Interleaved, alpha: float) -> None:
        wanted = self._compare(self._folder, ab, alpha).pairs_wanted
        planned = planned_pairs(ab, wanted)
        asked = f"the noise of {len(ab.pairs)} pairs asks for {wanted or 'more than can be said'}"
        self._say(
            f"{asked} to find {ab.stopping.look_for:.0%}: {planned} are driven, unless the answer is clear before"
        )
        self._folder.write(replace(ab, planned=planned))

    def _look(self, ab: Interleaved, step: LookNow) -> Comparison | None:
        found = self._compare(self._folder, ab, step.alpha)
        looked = _looked(ab, step.alpha, found.judgement)
        is_clear = found.judgement != Judgement.CANNOT_TELL
        self._say(f"after {len(ab.pairs)} of {ab.planned} pairs: {found.judgement}")
        if step.is_last or is_clear:
            return self._answer(replace(looked, is_over=True), found)
        self._folder.write(looked)
        return None

    def _answer(self, ab: Interleaved, found: Comparison) -> Comparison:
        answer = replace(found, notes=(*found.notes, *notes(self._folder, ab)))
        self._keep(answer)
        self._folder.write(ab)
        return answer


def _with_run(ab: Interleaved, turn: Turn, run: str) -> Interleaved:
    if ab.half is None:
        return replace(ab, half={turn.side: run})
    both = {**ab.half, turn.side: run}
    return replace(ab, half=None, pairs=(*ab.pairs, (both[BASE], both[CANDIDATE])))


def _looked(ab: Interleaved, alpha: float, judgement: Judgement) -> Interleaved:
    return replace(ab, looks=(*ab.looks, InterimLook(pairs=len(ab.pairs), alpha=alpha, judgement=judgement)))


def notes(folder: AbDir, ab: Interleaved) -> Iterator[str]:
    """Say what is to be known of how an answer came about."""
    if ab.stopped:
        yield f"the A/B ended before all pairs were driven: {ab.stopped}"
    schedule = looks(ab)
    if len(schedule) > 1 or len(ab.looks) > 1:
        seen = ", ".join(str(look.pairs) for look in ab.looks)
        part = f"its part of the {ab.stopping.alpha:.1%} in which equal sides may be told apart"
        yield f"it was looked at after {seen} of {ab.planned or 'some'} pairs, and each look has {part}"
    for number, pair in enumerate(folder.pairs(), start=1):
        apart_s = _apart_s(*pair)
        if apart_s > _APART_S:
            apart = f"{apart_s / 3600:.1f} h apart"
            yield f"the runs of pair {number} are {apart}: what the machine did meanwhile is in their difference"
    if len({_checkout(run) for pair in folder.pairs() for run in pair}) > 1:
        yield "the checkout that the load scripts are in was changed while the A/B went on"
    if ab.left_out:
        why = ", ".join(dict.fromkeys(left.why for left in ab.left_out))
        yield f"{len(ab.left_out)} runs could not be used, and others took their place: {why}"


def _apart_s(one: RunDir, two: RunDir) -> float:
    """Give the time between the end of the earlier run of two and the start of the later one."""
    first, second = sorted((run.read_record() for run in (one, two)), key=lambda record: float(record["started_at"]))
    return float(second["started_at"]) - float(first["ended_at"])


def _checkout(run: RunDir) -> str:
    return str(run.read_record().get("provenance", {}).get("code"))
