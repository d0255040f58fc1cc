"""By how much the CPU per request of a service varies in a run by itself, which no count of samples knows."""

from collections.abc import Mapping, Sequence

import numpy as np

from lab.analysis.profiled_load import load_within
from lab.analysis.samples import Samples
from lab.analysis.series import Series, Track
from lab.model import Profile, Window

_FEWEST = 6
"""Stretches without which nothing is said."""

_SHORTEST_S = 2.0


def cpu_variation(
    profile: Profile, profiles: Sequence[Profile], window: Window | None, series: Mapping[str, Series], samples: Samples
) -> float | None:
    """Give the standard deviation of CPU per request between stretches as long as the profile, as a share of the mean.

    Stretches are those of the profile's window in which nobody was looked into. Where the window is short they are
    shorter, and are taken to vary independently, so that the deviation falls with the root of the length. None where
    the CPU of the service was not watched, or fewer than six stretches are left.
    """
    if window is None or "processes" not in series:
        return None
    track = series["processes"].track("process_cpu_seconds_total", profile.service).within(window)
    length_s = profile.ended_at - profile.started_at
    stretch_s = max(_SHORTEST_S, min(length_s, (window.ended_at - window.started_at) / (2 * _FEWEST)))
    starts = np.arange(window.started_at, window.ended_at - stretch_s, stretch_s)
    found = [
        _cpu_s_per_request(track, samples, start, start + stretch_s)
        for start in starts.tolist()
        if not any(other.disturbs(start, start + stretch_s) for other in profiles)
    ]
    values = np.array([value for value in found if value is not None])
    if len(values) < _FEWEST or not values.mean() > 0:
        return None
    return float(values.std(ddof=1) / values.mean() * np.sqrt(min(1.0, stretch_s / length_s)))


def _cpu_s_per_request(track: Track, samples: Samples, started_at: float, ended_at: float) -> float | None:
    cores = track.between(started_at, ended_at).increase_per_s()
    requests = load_within(samples, started_at, ended_at).requests
    return cores * (ended_at - started_at) / requests if cores is not None and requests else None
