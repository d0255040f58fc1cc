"""What each threshold sees in each window that it is held against."""

import numpy as np

from lab.analysis.applicability import applies
from lab.analysis.phases import judged_by
from lab.analysis.points import Points
from lab.analysis.quantiles import Bools, Floats, mean, min_count, percentile, rate
from lab.analysis.samples import Samples
from lab.model import Estimate, Evidence, Observation, Phase, Threshold
from lab.thresholds import QUANTILES

_OF_REQUESTS = {"http_req_duration": "duration_s", "http_req_waiting": "waiting_s", "http_req_failed": "failed"}
_COUNTED_EVENTS = {"analysis_failed": "analyses", "checks_failed": "checks"}


def observe(evidence: Evidence, samples: Samples, points: Points) -> tuple[Observation, ...]:
    """Give one observation per threshold that applies and phase that it is held against, in the plan's order."""
    return tuple(
        _observation(threshold, phase, evidence, samples, points)
        for threshold in evidence.plan.thresholds
        if applies(threshold, evidence.scenario)
        for phase in judged_by(threshold, evidence.plan)
    )


def _observation(
    threshold: Threshold, phase: Phase, evidence: Evidence, samples: Samples, points: Points
) -> Observation:
    window = next((window for window in evidence.windows if window.phase == phase.name), None)
    values = _values(threshold, phase.name, samples, points)
    observed, why = _statistic(threshold, values)
    return Observation(
        threshold=threshold.text,
        phase=phase.name,
        started_at=window.started_at if window else 0.0,
        ended_at=window.ended_at if window else 0.0,
        count=len(values),
        observed=observed if window else None,
        why=why if window else "the phase was not driven",
    )


def _values(threshold: Threshold, phase: str, samples: Samples, points: Points) -> Floats | Bools:
    """Give the threshold's values in time order: durations in seconds, or for each event whether it failed."""
    if threshold.metric in _OF_REQUESTS:
        rows = samples.phase.equals(phase)
        for label, value in threshold.selector:
            rows &= samples.scenario.equals(value) if label == "scenario" else samples.route.equals(value)
        values: Floats | Bools = getattr(samples, _OF_REQUESTS[threshold.metric])[rows]
        return values
    rows = points.of(_COUNTED_EVENTS.get(threshold.metric, threshold.metric), phase)
    for label, value in threshold.selector:
        rows &= points.scenario.equals(value) if label == "scenario" else points.has_label(label, value)
    if threshold.metric not in _COUNTED_EVENTS:
        return points.value[rows]
    events: Bools = ~points.has_label("outcome", "done")[rows]
    return events


def _statistic(threshold: Threshold, values: Floats | Bools) -> tuple[Estimate | None, str]:
    """Give the statistic, or None and why there is none."""
    # of checks the failed ones alone are kept: to see none of them is to have seen something
    if not len(values) and threshold.metric != "checks_failed":
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
