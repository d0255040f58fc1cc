"""What the collectors saw, once a second."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.analysis import columns
from lab.analysis.columns import Texts
from lab.analysis.quantiles import Bools, Floats
from lab.model import Window, labels_of

_COLUMNS = ["time", "metric", "labels", "value"]


Stretch = tuple[float, float]
"""From when to when, in epoch seconds."""


def outside(times: Floats, stretches: Sequence[Stretch]) -> Bools:
    """Give which times lie in none of some stretches, whose ends belong to them."""
    kept: Bools = np.ones(len(times), dtype=bool)
    for started_at, ended_at in stretches:
        kept &= (times < started_at) | (times > ended_at)
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rows of one collector, in the order of their times (epoch seconds)."""

    time: Floats
    metric: Texts
    labels: Texts
    value: Floats

    def services(self) -> tuple[str, ...]:
        """The values of the label `service` that occur."""
        named = {labels_of(text).get("service", "") for text in self.labels.names}
        return tuple(sorted(named - {""}))

    def of_service(self, service: str) -> Bools:
        """Which rows are of this service."""
        codes = [code for code, text in enumerate(self.labels.names) if labels_of(text).get("service") == service]
        found: Bools = np.isin(self.labels.codes, codes)
        return found

    def track(self, metric: str, service: str | None = None) -> "Track":
        """Give one metric, of one service where the metric has that label."""
        rows = self.metric.equals(metric)
        if service is not None:
            rows &= self.of_service(service)
        return Track(self.time[rows], self.value[rows])


@dataclass(frozen=True, slots=True)
class Track:
    """One metric over time."""

    time: Floats
    value: Floats

    def within(self, window: Window) -> "Track":
        """Give the part inside a window."""
        return self.between(window.started_at, window.ended_at)

    def between(self, started_at: float, ended_at: float) -> "Track":
        """Give the part of a stretch of time, its ends included."""
        rows = (self.time >= started_at) & (self.time <= ended_at)
        return Track(self.time[rows], self.value[rows])

    def without(self, stretches: Sequence[Stretch]) -> "Track":
        """Give what lies in none of some stretches of time."""
        kept = outside(self.time, stretches)
        return Track(self.time[kept], self.value[kept])

    def mean(self) -> float | None:
        """Give the mean of the values; None without any."""
        return float(self.value.mean()) if len(self.value) else None

    def increase_per_s(self) -> float | None:
        """Give how fast a counter rises, per second; None under two values.

        A fall is a process of the family that ended, or a counter that began anew: that step counts as no rise.
        """
        if len(self.value) < 2 or self.time[-1] <= self.time[0]:
            return None
        rises = np.maximum(np.diff(self.value), 0.0)
        return float(rises.sum() / (self.time[-1] - self.time[0]))


def read_series(path: Path, *, only: Collection[str] = ()) -> Series:
    """Read a file of `series/`, of `only` some metrics where they are named."""
    return Series(**columns.read(path, _COLUMNS, rows=[("metric", "in", list(only))] if only else None))
