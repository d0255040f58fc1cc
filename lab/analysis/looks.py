"""When services are profiled in a phase, and what of it is driven again for that; both follow from the plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.analysis.staircase import Next, Trial, bracket
from lab.model import Moment, Phase, ProfileKind, Profiling, StepPurpose

SETTLE_S = 4.0
"""How long load goes on before the first look, where the plan has no settling time of its own."""

_SPARE_S = 2.0
"""What is left after a look, so that load does not end in it."""

_MARGIN_S = 1.0
"""By how much a look within a surge keeps away from its ends."""

_LEAST_TOP_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A profile that is due `at_s` seconds after load began, and takes `seconds`.

    A heap is followed for `goes_on_s` more, so that another profile can be compared with this one; 0 ends that.
    """

    moment: Moment
    kind: ProfileKind
    at_s: float
    seconds: float
    goes_on_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What is driven again, and looked into meanwhile."""

    rate_per_s: float
    duration_s: float
    looks: tuple[Look, ...]


def looks_within(phase: Phase, asked: Profiling) -> tuple[Look, ...]:
    """Give the looks that fall into a phase as it is driven; what is due meanwhile is not judged."""
    found = [_within(moment, phase, asked.cpu_s) for moment in phase.profile]
    if phase.surge is not None and Moment.TOP in phase.profile and not asked.repeat:
        seconds = max(min(asked.cpu_s, phase.surge.surge_s - 2 * _MARGIN_S), _LEAST_TOP_S)
        found.append(_cpu(Moment.TOP, phase.surge.before_s + _MARGIN_S, seconds))
    return tuple(sorted((look for look in found if look is not None), key=lambda look: look.at_s))


def _within(moment: Moment, phase: Phase, seconds: float) -> Look | None:
    last_s = phase.duration_s - seconds - SETTLE_S
    at_s = {Moment.START: SETTLE_S, Moment.MIDDLE: (SETTLE_S + last_s) / 2, Moment.END: last_s}.get(moment)
    return None if at_s is None else _cpu(moment, max(at_s, 0.0), seconds)


def _cpu(moment: Moment, at_s: float, seconds: float) -> Look:
    return Look(moment=moment, kind=ProfileKind.CPU, at_s=at_s, seconds=seconds)


def again_after(phase: Phase, asked: Profiling) -> tuple[Again, ...]:
    """Give what of a phase is driven again after it: a spike's top, and its load while heaps are followed."""
    found = []
    if phase.surge is not None and Moment.TOP in phase.profile and asked.repeat:
        found.append(again(Moment.TOP, phase.rate_per_s * phase.surge.factor, asked))
    if Moment.HEAP in phase.profile:
        found.append(_followed(phase.rate_per_s, asked.heap_s))
    return tuple(found)


def again(moment: Moment, rate_per_s: float, asked: Profiling, *, settle_s: float = SETTLE_S) -> Again:
    """Give a stretch at a rate for one CPU profile."""
    look = _cpu(moment, settle_s, asked.cpu_s)
    return Again(rate_per_s=rate_per_s, duration_s=settle_s + asked.cpu_s + _SPARE_S, looks=(look,))


def _followed(rate_per_s: float, seconds: float) -> Again:
    """Give a stretch for two heap profiles: what grew between them is told by the second."""
    each_s = seconds / 3
    first = Look(moment=Moment.HEAP, kind=ProfileKind.HEAP, at_s=SETTLE_S, seconds=each_s, goes_on_s=2 * seconds)
    second = replace(first, at_s=SETTLE_S + 2 * each_s, goes_on_s=0.0)
    return Again(rate_per_s=rate_per_s, duration_s=SETTLE_S + seconds + _SPARE_S, looks=(first, second))


def sides(phase: Phase, trials: Sequence[Trial]) -> dict[Moment, float]:
    """Give the rates of a stress phase that are to be profiled: those beside where it broke, as far as known."""
    found = bracket(trials)
    rates = {Moment.GOOD: found.good_per_s, Moment.BREAK: found.bad_per_s}
    return {moment: rate for moment in phase.profile if (rate := rates.get(moment)) is not None}


def usable(following: Next, phase: Phase, trials: Sequence[Trial], *, done: Sequence[Moment]) -> Moment | None:
    """Give the moment for whose profile the next step of a search can be used, None where there is none.

    Only a step that repeats what is known is used up for it; the search then asks for another one.
    """
    if following.purpose != StepPurpose.CONFIRM:
        return None
    rates = sides(phase, trials)
    return next((moment for moment in rates if moment not in done and rates[moment] == following.rate_per_s), None)
