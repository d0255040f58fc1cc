"""Spike phases: what of a run's files tells how a surge was taken."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lab.analysis.disturbance import WHY, is_disturbed
from lab.analysis.recovery import Surged, resilience
from lab.analysis.series import Series, Track
from lab.analysis.values import Load
from lab.model import Evidence, Phase, RecoveryOutcome, Resilience, Window

QUEUES = ("analyze_queue_depth", "ai_core_queue_depth")
"""The gauges of the contract that say how many analyses wait."""


def resiliences(evidence: Evidence, load: Load, series: Mapping[str, Series]) -> tuple[Resilience, ...]:
    """Give one per spike phase that was driven to its end."""
    windows = {window.phase: window for window in evidence.windows}
    return tuple(
        _undisturbed(_of(phase, windows[phase.name], load, series), evidence, windows[phase.name])
        for phase in evidence.plan.phases
        if phase.surge is not None and phase.name in windows
    )


def _undisturbed(found: Resilience, evidence: Evidence, window: Window) -> Resilience:
    """Give what was found; without a recovery where a profiler slowed the system down meanwhile."""
    if not is_disturbed(evidence, window.started_at, window.ended_at):
        return found
    unknown = RecoveryOutcome.UNKNOWN
    signals = tuple(replace(each, outcome=unknown, recovery_s=None, why=WHY) for each in found.recoveries)
    return replace(found, outcome=unknown, recovery_s=None, recoveries=signals, why=WHY)


def _of(phase: Phase, window: Window, load: Load, series: Mapping[str, Series]) -> Resilience:
    assert phase.surge is not None, "a spike has a surge"
    surge_started_at = window.started_at + phase.surge.before_s
    samples = load.samples
    rows = np.flatnonzero(samples.phase.equals(window.name))
    due = samples.time[rows] - samples.response_time_s[rows]
    rows, due = rows[np.argsort(due, kind="stable")], np.sort(due, kind="stable")
    queue = queue_depth(series)
    return resilience(
        phase.name,
        Surged(
            started_at=window.started_at,
            surge_started_at=surge_started_at,
            surge_ended_at=surge_started_at + phase.surge.surge_s,
            ended_at=window.ended_at,
            base_rate_per_s=phase.rate_per_s,
            surge_rate_per_s=phase.rate_per_s * phase.surge.factor,
        ),
        due=due,
        duration_s=samples.response_time_s[rows],
        failed=samples.failed[rows],
        queue_times=queue.time,
        queue_depth=queue.value,
    )


def queue_depth(series: Mapping[str, Series]) -> Track:
    """Give how many analyses wait, in all queues together, over time."""
    if "scrape" not in series:
        return Track(np.zeros(0), np.zeros(0))
    scrape = series["scrape"]
    rows = scrape.metric.equals(QUEUES[0])
    for name in QUEUES[1:]:
        rows |= scrape.metric.equals(name)
    times, places = np.unique(scrape.time[rows], return_inverse=True)
    return Track(times, np.bincount(places, weights=scrape.value[rows], minlength=len(times)).astype(np.float64))
