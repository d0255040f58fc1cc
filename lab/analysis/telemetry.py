"""Silences: a collector or an endpoint that said nothing for too long inside a window."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lab.analysis.phases import watched
from lab.analysis.quantiles import Floats
from lab.analysis.series import Series
from lab.model import OBSERVERS, Doubt, DoubtKind, Evidence, Window

COLLECTORS = ("host", "processes", "scrape")
_TRANSIENT = ("k6", *OBSERVERS)
"""Watched only while they run: k6 as long as a phase, and the lab's own series do without the others."""

_REMEDY = "look for a machine too busy to be watched, or a service too busy to answer /metrics; then run again"
_REMEDY_OF_OTHERS = "the errors of the load show whether the service was down; else it was too busy to answer /metrics"


def silences(evidence: Evidence, series: Mapping[str, Series]) -> tuple[Doubt, ...]:
    """Give the doubts about every phase that is no warm-up; each forbids a verdict, but for what services tell.

    A service that the lab has not started is seen through its own /metrics alone. Where that is silent, the service may
    be down, and what the load met of that must count.
    """
    names = {phase.name for phase in watched(evidence.plan)}
    windows = [window for window in evidence.windows if window.phase in names]
    missing = [_missing(name) for name in COLLECTORS if name not in series]
    gaps = (doubt for window in windows for doubt in _in_window(window, evidence, series))
    return (*missing, *gaps, *_explosions(series))


def _explosions(series: Mapping[str, Series]) -> Iterator[Doubt]:
    if "scrape" not in series:
        return
    scrape = series["scrape"]
    for service in scrape.services():
        dropped = scrape.track("scrape_series_dropped", service).value
        if len(dropped) and dropped.max() > 0:
            yield Doubt(
                kind=DoubtKind.LABEL_EXPLOSION,
                what="series were left out",
                why=f"/metrics of {service} told up to {dropped.max():.0f} series too many at a time",
                remedy="keep ids out of its labels: a route's template, never its path",
            )


def _missing(name: str) -> Doubt:
    return Doubt(
        kind=DoubtKind.TELEMETRY_MISSING,
        what="telemetry is missing",
        why=f"the collector {name} left nothing",
        remedy="see the lab's own messages, and that the disk is not full; then run again",
        invalidates=True,
    )


def _in_window(window: Window, evidence: Evidence, series: Mapping[str, Series]) -> Iterator[Doubt]:
    limit_s = evidence.plan.guards.telemetry_gap_s
    gaps = {source: longest_gap(source.times, window) for source in _sources(series)}
    silent = sorted(
        (source for source, gap in gaps.items() if gap.length_s > limit_s), key=lambda source: -gaps[source].length_s
    )
    for forbids in (True, False):
        found = [source for source in silent if forbids == (source.is_labs or not evidence.is_external)]
        if found:
            longest = gaps[found[0]]
            others = f"; too long were also {', '.join(source.who for source in found[1:])}" if found[1:] else ""
            yield Doubt(
                kind=DoubtKind.TELEMETRY_GAP,
                what="telemetry has a gap",
                why=f"{found[0].who} was silent for {longest.length_s:.1f} s; {limit_s:g} s are tolerated{others}",
                remedy=_REMEDY if forbids else _REMEDY_OF_OTHERS,
                invalidates=forbids,
                phase=window.phase,
                started_at=longest.started_at,
                ended_at=longest.ended_at,
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """Who is watched, and when something was seen of it; `is_labs`: by the lab itself, of this machine."""

    who: str
    times: Floats
    is_labs: bool = False


def _sources(series: Mapping[str, Series]) -> Iterator[_Source]:
    if "host" in series:
        yield _Source("the machine", series["host"].track("host_cpu_ratio").time, is_labs=True)
    if "processes" in series:
        for service in series["processes"].services():
            if service not in _TRANSIENT:
                times = series["processes"].track("process_cpu_seconds_total", service).time
                yield _Source(f"the process of {service}", times, is_labs=service == "lab")
    if "scrape" in series:
        for service in series["scrape"].services():
            up = series["scrape"].track("up", service)
            yield _Source(f"/metrics of {service}", up.time[up.value == 1])


class Gap(NamedTuple):
    """A time without a sign of life, in epoch seconds."""

    started_at: float
    ended_at: float

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.ended_at - self.started_at


def longest_gap(times: Floats, window: Window) -> Gap:
    """Give the longest time, inside a window, without one of `times` (sorted, epoch seconds)."""
    inside = times[(times >= window.started_at) & (times <= window.ended_at)]
    ends = np.array([window.started_at, *inside, window.ended_at])
    place = int(np.diff(ends).argmax())
    return Gap(float(ends[place]), float(ends[place + 1]))
