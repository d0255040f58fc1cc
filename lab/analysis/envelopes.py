"""Many readings as few points, with the lowest and the highest reading behind each, so that no spike is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.analysis.quantiles import Floats
from lab.analysis.series import Track
from lab.model import Curve

STEPS_S = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""The lengths of a point that a reader can name."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal steps of time: `count` of them from `started_at` (epoch seconds)."""

    started_at: float
    step_s: float
    count: int

    @property
    def middles(self) -> Floats:
        """The middle of each step."""
        middles: Floats = self.started_at + (np.arange(self.count, dtype=np.float64) + 0.5) * self.step_s
        return middles

    @property
    def ended_at(self) -> float:
        """The end of the last step."""
        return self.started_at + self.count * self.step_s

    def places(self, times: Floats) -> npt.NDArray[np.int64]:
        """Give the step of each time; less than 0, or `count` and more, where it lies beside the grid."""
        return np.floor((times - self.started_at) / self.step_s).astype(np.int64)

    def within(self, times: Floats) -> npt.NDArray[np.int64]:
        """Give which times lie on the grid."""
        places = self.places(times)
        return np.flatnonzero((places >= 0) & (places < self.count))


def grid(started_at: float, ended_at: float, *, most: int) -> Grid:
    """Give the finest grid of nameable steps that covers a stretch with no more than `most` of them."""
    length_s = max(ended_at - started_at, STEPS_S[0])
    step_s = next((step for step in STEPS_S if length_s / step <= most), length_s / most)
    return Grid(started_at, step_s, max(int(np.ceil(length_s / step_s - 1e-9)), 1))


def envelope(name: str, track: Track, steps: Grid) -> Curve:
    """Give the mean of each step's readings, with the lowest and the highest; steps without any are left out."""
    rows = steps.within(track.time)
    places, values = steps.places(track.time[rows]), track.value[rows]
    order = np.argsort(places, kind="stable")
    places, values = places[order], values[order]
    found, begins = np.unique(places, return_index=True)
    if not len(found):
        return Curve(name=name, times=(), values=())
    sums, counts = np.add.reduceat(values, begins), np.diff(np.append(begins, len(values)))
    columns = (sums / counts, np.minimum.reduceat(values, begins), np.maximum.reduceat(values, begins))
    return _broken(name, steps, found, columns)


def _broken(name: str, steps: Grid, found: npt.NDArray[np.int64], columns: Sequence[Floats]) -> Curve:
    """Give a curve of means, lowest and highest that has a hole where steps have no reading."""
    times = steps.middles[found]
    holes = np.flatnonzero(np.diff(times) > _LONGEST_GAP_S + steps.step_s * 1.5) + 1
    means, low, high = (plain(np.insert(column, holes, np.nan)) for column in columns)
    moments = np.insert(times, holes, (times[holes] + times[holes - 1]) / 2)
    return Curve(name=name, times=tuple(moments.tolist()), values=means, low=low, high=high)


_LONGEST_GAP_S = 3.0
"""Collectors look once a second, and a late look is no hole."""


def plain(values: Floats) -> tuple[float | None, ...]:
    """Give values as Python has them, None for what is no number."""
    return tuple(None if value != value else value for value in values.tolist())  # noqa: PLR0124  # only NaN differs


def rate_of(track: Track) -> Track:
    """Give how fast a counter rose between one reading and the next, per second, at the later one.

    A fall is a process that ended, or a counter that began anew, and counts as no rise.
    """
    spans = np.diff(track.time)
    used = spans > 0
    rises = np.maximum(np.diff(track.value), 0.0)
    return Track(track.time[1:][used], rises[used] / spans[used])
