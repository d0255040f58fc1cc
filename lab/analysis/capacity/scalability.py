"""The Universal Scalability Law: contention, coherency and the peak, from ramps and stress steps.

X(N) = g N / (1 + s (N - 1) + k N (N - 1)): N journeys under way, X their nominal requests per second, g what one
journey alone gets through, s the share of the work that waits for others (contention) and k what they cost one another
(coherency); the peak is at N = sqrt((1 - s) / k). Source: Gunther, "Guerrilla Capacity Planning", 2007, chapters 4-6.
The fit is least squares in relative terms with s and k not below 0; intervals are 95 % of a block bootstrap.

The law is refused where the data does not carry it. To tell contention from a straight line, throughput must have left
the line within what was measured; without that, any peak would be made up.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import least_squares

from lab.analysis.capacity.bootstrap import block_draws, interval
from lab.analysis.quantiles import Floats
from lab.model import LoadSlice, Scalability, ScalabilityHoldOut, ScalabilityPoint

_LEAST_POINTS = 8
_LEAST_SPAN = 4.0
_LEAST_BEND = 0.9
_BEYOND = 2.0
_DRAWS = 200
_SEEN = 2 / 3  # of the highest N: what the fit may see that is held against the rest
_ROOM = 1.15  # how far a curve is drawn beyond its peak
_STEPS = 81  # points of a curve

_Law = tuple[float, float, float]


def throughput(journeys: Floats, per_journey: float, contention: float, coherency: float) -> Floats:
    """Give X(N) of the law."""
    slowed = 1 + contention * (journeys - 1) + coherency * journeys * (journeys - 1)
    found: Floats = per_journey * journeys / np.maximum(slowed, 1e-9)
    return found


def fit_scalability(slices: Sequence[LoadSlice]) -> Scalability:
    """Fit the law to slices, good and bad ones alike; or refuse, and say which load range is missing."""
    used = [piece for piece in slices if piece.concurrency > 0 and piece.goodput_per_s > 0]
    n = np.array([piece.concurrency for piece in used])
    x = np.array([piece.goodput_per_s for piece in used])
    found, why = _carried(n, x)
    if found is None:
        return Scalability(points=_points(used), why=why)
    held, above = _held_out(n, x)
    drawn = np.array([fit(n[places], x[places]) for places in block_draws(len(n), draws=_DRAWS)])
    return replace(
        _with_peak(found, drawn, n),
        per_journey=interval(found[0], drawn[:, 0]),
        contention=interval(found[1], drawn[:, 1]),
        coherency=interval(found[2], drawn[:, 2]),
        error=_error(found, n, x),
        points=_points(used, above=above if held.error is not None else math.inf),
        hold_out=held,
    )


def _carried(n: Floats, x: Floats) -> tuple[_Law | None, str]:
    """Give the law, or None and which load range is missing."""
    why = _missing(n)
    if why:
        return None, why
    found = fit(n, x)
    why = _refusal(n, x, found)
    return (None, why) if why else (found, "")


def _error(found: _Law, n: Floats, x: Floats) -> float:
    return float(np.abs(throughput(n, *found) / x - 1).mean())


def _points(used: Sequence[LoadSlice], *, above: float = math.inf) -> tuple[ScalabilityPoint, ...]:
    return tuple(
        ScalabilityPoint(
            drive=piece.drive,
            journeys=piece.concurrency,
            requests_per_s=piece.goodput_per_s,
            is_held_out=piece.concurrency > above,
        )
        for piece in used
    )


def _with_peak(found: _Law, drawn: Floats, n: Floats) -> Scalability:
    """Give the peak, where it is near enough, and the curve up to it."""
    peak_n, peak_x = _peak(*found)
    is_near = peak_n <= _BEYOND * float(n.max())
    end = max(float(n.max()), _ROOM * peak_n) if is_near else float(n.max())
    grid = np.linspace(0, end, _STEPS)
    curves = np.array([throughput(grid, *each) for each in drawn])
    curve = zip(grid.tolist(), throughput(grid, *found).tolist(), curves.T, strict=True)
    peaks = np.array([_peak(*each) for each in drawn])
    return Scalability(
        peak_per_s=interval(peak_x, peaks[:, 1]) if is_near else None,
        peak_concurrency=interval(peak_n, peaks[:, 0]) if is_near else None,
        curve=tuple((at, interval(value, values)) for at, value, values in curve),
        why="" if is_near else _far(peak_n, n),
    )


def _held_out(n: Floats, x: Floats) -> tuple[ScalabilityHoldOut, float]:
    """Fit the law without its highest points and hold it against them; and say above which N they are."""
    above = _SEEN * float(n.max())
    low = n <= above
    fitted_to, count = float(n[low].max(initial=0.0)), int((~low).sum())
    found, why = _carried(n[low], x[low])
    if found is None:
        return ScalabilityHoldOut(fitted_to=fitted_to, count=count, why=why), above
    grid = np.linspace(0, float(n.max()), _STEPS)
    return ScalabilityHoldOut(
        fitted_to=fitted_to,
        count=count,
        error=_error(found, n[~low], x[~low]),
        curve=tuple(zip(grid.tolist(), throughput(grid, *found).tolist(), strict=True)),
    ), above


def _missing(n: Floats) -> str:
    """Say which load range is missing for a fit at all."""
    if len(n) < _LEAST_POINTS:
        return (
            f"{len(n)} slices of load are too few, {_LEAST_POINTS} are needed: drive a ramp, or stress steps, "
            "over a range of rates"
        )
    low, high = float(n.min()), float(n.max())
    if high < _LEAST_SPAN * low:
        return (
            f"only {low:.2f} to {high:.2f} journeys were under way; from {low:.2f} to at least "
            f"{_LEAST_SPAN * low:.2f} are needed: drive a ramp from a low rate, or stress steps"
        )
    return ""


def _refusal(n: Floats, x: Floats, found: _Law) -> str:
    """Say what is missing where throughput has not left the straight line within what was measured."""
    top = n >= np.quantile(n, 0.9)
    line = found[0] / max(1 - found[1], 1e-9)  # the slope of X at N = 0
    kept = float(np.median(x[top] / n[top])) / line
    if kept < _LEAST_BEND:
        return ""
    return (
        f"throughput still rises in a straight line ({kept:.0%} of it at {n.max():.1f} journeys under way, "
        f"{x.max():.0f} requests/s): the load range above {x.max():.0f} requests/s is missing; drive stress steps there"
    )


def _far(peak_n: float, n: Floats) -> str:
    if not math.isfinite(peak_n):
        return f"no peak: coherency is not above 0 up to {n.max():.1f} journeys under way"
    return (
        f"the peak would lie at {peak_n:.0f} journeys under way, more than {_BEYOND:g} times the {n.max():.1f} that "
        "were measured, and is not given"
    )


def fit(n: Floats, x: Floats) -> _Law:
    """Give what one journey alone gets through, contention and coherency."""
    start = (float(np.median(x / n)), 0.01, 1e-4)

    def residuals(parameters: Floats) -> Floats:
        values: Floats = throughput(n, *parameters) / x - 1
        return values

    found = least_squares(
        residuals, start, bounds=([0, 0, 0], [np.inf, 0.999, 10]), x_scale=(start[0], 0.01, 1e-4), max_nfev=200
    )
    return float(found.x[0]), float(found.x[1]), float(found.x[2])


def _peak(per_journey: float, contention: float, coherency: float) -> tuple[float, float]:
    """Give where throughput is highest, and how high; both infinite without coherency."""
    if coherency <= 1e-12:
        return math.inf, math.inf
    at = max(math.sqrt((1 - contention) / coherency), 1.0)
    return at, float(throughput(np.array([at]), per_journey, contention, coherency)[0])
