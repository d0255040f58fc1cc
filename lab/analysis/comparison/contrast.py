"""How far two sides are apart in one figure, and how well that is known.

- Pairs of runs that were driven one after the other: Student's t over the differences within pairs. What both runs of
  a pair share, such as the machine's mood of that minute, falls out, and what runs differ by from start to start is
  in the differences themselves.
- Several runs a side that are no pairs: Welch's t.
- One run a side: nothing says what two starts differ by, so the measure's own assumption takes its place, beside the
  error within the runs; the normal distribution.

Shares of failed requests are counts, and all runs may have counted none: their error is never taken below what the
requests of all runs together can tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from lab.analysis.comparison.measures import scaled
from lab.analysis.quantiles import Floats
from lab.model import RunFigure, Scale

NORMAL = 1e6
"""Degrees of freedom from which on Student's t is the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """The difference of a figure, candidate less base, on the scale on which it is compared.

    `error` is its standard error, and `freedom` the degrees of freedom behind that. `spread` is the standard deviation
    of the difference of one pair of runs, with `spread_freedom`; `count` how many pairs, or runs of the smaller side.
    """

    shift: float
    error: float
    freedom: float
    spread: float
    spread_freedom: float
    count: int

    @property
    def p_value(self) -> float:
        """How likely a difference of this size is where there is none."""
        if self.error == 0:
            return 1.0 if self.shift == 0 else 0.0
        return float(2 * stdtr(self.freedom, -abs(self.shift) / self.error))

    def half_width(self, alpha: float) -> float:
        """Give how far the interval reaches to either side of the difference, which it misses in `alpha` of cases."""
        return float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error


def contrast(base: Sequence[RunFigure], candidate: Sequence[RunFigure], *, are_pairs: bool) -> Contrast:
    """Hold one figure of the runs of two sides against one another; as pairs, run by run in their order."""
    one, two = _scaled(base), _scaled(candidate)
    if are_pairs and len(one) > 1:
        found = _paired(two - one)
    elif len(one) > 1 and len(two) > 1:
        found = _welch(one, two)
    else:
        found = _assumed(base, candidate, one, two)
    if base[0].measure.scale == Scale.DIFFERENCE and not base[0].measure.unit:
        floor = _of_counts(base, candidate)
        if floor > found.error:
            pair = floor * math.sqrt(found.count)
            return replace(found, error=floor, freedom=NORMAL, spread=pair, spread_freedom=NORMAL)
    return found


def _scaled(figures: Sequence[RunFigure]) -> Floats:
    return np.array([scaled(figure.measure, figure.value) for figure in figures])


def _paired(differences: Floats) -> Contrast:
    count, spread = len(differences), float(differences.std(ddof=1))
    return Contrast(
        shift=float(differences.mean()),
        error=spread / math.sqrt(count),
        freedom=count - 1,
        spread=spread,
        spread_freedom=count - 1,
        count=count,
    )


def _welch(one: Floats, two: Floats) -> Contrast:
    variances = [float(side.var(ddof=1)) for side in (one, two)]
    parts = [variance / len(side) for variance, side in zip(variances, (one, two), strict=True)]
    below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (one, two), strict=True))
    freedom = sum(parts) ** 2 / below if below > 0 else len(one) + len(two) - 2
    return Contrast(
        shift=float(two.mean() - one.mean()),
        error=math.sqrt(sum(parts)),
        freedom=freedom,
        spread=math.sqrt(sum(variances)),
        spread_freedom=freedom,
        count=min(len(one), len(two)),
    )


def _assumed(
    base: Sequence[RunFigure],
    candidate: Sequence[RunFigure],
    one: Floats,
    two: Floats,
) -> Contrast:
    start = base[0].measure.start_spread ** 2
    variances = [sum(figure.error**2 for figure in side) / len(side) + start for side in (base, candidate)]
    return Contrast(
        shift=float(two.mean() - one.mean()),
        error=math.sqrt(variances[0] / len(base) + variances[1] / len(candidate)),
        freedom=NORMAL,
        spread=math.sqrt(sum(variances)),
        spread_freedom=NORMAL,
        count=min(len(base), len(candidate)),
    )


def _of_counts(base: Sequence[RunFigure], candidate: Sequence[RunFigure]) -> float:
    """Give the standard error of a difference of two shares when all that is known is how many of how many."""
    counts = [sum(figure.count for figure in side) for side in (base, candidate)]
    events = sum(figure.value * figure.count for figure in (*base, *candidate))
    share = (events + 1) / (sum(counts) + 2)
    return math.sqrt(share * (1 - share) * sum(1 / count for count in counts))
