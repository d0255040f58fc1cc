"""What was asked of the system while a profiler looked on, and which phase and step that was in."""

from collections.abc import Sequence

import numpy as np

from lab.analysis.columns import groups
from lab.analysis.samples import Samples
from lab.model import LoadMeanwhile, Profile, Window


def load_within(samples: Samples, started_at: float, ended_at: float) -> LoadMeanwhile:
    """Count the requests that ended in a stretch of time, both ends included, by route and scenario."""
    rows = np.flatnonzero((samples.time >= started_at) & (samples.time <= ended_at))
    cells = [
        (samples.route.name(route), samples.scenario.name(scenario), len(of_cell))
        for (route, scenario), of_cell in groups(samples.route.codes[rows], samples.scenario.codes[rows])
    ]
    extra = int(samples.extra_poll[rows].sum())
    return LoadMeanwhile(
        seconds=ended_at - started_at, requests=len(rows) - extra, extra_polls=extra, cells=tuple(sorted(cells))
    )


def place_of(profile: Profile, windows: Sequence[Window]) -> tuple[str, str]:
    """Give the phase of a profile and the drive in it: as noted with it, else of the window that it has most time in.

    Two empty texts where it was taken outside all windows.
    """
    if profile.phase:
        return profile.phase, profile.drive or profile.phase
    inside = [(_overlap_s(profile, window), window) for window in windows]
    longest, window = max(inside, key=lambda pair: pair[0], default=(0.0, None))
    return (window.phase, window.name) if window is not None and longest > 0 else ("", "")


def _overlap_s(profile: Profile, window: Window) -> float:
    return min(profile.ended_at, window.ended_at) - max(profile.started_at, window.started_at)


def is_about(profile: Profile, window: Window, windows: Sequence[Window]) -> bool:
    """Whether a heap profile tells of a phase: taken in it, or between it and its neighbours.

    A heap is best looked at outside the measured window, and what it holds then is what the phase has left.
    """
    if profile.phase:
        return profile.phase == window.phase
    before = max((w.ended_at for w in windows if w.ended_at <= window.started_at), default=float("-inf"))
    after = min((w.started_at for w in windows if w.started_at >= window.ended_at), default=float("inf"))
    return profile.started_at >= before and profile.ended_at <= after
