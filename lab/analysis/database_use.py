"""What the database did while a phase ran, by its own account."""

from collections.abc import Mapping, Sequence

import numpy as np

from lab.analysis.series import Series, Track
from lab.model import DatabaseUse, Window, labels_of

_KINDS = ("reads", "writes", "commands")


def database_use(windows: Sequence[Window], series: Mapping[str, Series]) -> tuple[DatabaseUse, ...]:
    """Give one per window in which the database could be asked."""
    if "mongo" not in series:
        return ()
    mongo = series["mongo"]
    found = [_use(window, mongo) for window in windows]
    return tuple(use for use in found if use is not None)


def _use(window: Window, mongo: Series) -> DatabaseUse | None:
    operations = _rate(mongo, window, "mongodb_operations_total")
    if operations is None:
        return None
    slow = _track(mongo, window, "mongodb_slow_operations_total").value
    maximum = _highest(mongo, window, "mongodb_cache_bytes", kind="maximum")
    used = _highest(mongo, window, "mongodb_cache_bytes", kind="used")
    return DatabaseUse(
        phase=window.name,
        operations_per_s=operations,
        latencies_s=tuple((kind, mean) for kind in _KINDS if (mean := _mean_latency(mongo, window, kind)) is not None),
        connections_max=_highest(mongo, window, "mongodb_connections", state="current"),
        queue_max=_highest(mongo, window, "mongodb_queue"),
        cache=used / maximum if used is not None and maximum else None,
        collection_scans_per_s=_rate(mongo, window, "mongodb_collection_scans_total"),
        slow=int(slow[-1] - slow[0]) if len(slow) else 0,
    )


def _track(mongo: Series, window: Window, metric: str, **labels: str) -> Track:
    """Give a metric in a window, summed over the series that have these labels."""
    fitting = [code for code, text in enumerate(mongo.labels.names) if labels.items() <= labels_of(text).items()]
    rows = mongo.metric.equals(metric) & np.isin(mongo.labels.codes, fitting)
    rows &= (mongo.time >= window.started_at) & (mongo.time <= window.ended_at)
    times, places = np.unique(mongo.time[rows], return_inverse=True)
    return Track(times, np.bincount(places, weights=mongo.value[rows], minlength=len(times)).astype(np.float64))


def _rate(mongo: Series, window: Window, metric: str, **labels: str) -> float | None:
    return _track(mongo, window, metric, **labels).increase_per_s()


def _highest(mongo: Series, window: Window, metric: str, **labels: str) -> float | None:
    values = _track(mongo, window, metric, **labels).value
    return float(values.max()) if len(values) else None


def _mean_latency(mongo: Series, window: Window, kind: str) -> float | None:
    seconds = _rate(mongo, window, "mongodb_op_latency_seconds_total", type=kind)
    operations = _rate(mongo, window, "mongodb_op_latency_operations_total", type=kind)
    return seconds / operations if seconds is not None and operations else None
