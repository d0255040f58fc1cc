"""What grew in a phase, process family by process family, and how latency drifted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lab.analysis.disturbance import disturbed, follower_of_heap
from lab.analysis.leak import leak
from lab.analysis.samples import Samples
from lab.analysis.series import Series, Track, outside
from lab.analysis.soak_growth import growth_words
from lab.analysis.trend import growth
from lab.model import (
    OBSERVERS,
    Doubt,
    DoubtKind,
    Drift,
    Estimate,
    Evidence,
    Leak,
    LeakOutcome,
    PhaseKind,
    SoakGrowth,
    Window,
)
from lab.threshold_metrics import HEAPS

RSS = "process_resident_memory_bytes"
_OTHERS = ("k6", "lab", *OBSERVERS)
"""Families that are no part of the system: k6 keeps what it measures, as Prometheus does."""

_STEADY = (PhaseKind.BASELINE, PhaseKind.SUSTAIN, PhaseKind.SOAK)
MOST_DRIFT = 0.2
"""The change of the median latency over a phase, as a share of it, from which the phase is not steady."""


def leaks(evidence: Evidence, series: Mapping[str, Series], growths: Sequence[SoakGrowth] = ()) -> tuple[Leak, ...]:
    """Give one per soak, process family of the system and measure; `growths` name the code that memory went to."""
    effects = evidence.plan.leaks
    measures = {
        RSS: effects.rss_bytes_per_h,
        "process_open_fds": effects.open_files_per_h,
        "process_threads": effects.threads_per_h,
        "process_sockets": effects.sockets_per_h,
        **dict.fromkeys(HEAPS, effects.rss_bytes_per_h),
    }
    return tuple(
        leak_of(window, service, metric, effect_per_h=effect, evidence=evidence, series=series, growths=growths)
        for window in evidence.windows
        if window.kind == PhaseKind.SOAK
        for service in services_of(series)
        for metric, effect in measures.items()
        if len(_track(metric, service, series).value)
    )


def _track(metric: str, service: str, series: Mapping[str, Series]) -> Track:
    """Give a measure of a process family, as the lab sees it from outside, or as the service tells it."""
    name = "scrape" if metric in HEAPS else "processes"
    return series[name].track(metric, service) if name in series else Track(np.zeros(0), np.zeros(0))


def services_of(series: Mapping[str, Series]) -> tuple[str, ...]:
    """Give the process families of the system."""
    if "processes" not in series:
        return ()
    return tuple(service for service in series["processes"].services() if service not in _OTHERS)


def leak_of(
    window: Window,
    service: str,
    metric: str,
    *,
    effect_per_h: float,
    evidence: Evidence,
    series: Mapping[str, Series],
    growths: Sequence[SoakGrowth] = (),
) -> Leak:
    """Judge one measure of one process family in one phase, and say of memory that may leak where it grew."""
    track = _track(metric, service, series).within(window)
    found = leak(
        track.time,
        track.value,
        phase=window.phase,
        service=service,
        metric=metric,
        effect_per_h=effect_per_h,
        requests_per_s=window.achieved_rate_per_s,
        limit=evidence.memory_limits.get(service, evidence.memory_bytes) if metric == RSS else None,
    )
    if metric not in (RSS, *HEAPS):
        return found
    follower = follower_of_heap(evidence, service, window)
    if follower is not None:
        why = f"{follower.profiler} followed the heap meanwhile, which takes memory of its own"
        return replace(found, outcome=LeakOutcome.INCONCLUSIVE, needed_s=None, to_limit_s=None, why=why)
    if found.outcome == LeakOutcome.NO_LEAK:
        return found
    return replace(found, where=growth_words(growths, window.phase, service))


def drifts(evidence: Evidence, samples: Samples) -> tuple[Drift, ...]:
    """Give how the median latency of each second moved, per phase that should be steady and is long enough to tell."""
    return tuple(_drifts(evidence, samples))


def _drifts(evidence: Evidence, samples: Samples) -> Iterator[Drift]:
    for window in evidence.windows:
        if window.kind not in _STEADY:
            continue
        rows = samples.phase.equals(window.name)
        due = samples.time[rows] - samples.response_time_s[rows]
        kept = outside(due, disturbed(evidence))
        seconds = np.floor(due[kept] - window.started_at)
        values = samples.response_time_s[rows][kept]
        order = np.argsort(seconds, kind="stable")
        moments, firsts = np.unique(seconds[order], return_index=True)
        medians = (
            np.array([np.median(part) for part in np.split(values[order], firsts[1:])]) if len(moments) else values
        )
        found = growth(moments, medians)
        if found is not None and found.level > 0:
            factor = (found.duration_s - found.warmup_s) / found.level
            slope = found.slope_per_s
            change = Estimate(value=slope.value * factor, low=slope.low * factor, high=slope.high * factor)
            yield Drift(phase=window.phase, warmup_s=found.warmup_s, level_s=found.level, change=change)


def unsteadiness(found: tuple[Drift, ...]) -> Iterator[Doubt]:
    """Give a doubt, which forbids nothing, per phase whose latency still moved."""
    for drift in found:
        change = drift.change
        if abs(change.value) > MOST_DRIFT and (change.low > 0 or change.high < 0):
            yield Doubt(
                kind=DoubtKind.NOT_STEADY,
                what="latency was not steady",
                why=(
                    f"its median moved by {change.value:+.0%} ({change.low:+.0%} to {change.high:+.0%}) over the phase "
                    f"after the first {drift.warmup_s:.0f} s: its percentiles are those of no steady state"
                ),
                remedy="make the warm-up longer, or find out what grows: data, queues, caches",
                phase=drift.phase,
            )
