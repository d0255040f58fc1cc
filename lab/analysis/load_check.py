"""Whether the planned load was offered, and what it cost to make it."""

from collections.abc import Mapping

import numpy as np

from lab.analysis.points import Points
from lab.analysis.quantiles import Floats
from lab.analysis.samples import Samples
from lab.analysis.series import Series
from lab.model import LoadCheck, Scenario, Window


def check_load(
    window: Window, scenario: Scenario, samples: Samples, points: Points, series: Mapping[str, Series]
) -> LoadCheck:
    """Hold what began inside the window against what was planned for it."""
    duration_s = window.ended_at - window.started_at
    planned = window.planned_rate_per_s / scenario.requests_per_journey * duration_s
    started = _started(window, points)
    requests = samples.phase.equals(window.name)
    requests &= (samples.time >= window.started_at) & (samples.time <= window.ended_at)
    return LoadCheck(
        phase=window.name,
        planned_journeys=planned,
        started_journeys=started,
        planned_rate_per_s=window.planned_rate_per_s,
        achieved_rate_per_s=_per_s(started * scenario.requests_per_journey, duration_s),
        request_rate_per_s=_per_s(int(requests.sum()), duration_s),
        extra_poll_rate_per_s=_per_s(int((requests & samples.extra_poll).sum()), duration_s),
        dropped_iterations=round(float(points.value[points.of("dropped_iterations", window.name)].sum())),
        generator_cores=_generator_cores(window, series),
        machine_cpu=_of_machine("host_cpu_ratio", window, series),
        machine_steal=_of_machine("host_cpu_steal_ratio", window, series),
    )


def begins_of(window: Window, points: Points) -> Floats:
    """Give when journeys began (epoch seconds), in the order of their ends; those that never ended are not known."""
    rows = points.of("iteration_duration", window.name)
    begun: Floats = points.time[rows] - points.value[rows]
    return begun


def _started(window: Window, points: Points) -> int:
    begun = begins_of(window, points)
    return int(np.count_nonzero((begun >= window.started_at) & (begun < window.ended_at)))


def _per_s(count: float, duration_s: float) -> float:
    return count / duration_s if duration_s > 0 else 0.0


def _generator_cores(window: Window, series: Mapping[str, Series]) -> float | None:
    if "processes" not in series:
        return None
    return series["processes"].track("process_cpu_seconds_total", "k6").within(window).increase_per_s()


def _of_machine(metric: str, window: Window, series: Mapping[str, Series]) -> float | None:
    return series["host"].track(metric).within(window).mean() if "host" in series else None
