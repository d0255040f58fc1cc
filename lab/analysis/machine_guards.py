"""What the machine did beside running the system: guards in windows, and a clock that was set or a disk that filled."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lab.analysis.guarding import READINGS, Figure, Guard, mean_of, rate_of
from lab.analysis.series import Series, Track
from lab.model import Doubt, DoubtKind, Evidence, Guards, Window

RELIEVE = "run k6 on a machine of its own, give the machine more cores, or lower the rate"
OTHERS = "end what else runs on the machine, or take a machine that is not shared"
MOST_STEAL = 0.05
_MEMORY = "end what takes the memory, or take a machine with more of it"
_SPARE_DISK_BYTES = 200e6
_MOST_JUMP_S = 1.0


def machine_guards(evidence: Evidence, series: Mapping[str, Series]) -> tuple[Guard, ...]:
    """Give the guards of the machine; none where nothing was recorded of it."""
    if "host" not in series:
        return ()
    host, limits = series["host"], evidence.plan.guards
    return (*_cpu_guards(host, limits), _others_guard(evidence, series), *_memory_guards(host, limits))


def _cpu_guards(host: Series, limits: Guards) -> Iterator[Guard]:
    frequency = host.track("host_cpu_frequency_hertz")
    usual = float(np.median(frequency.value)) if len(frequency.value) else 0.0
    yield Guard(
        kind=DoubtKind.MACHINE_CPU_PEAK,
        what="the machine was saturated for a while",
        figure=mean_of(host.track("host_cpu_ratio")),
        limit=limits.machine_cpu,
        allowed=f"{limits.machine_cpu:.0%}",
        shown=lambda share: f"its cores were busy {share:.0%} of the time",
        remedy=RELIEVE,
    )
    yield Guard(
        kind=DoubtKind.STEAL,
        what="the machine lost time to its neighbours",
        figure=mean_of(host.track("host_cpu_steal_ratio")),
        limit=MOST_STEAL,
        allowed=f"{MOST_STEAL:.0%}",
        shown=lambda share: f"{share:.0%} of the time its host gave the cores to others (steal)",
        remedy=OTHERS,
    )
    yield Guard(
        kind=DoubtKind.FREQUENCY,
        what="the cores slowed down",
        figure=lambda begin, end: _share_below(frequency.between(begin, end), usual),
        limit=limits.frequency_drop,
        allowed=f"{limits.frequency_drop:.0%}",
        shown=lambda share: f"their frequency was {share:.0%} below the run's median",
        remedy="fix the frequency (governor performance), or let the machine cool down",
    )


def _memory_guards(host: Series, limits: Guards) -> Iterator[Guard]:
    yield Guard(
        kind=DoubtKind.MEMORY_PRESSURE,
        what="processes waited for memory",
        figure=mean_of(_pressure(host)),
        limit=limits.memory_pressure,
        allowed=f"{limits.memory_pressure:.0%}",
        shown=lambda share: f"something waited for memory {share:.0%} of the time",
        remedy=_MEMORY,
    )
    yield Guard(
        kind=DoubtKind.SWAP,
        what="the machine swapped",
        figure=rate_of(host.track("host_swap_in_bytes_total")),
        limit=limits.swap_in_bytes_per_s,
        allowed=f"{limits.swap_in_bytes_per_s / 1e6:g} MB/s",
        shown=lambda size: f"{size / 1e6:.1f} MB/s came back from swap",
        remedy=_MEMORY,
    )


def _pressure(host: Series) -> Track:
    rows = host.metric.equals("host_pressure_ratio") & host.labels.equals("resource=memory")
    return Track(host.time[rows], host.value[rows])


def _share_below(part: Track, usual: float) -> float | None:
    return 1 - float(part.value.mean()) / usual if len(part.value) >= READINGS and usual else None


def _others_guard(evidence: Evidence, series: Mapping[str, Series]) -> Guard:
    limit = evidence.plan.guards.other_cores
    return Guard(
        kind=DoubtKind.OTHER_PROCESSES,
        what="something else used the machine",
        figure=_others(evidence, series),
        limit=limit,
        allowed=f"{limit:g}",
        shown=lambda cores: f"{cores:.2f} cores were used by neither the system nor the lab",
        remedy=OTHERS,
    )


def _others(evidence: Evidence, series: Mapping[str, Series]) -> Figure:
    """Give the cores that nobody who is watched has used: those that were busy here, less those of every family.

    It cannot be told while one of them was not watched: a service in a container of its own is not, and nor is one
    whose process is about to be replaced, or that the lab has not started: it may be anywhere.
    """
    host, processes, scrape = (series.get(name) for name in ("host", "processes", "scrape"))
    known = set(processes.services()) if processes is not None else set()
    is_unseen = evidence.is_external or (scrape is not None and not known.issuperset(scrape.services()))
    if host is None or processes is None or is_unseen:
        return lambda _begin, _end: None
    busy, steal = mean_of(host.track("host_cpu_ratio")), mean_of(host.track("host_cpu_steal_ratio"))
    families = [rate_of(processes.track("process_cpu_seconds_total", service)) for service in sorted(known)]

    def figure(begin: float, end: float) -> float | None:
        share, watched = busy(begin, end), [family(begin, end) for family in families]
        used = [own for own in watched if own is not None]
        if share is None or len(used) < len(watched):
            return None
        return (share - (steal(begin, end) or 0.0)) * evidence.cores - sum(
            used
        )  # the kernel counts stolen time as busy

    return figure


# ----------------------------------------------------------------------------------------------------- clock and disk


def clock_and_disk(windows: Sequence[Window], series: Mapping[str, Series]) -> Iterator[Doubt]:
    """Give the doubts about a clock that was set and a disk that filled inside these windows of a phase."""
    if "host" in series:
        yield from _jump(series["host"].track("host_clock_offset_seconds"), windows)
        yield from _full(series["host"].track("host_disk_free_bytes"), windows)


def _jump(clock: Track, windows: Sequence[Window]) -> Iterator[Doubt]:
    """Look for a step from one reading to the next: a clock that is slewed may move as far in hours, and harms none."""
    steps = np.diff(clock.value)
    before = clock.time[:-1]
    inside = np.zeros(len(steps), dtype=bool)
    for window in windows:
        inside |= (before >= window.started_at) & (before <= window.ended_at)
    steps = np.where(inside, steps, 0.0)
    if len(steps) and np.abs(steps).max() > _MOST_JUMP_S:
        place = int(np.abs(steps).argmax())
        passed_s = clock.time[place + 1] - before[place] - steps[place]
        yield Doubt(
            kind=DoubtKind.CLOCK_JUMP,
            what="the clock was set",
            why=f"it moved by {steps[place]:+.1f} s against the time that passed: nothing can be put in its order",
            remedy="run again with a clock that is left alone, or slewed",
            invalidates=True,
            phase=windows[0].phase,
            started_at=float(before[place]),
            ended_at=float(before[place] + passed_s),
        )


def _full(disk: Track, windows: Sequence[Window]) -> Iterator[Doubt]:
    parts = [disk.within(window) for window in windows]
    free, times = (np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "time"))
    short = times[free < _SPARE_DISK_BYTES]
    if len(short):
        yield Doubt(
            kind=DoubtKind.DISK_FULL,
            what="the disk was nearly full",
            why=f"{free.min() / 1e6:.0f} MB were left: k6's output, the services' logs and MongoDB may lack their ends",
            remedy="make room, or set LAB_ARTIFACTS to another disk; then run again",
            invalidates=True,
            phase=windows[0].phase,
            started_at=float(short[0]),
            ended_at=float(short[-1]),
        )
