"""The slope of a noisy series, with an interval that respects correlation, after a warm-up that the data show.

1. The series is cut into bins of equal time, and each becomes its median: single spikes count for nothing.
2. The warm-up is what must be left out at the beginning for the rest to be described best by one straight line, in the
   sense of MSER (White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6),
   1997), with the residuals about a least-squares line in the place of those about a mean: the truncation is chosen
   that makes the sum of squared residuals, divided by the square of how many bins are left, smallest.
3. What is left becomes 24 batches, each with its median, whose slope is that of Theil and Sen: the median over pairs
   (Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1968). It bears a quarter of the
   batches being wild: a worker that restarts, an arena that comes in one piece.
4. Its interval is Sen's, from the variance of Kendall's S, inflated for the correlation of the ranks of the residuals
   (Hamed and Rao, "A modified Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204, 1998).

The Mann-Kendall test alone raises many false alarms on ageing series (Machida, Andrzejak et al., ISSREW 2013): it knows
neither correlation, nor warm-up, nor how large a slope matters. A least-squares line over everything takes each warm-up
for a leak.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.quantiles import Floats
from lab.model import Estimate

BATCHES = 24
MIN_S = 60.0
"""A shorter series has no trend to speak of."""

_BIN_S = 5.0
_MOST_BINS = 240
_LEAST_LEFT = 48
"""Bins that are left after any warm-up: two a batch, so that a batch is no single value."""

_SURELY_BETTER = 0.5
"""What is left of the criterion, at most, where a truncation in the last half is taken."""

_BENDS = 1.0
"""By how much a curve must be likelier than a line (difference of log-likelihoods) for more to be left out."""

_MOST_IS_LEFT = 0.8
_TAUS, _SHORTEST_TAU = 12, 0.05
"""How many time constants of warm-ups are looked for, and the shortest, as a share of the series."""

_T22 = 2.0739  # Student's t at 97.5 % with 22 degrees of freedom: the inflation is estimated from 24 batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The trend of a series. Times in seconds from the series' begin; `level` is the median after the warm-up.

    `saturation` says how much better a curve that bends towards a level describes what follows the warm-up than a line
    does, as a difference of log-likelihoods: well above 0, it was still warming up; well below, it surely goes straight
    on; between, nobody can tell. `is_settled` is False where so much had to be left out that the warm-up may go on.
    """

    duration_s: float
    warmup_s: float
    level: float
    slope_per_s: Estimate
    saturation: float
    is_settled: bool


def growth(times: Floats, values: Floats) -> Growth | None:
    """Give the trend of a series in time order (any unit; times in seconds); None where it is shorter than a minute."""
    if len(times) < BATCHES or times[-1] - times[0] < MIN_S:
        return None
    at, level = _binned(times - times[0], values)
    first = _warmup(at, level)
    return Growth(
        duration_s=float(times[-1] - times[0]),
        warmup_s=float(at[0]) if first == 0 else float(at[first]),
        level=float(np.median(level[first:])),
        slope_per_s=_with_pieces(slope(at[first:], level[first:]), at, level, first),
        saturation=saturation(at[first:], level[first:], longest_s=_longest_s(at, first)),
        is_settled=first + _stride(at) <= len(at) - _LEAST_LEFT,
    )


def _with_pieces(found: Estimate, times: Floats, values: Floats, first: int) -> Estimate:
    """Widen an interval upwards by the largest piece in which the series grew in its second half, after its warm-up.

    Memory comes in pieces: between two of them nothing seems to grow, and a piece may have been due.
    """
    pieces = np.diff(values[max(first, len(values) // 2) :])
    piece = max(float(pieces.max(initial=0.0)), 0.0)
    return replace(found, high=found.high + piece / float(times[-1] - times[first]))


def _binned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Give the middles and medians of bins of equal time; a bin without values is left out."""
    duration_s = float(times[-1])
    count = int(min(max(duration_s / _BIN_S, _LEAST_LEFT + 12), _MOST_BINS))
    places = np.minimum((times / duration_s * count).astype(np.int64), count - 1)
    bounds = np.searchsorted(places, np.arange(count + 1))
    filled = [i for i in range(count) if bounds[i + 1] > bounds[i]]
    medians = np.array([np.median(values[bounds[i] : bounds[i + 1]]) for i in filled])
    return (np.array(filled) + 0.5) * duration_s / count, medians


def _warmup(times: Floats, values: Floats) -> int:
    """Give how many bins to leave out: MSER about a line, then more of them while what is left bends to a level.

    As its author has it, MSER looks in the first half: among few bins some always happen to lie well. In the last half
    it must be surely better, as behind a worker that restarts or a warm-up that comes late.
    """
    most = len(times) - _LEAST_LEFT
    if most <= 0:
        return 0
    half = min(most, len(times) // 2)
    spreads = np.array([_squares_about_line(times[d:], values[d:]) / (len(times) - d) ** 2 for d in range(most + 1)])
    first, best = int(np.argmin(spreads[: half + 1])), int(np.argmin(spreads))
    if spreads[best] < _SURELY_BETTER * spreads[first]:
        first = best
    stride = _stride(times)
    while first + stride <= most and saturation(times[first:], values[first:]) > _BENDS:
        first += stride
    return first


def _stride(times: Floats) -> int:
    return max(1, len(times) // 40)


def _squares_about_line(times: Floats, values: Floats) -> float:
    t, v = times - times.mean(), values - values.mean()
    return float(v @ v - (t @ v) ** 2 / (t @ t))


def slope(times: Floats, values: Floats) -> Estimate:
    """Give the slope of Theil and Sen over 24 batches (or as many as there are values) with its 95 % interval."""
    at, level = _batched(times, values)
    first, second = np.triu_indices(len(at), k=1)
    slopes = np.sort((level[second] - level[first]) / (at[second] - at[first]))
    middle = float(np.median(slopes))
    count, pairs = len(at), len(slopes)
    inflation = _inflation(level - middle * at)
    spread = _T22 * math.sqrt(inflation * count * (count - 1) * (2 * count + 5) / 18)
    low = max(math.floor((pairs - spread) / 2), 0)
    high = min(math.ceil((pairs + spread) / 2), pairs - 1)
    return Estimate(value=middle, low=float(slopes[low]), high=float(slopes[high]))


def _batched(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    count = min(BATCHES, len(times))
    parts = np.array_split(np.arange(len(times)), count)
    return np.array([times[part].mean() for part in parts]), np.array([np.median(values[part]) for part in parts])


def _inflation(residuals: Floats) -> float:
    """Give how much correlation inflates the variance of Kendall's S: Hamed and Rao's sum over lags, at least 1.

    The lags are summed as far as they are positive: what follows is noise, and would only take away.
    """
    count = len(residuals)
    ranks = np.argsort(np.argsort(residuals)).astype(np.float64)
    ranks -= ranks.mean()
    total = float(ranks @ ranks)
    weighted = 0.0
    for lag in range(1, count // 3):
        correlation = float(ranks[:-lag] @ ranks[lag:]) / total + 1 / count  # a short series makes it too small by that
        if correlation <= 0:
            break
        weighted += (count - lag) * (count - lag - 1) * (count - lag - 2) * correlation
    return max(1.0, 1 + 2 * weighted / (count * (count - 1) * (count - 2)))


def _longest_s(times: Floats, first: int) -> float:
    """Give how slow a warm-up is looked for: as slow as the rest is long, or where much was left out, as all of it."""
    rest_s = float(times[-1] - times[first])
    return rest_s if rest_s >= _MOST_IS_LEFT * float(times[-1]) else float(times[-1])


def saturation(times: Floats, values: Floats, *, longest_s: float | None = None) -> float:
    """Give the log-likelihood of a curve that rises to a level, less that of a line; see Growth.

    The curves are a - c * exp(-t / tau) with c > 0 and a tau of up to `longest_s` (None: the length of the series): a
    slower warm-up is not told from a leak by anyone. Both are fitted to the batches by least squares; correlation makes
    the batches count for fewer.
    """
    at, level = _batched(times, values)
    t = (at - at[0]) / (at[-1] - at[0])
    centred = level - level.mean()
    straight = _squares_about_line(t, level)
    longest = 1.0 if longest_s is None else longest_s / float(at[-1] - at[0])
    curves = [np.exp(-t / tau) for tau in np.geomspace(_SHORTEST_TAU, longest, _TAUS)]
    bent = min(_squares_about_curve(curve, centred) for curve in curves)
    slope_of_line = float((t - t.mean()) @ centred / ((t - t.mean()) @ (t - t.mean())))
    effective = len(at) / _inflation(centred - slope_of_line * (t - t.mean()))
    tiny = 1e-12 * float(centred @ centred) + 1e-300
    return effective / 2 * math.log((straight + tiny) / (bent + tiny))


def _squares_about_curve(curve: Floats, centred: Floats) -> float:
    x = curve - curve.mean()
    with_it = float(x @ centred)
    # c > 0: a curve that falls towards a level explains no growth
    return float(centred @ centred) - (with_it**2 / float(x @ x) if with_it < 0 else 0.0)
