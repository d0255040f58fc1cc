"""Server metrics for thresholds: what collectors saw, summed over the labels that a threshold leaves open."""

from collections.abc import Mapping

import numpy as np

from lab.analysis.quantiles import Floats, interpolated
from lab.analysis.series import Series, Track
from lab.model import Estimate, Threshold, labels_of
from lab.threshold_metrics import QUANTILES


def track_of(threshold: Threshold, series: Mapping[str, Series]) -> Track:
    """Give the metric over time: at each moment the sum over every set of labels that has those of the threshold."""
    wanted = dict(threshold.selector).items()
    for each in series.values():
        rows = each.metric.equals(threshold.metric)
        if rows.any():
            fitting = [code for code, text in enumerate(each.labels.names) if wanted <= labels_of(text).items()]
            rows &= np.isin(each.labels.codes, fitting) if wanted else True
            times, places = np.unique(each.time[rows], return_inverse=True)
            sums: Floats = np.bincount(places, weights=each.value[rows], minlength=len(times)).astype(np.float64)
            return Track(times, sums)
    return Track(np.zeros(0), np.zeros(0))


def server_statistic(threshold: Threshold, track: Track) -> tuple[Estimate | None, str]:
    """Give the statistic that a threshold asks for, or None and why there is none.

    It has no interval: values of one second follow from those of the last, and a gauge is not a sample of anything.
    """
    if not len(track.value):
        return None, "there is nothing to observe: no collector saw such a metric, or not with these labels"
    value = _value(threshold.statistic, track)
    if value is None:
        return None, f"{threshold.statistic} needs 2 values, and there is 1"
    return Estimate(value=value, low=value, high=value), ""


def _value(statistic: str, track: Track) -> float | None:
    if statistic == "rate":
        return track.increase_per_s()
    if statistic == "increase":
        per_s = track.increase_per_s()
        return None if per_s is None else per_s * float(track.time[-1] - track.time[0])
    if statistic in QUANTILES:
        return interpolated(np.sort(track.value), QUANTILES[statistic])
    return {"mean": float(track.value.mean()), "max": float(track.value.max()), "min": float(track.value.min())}[
        statistic
    ]
