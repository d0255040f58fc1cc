"""The figures that are compared: on which scale, from which change on they matter, and what two starts differ by.

Services that are started twice are not the same twice: memory lies elsewhere, caches fill otherwise, the machine has
other neighbours. Where runs are repeated that is measured; of one run a side it must be assumed. What is assumed is
of the size that runs of one hour showed (docs/comparing.md); runs that are days apart can differ by more.
"""

import math
from dataclasses import dataclass

from lab.model import Measure, Scale

_START_SPREAD = 0.1
_RELATIVE_START_SPREAD = 0.05
_RATE_START_SPREAD = 0.005
_ERROR_EFFECT = 0.005
_ERROR_START_SPREAD = 0.001
RELATIVE = " relative to other routes"
TYPICAL = "p50(http_req_duration), mean of routes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The smallest changes that matter: `ratio` of latency, CPU and rates; `growth_bytes_per_h` of memory."""

    ratio: float
    growth_bytes_per_h: float


def latency(percentile: str, effects: Effects) -> Measure:
    """Give the measure of a percentile such as `p95` of http_req_duration."""
    name = f"{percentile}(http_req_duration)"
    return Measure(name=name, unit="s", scale=Scale.RATIO, effect=effects.ratio, start_spread=_START_SPREAD)


def typical_latency(effects: Effects) -> Measure:
    """Give the measure of the geometric mean of the medians of all routes."""
    return Measure(name=TYPICAL, unit="s", scale=Scale.RATIO, effect=effects.ratio, start_spread=_START_SPREAD)


def relative_latency(percentile: str, effects: Effects) -> Measure:
    """Give the measure of a percentile of one route over the same of the run's other routes."""
    return Measure(
        name=f"{percentile}(http_req_duration){RELATIVE}",
        unit="",
        scale=Scale.RATIO,
        effect=effects.ratio,
        start_spread=_RELATIVE_START_SPREAD,
    )


def request_rate(effects: Effects) -> Measure:
    """Give the measure of requests answered per second."""
    return Measure(
        name="request_rate",
        unit="requests/s",
        scale=Scale.RATIO,
        effect=effects.ratio,
        start_spread=_RATE_START_SPREAD,
        higher_is_worse=False,
    )


def error_rate() -> Measure:
    """Give the measure of failed requests, as a share of all."""
    return Measure(
        name="error_rate", unit="", scale=Scale.DIFFERENCE, effect=_ERROR_EFFECT, start_spread=_ERROR_START_SPREAD
    )


def cpu_per_request(effects: Effects) -> Measure:
    """Give the measure of a service's CPU seconds per request."""
    return Measure(
        name="cpu_per_request", unit="s", scale=Scale.RATIO, effect=effects.ratio, start_spread=_START_SPREAD
    )


def memory_growth(effects: Effects) -> Measure:
    """Give the measure of how fast a service's memory grows in a soak."""
    return Measure(
        name="memory_growth",
        unit="bytes/h",
        scale=Scale.DIFFERENCE,
        effect=effects.growth_bytes_per_h,
        start_spread=effects.growth_bytes_per_h / 4,
    )


def scaled(measure: Measure, value: float) -> float:
    """Give a value on the scale on which it is compared: its logarithm where ratios are."""
    return math.log(value) if measure.scale == Scale.RATIO else value


def as_change(measure: Measure, shift: float) -> float:
    """Give a difference of scaled values as people read it: the ratio less 1, or the difference."""
    return math.expm1(shift) if measure.scale == Scale.RATIO else shift


def as_shift(measure: Measure, change: float) -> float:
    """Give a change as a difference of scaled values: the inverse of `as_change`."""
    return math.log1p(change) if measure.scale == Scale.RATIO else change
