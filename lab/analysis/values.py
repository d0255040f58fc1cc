"""The values that a threshold is about: those of one drive of the load, each at the moment it was due."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.points import Points
from lab.analysis.quantiles import Bools, Floats, mean, min_count, percentile, rate
from lab.analysis.samples import Samples
from lab.analysis.series import Stretch, outside
from lab.model import Estimate, Scenario, Threshold
from lab.threshold_metrics import QUANTILES

_OF_REQUESTS = {
    "http_req_duration": "duration_s",
    "http_req_waiting": "waiting_s",
    "http_req_failed": "failed",
    "response_time": "response_time_s",
}
_COUNTED_EVENTS = {"analysis_failed": "analyses", "checks_failed": "checks"}
_MAY_BE_NONE = ("checks_failed", "dropped_iterations")
"""Metrics whose values are kept only where something went wrong: to see none of them is to have seen something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Everything that the load left: requests, the scripts' other values, and what a journey is.

    `deadline_s` is how long a request is waited for.
    """

    samples: Samples
    points: Points
    scenario: Scenario
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Values:
    """Values in the order of the moments (epoch seconds) at which they were due: durations in seconds, or events."""

    due: Floats
    values: Floats | Bools

    def between(self, started_at: float, ended_at: float) -> "Values":
        """Give those that were due in a stretch of time, its end left out."""
        first, last = np.searchsorted(self.due, [started_at, ended_at])
        return Values(self.due[first:last], self.values[first:last])

    def without(self, stretches: Sequence[Stretch]) -> "Values":
        """Give those that were due in none of some stretches of time."""
        kept = outside(self.due, stretches)
        return Values(self.due[kept], self.values[kept])


def values_of(threshold: Threshold, drive: str, load: Load) -> Values:
    """Give a threshold's values in one drive of the load, all of them."""
    if threshold.metric in _OF_REQUESTS:
        return _of_requests(threshold, drive, load)
    points = load.points
    rows = points.of(_COUNTED_EVENTS.get(threshold.metric, threshold.metric), drive)
    for label, value in threshold.selector:
        rows &= points.scenario.equals(value) if label == "scenario" else points.has_label(label, value)
    if threshold.metric == "dropped_iterations":
        times = np.repeat(points.time[rows], np.rint(points.value[rows]).astype(np.int64))
        return Values(times, np.ones(len(times)))
    if threshold.metric in _COUNTED_EVENTS:
        return _ordered(points.time[rows], ~points.has_label("outcome", "done")[rows])
    return _ordered(points.time[rows] - points.value[rows], points.value[rows])


def _of_requests(threshold: Threshold, drive: str, load: Load) -> Values:
    samples = load.samples
    rows = samples.phase.equals(drive)
    for label, value in threshold.selector:
        rows &= samples.scenario.equals(value) if label == "scenario" else samples.route.equals(value)
    due = samples.time[rows] - samples.response_time_s[rows]
    values: Floats | Bools = getattr(samples, _OF_REQUESTS[threshold.metric])[rows]
    if threshold.metric != "response_time":
        return _ordered(due, values)
    dropped = _dropped(threshold, drive, load)
    return _ordered(np.concatenate([due, dropped]), np.concatenate([values, np.full(len(dropped), load.deadline_s)]))


def _dropped(threshold: Threshold, drive: str, load: Load) -> Floats:
    """Give when the requests of dropped journeys were due; of a route, nobody knows how many there would have been."""
    selected = dict(threshold.selector)
    if "route" in selected:
        return np.zeros(0)
    points = load.points
    rows = points.of("dropped_iterations", drive)
    if "scenario" in selected:
        rows &= points.scenario.equals(selected["scenario"])
    requests = np.rint(points.value[rows] * load.scenario.requests_per_journey).astype(np.int64)
    times: Floats = np.repeat(points.time[rows], requests)
    return times


def _ordered(due: Floats, values: Floats | Bools) -> Values:
    order = np.argsort(due, kind="stable")
    return Values(due[order], values[order])


def statistic_of(threshold: Threshold, values: Floats | Bools, *, is_part: bool = False) -> tuple[Estimate | None, str]:
    """Give the statistic that a threshold asks for, or None and why there is none.

    Of nothing there is no statistic; but where the values are part of a phase (`is_part`), to count none is to count.
    """
    can_be_none = threshold.metric in _MAY_BE_NONE or (is_part and threshold.statistic == "count")
    if not len(values) and not can_be_none:
        return None, "there is nothing to observe"
    if threshold.statistic == "count":
        count = float(np.count_nonzero(values)) if values.dtype == bool else float(len(values))
        return Estimate(value=count, low=count, high=count), ""
    if threshold.statistic == "rate":
        return rate(values.astype(bool)), ""
    return _of_durations(threshold.statistic, values.astype(np.float64))


def _of_durations(statistic: str, values: Floats) -> tuple[Estimate | None, str]:
    if statistic == "max":
        highest = float(values.max())
        return Estimate(value=highest, low=highest, high=highest), ""
    if statistic == "mean":
        average = mean(values)
        return average, "" if average else f"a mean needs 2 values, and there are {len(values)}"
    quantile = QUANTILES[statistic]
    found = percentile(values, np.sort(values), quantile)
    return found, "" if found else f"{statistic} needs {min_count(quantile)} values, and there are {len(values)}"


def needed_values(thresholds: Sequence[Threshold]) -> int:
    """Give how many values the most demanding of some thresholds needs."""
    return max((min_count(QUANTILES[t.statistic]) for t in thresholds if t.statistic in QUANTILES), default=1)
