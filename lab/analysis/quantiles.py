"""Exact percentiles, means and rates, each with a 95 % confidence interval that respects correlation in time.

Neighbouring requests share queues, caches and garbage collections, so n of them know less than n independent ones
would, and textbook intervals are too narrow. How much too narrow is measured by batch means: the series is cut, in
time order, into 20 to 30 batches, and the variance between their means is held against what independence would give
(Heidelberger and Lewis, "Quantile Estimation in Dependent Sequences", Operations Research 32(1), 1984; for batch means
Law, "Simulation Modeling and Analysis", chapter 9). The ratio, never taken below 1, inflates the variance of the rank
in the order-statistics interval of a percentile (Le Boudec, "Performance Evaluation of Computer and Communication
Systems", theorem 2.1), and deflates the sample size in Wilson's interval of a rate. Batches estimate a variance from
few values, so Student's t takes the place of the normal distribution. Under 200 values there is too little to estimate
correlation from, and they are taken as independent.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.model import Estimate, LatencySummary
from lab.threshold_metrics import QUANTILES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MIN_BEYOND = 10
"""How many values must lie beyond a percentile for it to be given.

With k values beyond it, the share beyond is known to about 1/sqrt(k): 10 leave a third, and fewer leave a percentile
that a single slow request moves. P95 needs 200 values, P99 1 000, P99.9 10 000.
"""

_MIN_PER_BATCH = 10
_MIN_BATCHES, _MAX_BATCHES = 20, 30

# Student's t at 97.5 % by degrees of freedom, and the normal quantile that it tends to
_T = {19: 2.0930, 20: 2.0860, 21: 2.0796, 22: 2.0739, 23: 2.0687, 24: 2.0639, 25: 2.0595, 26: 2.0555, 27: 2.0518}
_T |= {28: 2.0484, 29: 2.0452}
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class _Spread:
    """How much wider than under independence: the variance inflation, and the quantile to multiply with."""

    inflation: float
    z: float


def min_count(quantile: float) -> int:
    """How many values a percentile needs (see MIN_BEYOND)."""
    return math.ceil(MIN_BEYOND / min(quantile, 1 - quantile) - 1e-9)


def summarise(values: Floats) -> LatencySummary:
    """Summarise durations in seconds, given in time order."""
    ordered = np.sort(values)
    estimates = {name: percentile(values, ordered, quantile) for name, quantile in QUANTILES.items()}
    return LatencySummary(
        count=len(values),
        mean_s=mean(values),
        max_s=float(ordered[-1]) if len(ordered) else None,
        **{f"{name}_s": estimate for name, estimate in estimates.items()},
    )


def percentile(values: Floats, ordered: Floats, quantile: float) -> Estimate | None:
    """Give a percentile by linear interpolation, as numpy and k6 do it; None where the count cannot support it.

    `values` are in time order, `ordered` are the same, sorted. Where so few values lie beyond a percentile, or they
    come in so few bursts, that its interval would reach past the highest value, it ends there and is too narrow.
    """
    count = len(values)
    if count < min_count(quantile):
        return None
    value = interpolated(ordered, quantile)
    spread = _spread(values <= value)
    half = spread.z * math.sqrt(count * quantile * (1 - quantile) * spread.inflation)
    low = max(math.floor(count * quantile - half), 1)
    high = min(math.ceil(count * quantile + half) + 1, count)
    return Estimate(value=value, low=min(float(ordered[low - 1]), value), high=max(float(ordered[high - 1]), value))


def interpolated(ordered: Floats, quantile: float) -> float:
    """Give a quantile of sorted values by linear interpolation between the two nearest ranks."""
    place = (len(ordered) - 1) * quantile
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def mean(values: Floats) -> Estimate | None:
    """Give the mean; None for fewer than two values, since one has no spread."""
    if len(values) < 2:
        return None
    value = float(values.mean())
    batches = _batch_means(values)
    if batches is None:
        half = _Z * float(values.std(ddof=1)) / math.sqrt(len(values))
    else:
        half = _T[len(batches) - 1] * float(batches.std(ddof=1)) / math.sqrt(len(batches))
    return Estimate(value=value, low=value - half, high=value + half)


def rate(events: Bools) -> Estimate | None:
    """Give the share of `events` (in time order) that are true, with Wilson's interval; None where there are none."""
    count = len(events)
    if not count:
        return None
    share = float(events.mean())
    spread = _spread(events)
    effective, squared = count / spread.inflation, spread.z**2
    middle = (share + squared / (2 * effective)) / (1 + squared / effective)
    half = (
        spread.z * math.sqrt(share * (1 - share) / effective + squared / (4 * effective**2)) / (1 + squared / effective)
    )
    return Estimate(value=share, low=min(max(middle - half, 0.0), share), high=max(min(middle + half, 1.0), share))


def _spread(events: Bools) -> _Spread:
    share = float(events.mean())
    batches = _batch_means(events)
    if batches is None or share in {0.0, 1.0}:
        return _Spread(inflation=1.0, z=_Z)
    per_batch = len(events) // len(batches)
    independent = share * (1 - share) / per_batch
    return _Spread(inflation=max(1.0, float(batches.var(ddof=1)) / independent), z=_T[len(batches) - 1])


def _batch_means(values: Floats | Bools) -> Floats | None:
    """Give the means of batches of equal size in time order; the first values that fill no batch are left out."""
    batches = min(len(values) // _MIN_PER_BATCH, _MAX_BATCHES)
    if batches < _MIN_BATCHES:
        return None
    used = values[len(values) % batches :]
    means: Floats = used.reshape(batches, -1).mean(axis=1)
    return means
