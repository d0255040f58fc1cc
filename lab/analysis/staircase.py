"""Which rate a stress phase drives next, and the break point that its steps tell; both follow from the steps so far.

A system does not break at a sharp rate: near it, noise decides, and a step says only yes or no. That is the situation
of psychophysics, so its model is used (Watson and Pelli, "QUEST: a Bayesian adaptive psychometric method", Perception &
Psychophysics 33(2), 1983; Kontsevich and Tyler, "Bayesian adaptive estimation of psychometric slope and threshold",
Vision Research 39, 1999): the probability that a step breaks rises with the logarithm of its rate as a normal
distribution function, of unknown place (the break point) and unknown width, with a small share of steps that end by
chance. Place and width have flat priors on a grid; the answer is the posterior median with its 95 % credible interval.
How the rates were chosen does not matter to it, so searching and repeating may follow the data.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.quantiles import Floats
from lab.model import Estimate, Phase, Staircase, StepPurpose

LAPSE = 0.01
"""The share of steps that end by chance, such as by a pause of the machine."""

WIDTHS = (0.004, 0.25)
"""The least and the greatest width of the transition, as the standard deviation of log(rate)."""

_WIDE = 3.0
"""How wide an interval may be, in resolutions, where repeats contradict one another."""

_PLACES, _WIDTHS = 600, 25
_FALLS = 3
"""How many steps below its start a stress phase looks for a good rate, before it says that there is none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A step that was judged: its rate, and whether it broke."""

    rate_per_s: float
    broke: bool


@dataclass(frozen=True, slots=True)
class Next:
    """The step to drive next."""

    rate_per_s: float
    purpose: StepPurpose


@dataclass(frozen=True, slots=True)
class Bracket:
    """The neighbouring rates between which the trials place the break point; None where there is none on that side."""

    good_per_s: float | None
    bad_per_s: float | None


def next_step(phase: Phase, trials: Sequence[Trial]) -> Next | None:
    """Give the step to drive after `trials`; None when the answer is there, or the steps have run out."""
    staircase, start = staircase_of(phase), phase.start_rate_per_s or phase.rate_per_s
    if len(trials) >= staircase.max_steps:
        return None
    if not trials:
        return Next(start, StepPurpose.CLIMB)
    found = bracket(trials)
    if found.bad_per_s is None:
        return _climb(phase, staircase, trials, found)
    if found.good_per_s is None:
        return _fall(staircase, start, found.bad_per_s, trials)
    if found.bad_per_s / found.good_per_s - 1 > staircase.resolution + 1e-9:
        return Next(math.sqrt(found.good_per_s * found.bad_per_s), StepPurpose.SEARCH)
    return _confirm(staircase, found, trials)


def staircase_of(phase: Phase) -> Staircase:
    """Give how a stress phase looks for its break point."""
    assert phase.staircase is not None, "a stress phase has a staircase"
    return phase.staircase


def _climb(phase: Phase, staircase: Staircase, trials: Sequence[Trial], found: Bracket) -> Next | None:
    assert found.good_per_s is not None
    ceiling = phase.rate_per_s
    if found.good_per_s < ceiling * (1 - 1e-9):
        return Next(min(found.good_per_s * staircase.growth, ceiling), StepPurpose.CLIMB)
    goods, bads = counts(trials, found.good_per_s)
    lacking = goods < 1 + staircase.confirmations or goods <= bads
    return Next(ceiling, StepPurpose.CONFIRM) if lacking else None


def _fall(staircase: Staircase, start: float, bad_per_s: float, trials: Sequence[Trial]) -> Next | None:
    lowest = start / staircase.growth**_FALLS
    if bad_per_s > lowest * (1 + 1e-9):
        return Next(max(bad_per_s / staircase.growth, lowest), StepPurpose.SEARCH)
    goods, bads = counts(trials, bad_per_s)
    return Next(bad_per_s, StepPurpose.CONFIRM) if bads < 1 + staircase.confirmations + goods else None


def _confirm(staircase: Staircase, found: Bracket, trials: Sequence[Trial]) -> Next | None:
    """Repeat the side that lacks more repeats; the lower one first, since it also lets the system come to rest."""
    assert found.good_per_s is not None
    assert found.bad_per_s is not None
    needed = 1 + staircase.confirmations
    goods, against_good = counts(trials, found.good_per_s)
    against_bad, bads = counts(trials, found.bad_per_s)
    lacking = {found.good_per_s: needed + against_good - goods, found.bad_per_s: needed + against_bad - bads}
    rate, lack = max(lacking.items(), key=lambda item: (item[1], -item[0]))
    return Next(rate, StepPurpose.CONFIRM) if lack > 0 else None


def is_confirmed(phase: Phase, trials: Sequence[Trial]) -> bool:
    """Whether trials place the break point as closely, and as often, as the phase asks for.

    Either the rates on both sides of it lie close together and were repeated; or, where a system breaks by chance over
    a wide range of rates and repeats contradict one another, the interval is narrow and as many trials were good below
    it and bad above it.
    """
    found = bracket(trials)
    if found.good_per_s is None or found.bad_per_s is None:
        return False
    staircase = staircase_of(phase)
    is_close = found.bad_per_s / found.good_per_s - 1 <= staircase.resolution + 1e-9
    if is_close and _confirm(staircase, found, trials) is None:
        return True
    interval, needed = estimate(phase, trials), 1 + staircase.confirmations
    goods = sum(not trial.broke and trial.rate_per_s <= found.good_per_s for trial in trials)
    bads = sum(trial.broke and trial.rate_per_s >= found.bad_per_s for trial in trials)
    is_narrow = interval.high / interval.low - 1 <= _WIDE * staircase.resolution
    return is_narrow and goods >= needed and bads >= needed


def bracket(trials: Sequence[Trial]) -> Bracket:
    """Give the split of the rates that the fewest trials contradict: bad ones below it, good ones above it.

    Of splits that equally many contradict, the one at the lowest rate is given, which promises least.
    """
    rates = sorted({trial.rate_per_s for trial in trials})
    bads: Counter[float] = Counter(trial.rate_per_s for trial in trials if trial.broke)
    goods: Counter[float] = Counter(trial.rate_per_s for trial in trials if not trial.broke)

    def contradicted(split: int) -> int:
        return sum(bads[rate] for rate in rates[:split]) + sum(goods[rate] for rate in rates[split:])

    split = min(range(len(rates) + 1), key=lambda place: (contradicted(place), place))
    return Bracket(rates[split - 1] if split else None, rates[split] if split < len(rates) else None)


def counts(trials: Sequence[Trial], rate_per_s: float) -> tuple[int, int]:
    """Give how many trials at a rate were good, and how many were bad."""
    at_rate = [trial.broke for trial in trials if math.isclose(trial.rate_per_s, rate_per_s, rel_tol=1e-9)]
    return at_rate.count(False), at_rate.count(True)


def estimate(phase: Phase, trials: Sequence[Trial]) -> Estimate:
    """Give the break point in requests per second, with its 95 % credible interval.

    The prior reaches one growth beyond what the phase may drive on either side. Source: see the module.
    """
    staircase, start = staircase_of(phase), phase.start_rate_per_s or phase.rate_per_s
    low = math.log(start) - (_FALLS + 1) * math.log(staircase.growth)
    high = math.log(phase.rate_per_s) + math.log(staircase.growth)
    places = np.linspace(low, high, _PLACES)
    posterior = _posterior(places, trials)
    cumulative = np.cumsum(posterior)
    step = (high - low) / (_PLACES - 1)
    ends = [float(np.exp(np.interp(share, cumulative, places + step / 2))) for share in (0.5, 0.025, 0.975)]
    return Estimate(value=ends[0], low=ends[1], high=ends[2])


def _posterior(places: Floats, trials: Sequence[Trial]) -> Floats:
    widths = np.geomspace(*WIDTHS, _WIDTHS)
    log_likelihood = np.zeros((len(places), len(widths)))
    for trial in trials:
        z = (math.log(trial.rate_per_s) - places[:, None]) / widths[None, :]
        breaks = LAPSE / 2 + (1 - LAPSE) * _normal(z)
        log_likelihood += np.log(breaks if trial.broke else 1 - breaks)
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    posterior: Floats = likelihood.sum(axis=1) / likelihood.sum()
    return posterior


def _normal(z: Floats) -> Floats:
    erf: Floats = np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2))
    return (1 + erf) / 2
