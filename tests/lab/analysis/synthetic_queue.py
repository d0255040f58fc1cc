"""A queue with c servers, driven by a schedule of arrivals: its saturation and its backlog are known."""

import heapq
from dataclasses import dataclass

import numpy as np

from lab.analysis.quantiles import Bools, Floats
from lab.model import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Requests in the order in which they were due: when, how long they took, and whether they were refused."""

    due: Floats
    duration_s: Floats
    failed: Bools


def arrivals(stages: tuple[Stage, ...], random: np.random.Generator, *, poisson: bool = False) -> Floats:
    """Give when requests are due: evenly along a rate that moves through stages, or by chance with that rate."""
    ends = np.cumsum([0.0, *(stage.duration_s for stage in stages)])
    areas = [stage.duration_s * (stage.from_rate_per_s + stage.to_rate_per_s) / 2 for stage in stages]
    total = float(sum(areas))
    counted = np.sort(random.uniform(0, total, random.poisson(total))) if poisson else np.arange(0.5, total)
    grid = np.linspace(0, ends[-1], 20_000)
    rates = np.array([_rate(stages, ends, moment) for moment in grid])
    filled = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(grid))])
    found: Floats = np.interp(counted, filled * total / filled[-1], grid)
    return found


def _rate(stages: tuple[Stage, ...], ends: Floats, moment: float) -> float:
    place = min(int(np.searchsorted(ends, moment, side="right")) - 1, len(stages) - 1)
    stage = stages[place]
    share = min(max((moment - ends[place]) / stage.duration_s, 0.0), 1.0)
    return stage.from_rate_per_s + share * (stage.to_rate_per_s - stage.from_rate_per_s)


def served(
    due: Floats,
    random: np.random.Generator,
    *,
    servers: int,
    service_s: float,
    variation: float = 1.0,
    room: int | None = None,
) -> Answered:
    """Serve requests first come, first served. Service times are gamma with this mean and coefficient of variation.

    With `room`, a request that finds so many waiting is refused at once.
    """
    shape = 1 / variation**2
    times = random.gamma(shape, service_s / shape, len(due))
    free = [0.0] * servers
    starts: list[float] = []
    duration, failed = np.empty(len(due)), np.zeros(len(due), dtype=bool)
    for place, at in enumerate(due):
        while starts and starts[0] <= at:
            heapq.heappop(starts)
        if room is not None and len(starts) >= room:
            duration[place], failed[place] = 0.001, True
            continue
        begin = max(heapq.heappop(free), float(at))
        heapq.heappush(free, begin + times[place])
        heapq.heappush(starts, begin)
        duration[place] = begin + times[place] - at
    return Answered(due=due, duration_s=duration, failed=failed)


def surge(base: float, factor: float, before_s: float, surge_s: float, after_s: float) -> tuple[Stage, ...]:
    """Give the stages of a spike."""
    parts = ((before_s, base), (surge_s, base * factor), (after_s, base))
    return tuple(Stage(duration_s=s, from_rate_per_s=r, to_rate_per_s=r) for s, r in parts)
