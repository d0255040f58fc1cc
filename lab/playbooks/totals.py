"""Durations by when they ended, summed once and asked often."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from lab.analysis.quantiles import Floats


@dataclass(frozen=True, slots=True)
class Totals:
    """Times in their order, and the running sum of what belongs to them, which begins with 0."""

    times: Floats
    running: Floats

    @classmethod
    def of(cls, times: Floats, values: Floats) -> Self:
        """Take values by their times, in any order."""
        order = np.argsort(times, kind="stable")
        return cls(times[order], np.concatenate([[0.0], np.cumsum(values[order])]))

    def count(self, started_at: float, ended_at: float) -> int:
        """Count the values of a stretch, its ends included."""
        low, high = self._places(started_at, ended_at)
        return high - low

    def sum(self, started_at: float, ended_at: float) -> float:
        """Sum them up."""
        low, high = self._places(started_at, ended_at)
        return float(self.running[high] - self.running[low])

    def mean(self, started_at: float, ended_at: float) -> float | None:
        """Give their mean; None where there are none."""
        count = self.count(started_at, ended_at)
        return self.sum(started_at, ended_at) / count if count else None

    def _places(self, started_at: float, ended_at: float) -> tuple[int, int]:
        low = np.searchsorted(self.times, started_at, side="left")
        high = np.searchsorted(self.times, ended_at, side="right")
        return int(low), int(high)
