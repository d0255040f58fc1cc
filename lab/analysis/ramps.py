"""Ramps: throughput, latency and errors against the offered rate, the knee, and what broke where.

The knee is found by a fit of two pieces to the logarithm of each bin's P90: level up to a rate, then rising with the
logarithm of the rate (a broken stick; Hinkley, "Inference about the intersection in two-phase regression", Biometrika
56, 1969). It is one only if two pieces describe the bins better than a level does by more than shuffled bins ever do
(a permutation test at 1 %), and if latency at the ramp's end is at least half as much again as below the knee. Its
interval comes from fits to bins whose residuals are drawn again (residual bootstrap).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lab.analysis.disturbance import disturbed, is_disturbed
from lab.analysis.quantiles import Floats, interpolated, percentile, rate
from lab.analysis.values import Load, Values, statistic_of, values_of
from lab.model import Estimate, Evidence, Phase, PhaseKind, Ramp, RampBin, RampBreak, Threshold, Window
from lab.threshold_metrics import METRICS
from lab.thresholds import holds

_BIN_S = 5.0
_LEAST_BINS, _MOST_BINS = 8, 40
_QUANTILE = 0.9
_DRAWS = 300
_P = 0.01
_LEAST_RISE = 1.5
_IN_A_ROW = 2


def ramps(evidence: Evidence, load: Load) -> tuple[Ramp, ...]:
    """Give one per ramp that was driven."""
    windows = {window.phase: window for window in evidence.windows}
    return tuple(
        _ramp(phase, windows[phase.name], evidence, load)
        for phase in evidence.plan.phases
        if phase.kind == PhaseKind.RAMP and phase.name in windows
    )


def _ramp(phase: Phase, window: Window, evidence: Evidence, load: Load) -> Ramp:
    edges = _edges(window)
    bins, tails = _bins(phase, window, edges, load)
    tails[[is_disturbed(evidence, each.started_at, each.ended_at) for each in bins]] = math.nan
    rates = np.array([each.offered_rate_per_s for each in bins])
    filled = np.isfinite(tails)
    knee = find_knee(rates[filled], tails[filled]) if filled.sum() >= _LEAST_BINS else None
    below = tails[filled & (rates < knee.value)] if knee else tails[filled]
    return Ramp(
        phase=phase.name,
        bins=bins,
        baseline_s=float(np.median(below)) if len(below) else None,
        knee_per_s=knee,
        knee_concurrency=_concurrency_at(knee.value, bins) if knee else None,
        breaks=tuple(
            found
            for threshold in evidence.plan.thresholds
            if threshold.metric in METRICS
            for found in _breaks(
                threshold, phase, window, edges, values_of(threshold, window.name, load).without(disturbed(evidence))
            )
        ),
        why="" if knee else "latency never surely left its baseline",
    )


def _edges(window: Window) -> Floats:
    duration_s = window.ended_at - window.started_at
    count = int(min(max(duration_s / _BIN_S, _LEAST_BINS), _MOST_BINS))
    return np.linspace(window.started_at, window.ended_at, count + 1)


def _bins(phase: Phase, window: Window, edges: Floats, load: Load) -> tuple[tuple[RampBin, ...], Floats]:
    """Give the bins, and of each the latency that the knee is looked for in (seconds; nan in an empty bin)."""
    samples = load.samples
    rows = np.flatnonzero(samples.phase.equals(window.name))
    due = samples.time[rows] - samples.response_time_s[rows]
    bins, tails = [], []
    for begin, end in pairwise(edges):
        chosen = rows[(due >= begin) & (due < end)]
        latency = samples.response_time_s[chosen]
        ordered = np.sort(latency)
        tails.append(interpolated(ordered, _QUANTILE) if len(ordered) else math.nan)
        bins.append(
            RampBin(
                started_at=float(begin),
                ended_at=float(end),
                offered_rate_per_s=phase.rate_at(float(begin + end) / 2 - window.started_at),
                achieved_rate_per_s=len(chosen) / float(end - begin),
                concurrency=float(latency.sum() / (end - begin)),
                count=len(chosen),
                p50_s=percentile(latency, ordered, 0.5),
                p95_s=percentile(latency, ordered, 0.95),
                error_rate=rate(samples.failed[chosen]),
            )
        )
    return tuple(bins), np.array(tails)


def _concurrency_at(rate_per_s: float, bins: Sequence[RampBin]) -> float:
    return float(np.interp(rate_per_s, [b.offered_rate_per_s for b in bins], [b.concurrency for b in bins]))


def _breaks(threshold: Threshold, phase: Phase, window: Window, edges: Floats, values: Values) -> list[RampBreak]:
    """Give the first rate from which a threshold is missed in two bins in a row, or in the last one."""
    missed, rates = [], []
    for begin, end in pairwise(edges):
        observed, _ = statistic_of(threshold, values.between(float(begin), float(end)).values)
        missed.append(observed is not None and not holds(threshold, observed.value))
        rates.append(phase.rate_at(float(begin + end) / 2 - window.started_at))
    for place in range(len(missed)):
        if all(missed[place : place + _IN_A_ROW]):
            low = rates[place - 1] if place else rates[0]
            return [
                RampBreak(threshold=threshold.text, rate_per_s=Estimate(value=rates[place], low=low, high=rates[place]))
            ]
    return []


def find_knee(rates: Floats, latency_s: Floats) -> Estimate | None:
    """Give the rate at which latency begins to rise, with its 95 % interval; None where it surely does not.

    `rates` ascend. Method and source: see the module. Draws come from a generator with a fixed seed.
    """
    x, y = np.log(rates), np.log(latency_s)
    if len(x) < _LEAST_BINS or np.any(np.diff(x) <= 0):
        return None
    fits = _Fits(x)
    place, rise, gain = fits.best(y)
    random = np.random.default_rng(len(x))
    shuffled = [fits.best(random.permutation(y))[2] for _ in range(_DRAWS)]
    is_better = gain > np.quantile(shuffled, 1 - _P)
    if rise <= 0 or not is_better or rise * (x[-1] - fits.knees[place]) < math.log(_LEAST_RISE):
        return None
    fitted = fits.fitted(y, place)
    residuals = y - fitted
    drawn = [fits.knees[fits.best(fitted + random.choice(residuals, len(y)))[0]] for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = float(fits.knees[place])
    return Estimate(value=math.exp(value), low=math.exp(min(low, value)), high=math.exp(max(high, value)))


class _Fits:
    """Fits of a level that turns into a rise, for every place at which it may turn."""

    def __init__(self, x: Floats) -> None:
        self.knees = np.linspace(x[1], x[-2], 4 * len(x))
        rises = np.maximum(x[None, :] - self.knees[:, None], 0)
        self._rises = rises - rises.mean(axis=1, keepdims=True)
        self._squares = (self._rises**2).sum(axis=1)

    def best(self, y: Floats) -> tuple[int, float, float]:
        """Give the best place, the slope of the rise there, and the share of the squares that it explains."""
        centred = y - y.mean()
        slopes = self._rises @ centred / self._squares
        explained = np.where(slopes > 0, slopes**2 * self._squares, 0.0)
        place = int(np.argmax(explained))
        total = float(centred @ centred)
        return place, float(slopes[place]), float(explained[place]) / total if total else 0.0

    def fitted(self, y: Floats, place: int) -> Floats:
        """Give the values of the fit at a place."""
        slope = float(self._rises[place] @ (y - y.mean()) / self._squares[place])
        values: Floats = y.mean() + slope * self._rises[place]
        return values
