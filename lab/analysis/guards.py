"""Whether the generator and the machine did what they should in every window of a phase, and not in the mean alone.

Each guard is looked at in windows of `guards.window_s` that overlap by half, and its worst window makes the doubt. A
busy machine makes a system look slower and never faster, so that a pass stands beside it: in single windows it is told
and forbids nothing; over a whole phase it does (see load_doubts). What the generator does wrong can make a system look
better than it is, and forbids a verdict wherever it is seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.observe import stretches_of
from lab.analysis.phases import watched
from lab.analysis.quantiles import Floats, interpolated
from lab.analysis.series import Series, Track
from lab.analysis.values import Load
from lab.model import Doubt, DoubtKind, Evidence, PhaseKind, Window

_RELIEVE = "run k6 on a machine of its own, give the machine more cores, or lower the rate"
_OTHERS = "end what else runs on the machine, or take a machine that is not shared"
_MEMORY = "end what takes the memory, or take a machine with more of it"
_SHEDDING = (PhaseKind.STRESS, PhaseKind.SPIKE)
_LEAST_STARTS = 100
"""Journeys that a P99 of their delays needs; where a window has fewer, the whole phase is looked at."""

_SPARE_DISK_BYTES = 200e6
_MOST_JUMP_S = 1.0
_CEILING = 0.98
_READINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    """A figure of a window (None where it cannot be told), the limit that it must not pass, and what to say of it."""

    kind: DoubtKind
    what: str
    figure: Callable[[float, float], float | None]
    limit: float
    allowed: str
    shown: Callable[[float], str]
    remedy: str
    forbids: bool = False


def guard_doubts(evidence: Evidence, load: Load, series: Mapping[str, Series]) -> Iterator[Doubt]:
    """Give the doubts about every phase that is no warm-up: one per kind, which names its worst window."""
    machine = _machine_guards(evidence, series)
    for phase in watched(evidence.plan):
        windows = [window for window in evidence.windows if window.phase == phase.name]
        seen: dict[DoubtKind, list[_Seen]] = {}
        for window in windows:
            for guard in (*machine, *_generator_guards(window, evidence, load, series)):
                seen.setdefault(guard.kind, []).extend(_figures(guard, window, evidence.plan.guards.window_s))
        for figures in seen.values():
            yield from _worst(figures, phase.name)
        yield from _vus(windows, evidence, load)
        yield from _clock_and_disk(windows, series)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a guard saw in one window."""

    guard: _Guard
    figure: float
    started_at: float
    ended_at: float


def _figures(guard: _Guard, window: Window, window_s: float) -> list[_Seen]:
    return [
        _Seen(guard, figure, *ends)
        for ends in stretches_of(window, window_s)
        if (figure := guard.figure(*ends)) is not None
    ]


def _worst(seen: Sequence[_Seen], phase: str) -> Iterator[Doubt]:
    beyond = [each for each in seen if each.figure > each.guard.limit]
    if beyond:
        worst = max(beyond, key=lambda each: each.figure)
        guard = worst.guard
        often = f"; in {len(beyond)} of {len(seen)} windows" if len(beyond) > 1 else ""
        yield Doubt(
            kind=guard.kind,
            what=guard.what,
            why=f"{guard.shown(worst.figure)}, and {guard.allowed} is the most that is allowed{often}",
            remedy=guard.remedy,
            invalidates=guard.forbids,
            phase=phase,
            started_at=worst.started_at,
            ended_at=worst.ended_at,
        )


# -------------------------------------------------------------------------------------------------------- the machine


def _machine_guards(evidence: Evidence, series: Mapping[str, Series]) -> tuple[_Guard, ...]:
    if "host" not in series:
        return ()
    host, limits = series["host"], evidence.plan.guards
    frequency = host.track("host_cpu_frequency_hertz")
    usual = float(np.median(frequency.value)) if len(frequency.value) else 0.0
    return (
        _Guard(
            kind=DoubtKind.MACHINE_CPU_PEAK,
            what="the machine was saturated for a while",
            figure=_mean_of(host.track("host_cpu_ratio")),
            limit=limits.machine_cpu,
            allowed=f"{limits.machine_cpu:.0%}",
            shown=lambda share: f"its cores were busy {share:.0%} of the time",
            remedy=_RELIEVE,
        ),
        _Guard(
            kind=DoubtKind.OTHER_PROCESSES,
            what="something else used the machine",
            figure=_others(evidence, series),
            limit=limits.other_cores,
            allowed=f"{limits.other_cores:g}",
            shown=lambda cores: f"{cores:.2f} cores were used by neither the system nor the lab",
            remedy=_OTHERS,
        ),
        _Guard(
            kind=DoubtKind.FREQUENCY,
            what="the cores slowed down",
            figure=lambda begin, end: _share_below(frequency.between(begin, end), usual),
            limit=limits.frequency_drop,
            allowed=f"{limits.frequency_drop:.0%}",
            shown=lambda share: f"their frequency was {share:.0%} below the run's median",
            remedy="fix the frequency (governor performance), or let the machine cool down",
        ),
        _Guard(
            kind=DoubtKind.MEMORY_PRESSURE,
            what="processes waited for memory",
            figure=_mean_of(_pressure(host)),
            limit=limits.memory_pressure,
            allowed=f"{limits.memory_pressure:.0%}",
            shown=lambda share: f"something waited for memory {share:.0%} of the time",
            remedy=_MEMORY,
        ),
        _Guard(
            kind=DoubtKind.SWAP,
            what="the machine swapped",
            figure=_rate_of(host.track("host_swap_in_bytes_total")),
            limit=limits.swap_in_bytes_per_s,
            allowed=f"{limits.swap_in_bytes_per_s / 1e6:g} MB/s",
            shown=lambda size: f"{size / 1e6:.1f} MB/s came back from swap",
            remedy=_MEMORY,
        ),
    )


def _mean_of(track: Track) -> Callable[[float, float], float | None]:
    def figure(begin: float, end: float) -> float | None:
        part = track.between(begin, end)
        return part.mean() if len(part.value) >= _READINGS else None

    return figure


def _rate_of(track: Track) -> Callable[[float, float], float | None]:
    def figure(begin: float, end: float) -> float | None:
        part = track.between(begin, end)
        return part.increase_per_s() if len(part.value) >= _READINGS else None

    return figure


def _pressure(host: Series) -> Track:
    rows = host.metric.equals("host_pressure_ratio") & host.labels.equals("resource=memory")
    return Track(host.time[rows], host.value[rows])


def _share_below(part: Track, usual: float) -> float | None:
    return 1 - float(part.value.mean()) / usual if len(part.value) >= _READINGS and usual else None


def _others(evidence: Evidence, series: Mapping[str, Series]) -> Callable[[float, float], float | None]:
    """Give the cores that nobody who is watched has used: those that were busy, less those of every family."""
    busy = _mean_of(series["host"].track("host_cpu_ratio"))
    processes = series.get("processes")
    families = (
        [_rate_of(processes.track("process_cpu_seconds_total", service)) for service in processes.services()]
        if processes is not None
        else []
    )

    def figure(begin: float, end: float) -> float | None:
        share = busy(begin, end)
        known = [family(begin, end) for family in families]
        if share is None or not families:
            return None
        return share * evidence.cores - sum(cores for cores in known if cores is not None)

    return figure


# ------------------------------------------------------------------------------------------------------ the generator


def _generator_guards(
    window: Window, evidence: Evidence, load: Load, series: Mapping[str, Series]
) -> tuple[_Guard, ...]:
    limits = evidence.plan.guards
    found = [
        _Guard(
            kind=DoubtKind.START_DELAY,
            what="k6 began journeys late",
            figure=_late(window, load),
            limit=limits.start_delay_s,
            allowed=f"{limits.start_delay_s * 1000:.0f} ms",
            shown=lambda seconds: f"one journey in a hundred began {seconds * 1000:.0f} ms after it was due",
            remedy=_RELIEVE,
            forbids=window.kind not in _SHEDDING,  # there, response times count from when requests were due
        )
    ]
    if "processes" in series:
        found.append(
            _Guard(
                kind=DoubtKind.GENERATOR_CPU,
                what="the generator was saturated for a while",
                figure=_rate_of(series["processes"].track("process_cpu_seconds_total", "k6")),
                limit=limits.generator_cpu * evidence.cores,
                allowed=f"{limits.generator_cpu * evidence.cores:g}",
                shown=lambda cores: f"k6 used {cores:.2f} of {evidence.cores} cores",
                remedy=_RELIEVE,
                forbids=True,
            )
        )
    return tuple(found)


def _late(window: Window, load: Load) -> Callable[[float, float], float | None]:
    """Give the P99 of start delays, as far as k6 has dropped nothing: afterwards they tell nothing any more."""
    points = load.points
    rows = points.of("start_delay", window.name)
    times, delays = points.time[rows], points.value[rows]
    dropped = points.time[points.of("dropped_iterations", window.name)]
    if len(dropped):
        kept = times < dropped.min()
        times, delays = times[kept], delays[kept]
    whole = _p99(delays)

    def figure(begin: float, end: float) -> float | None:
        own = _p99(delays[(times >= begin) & (times < end)])
        return whole if own is None else own

    return figure


def _p99(delays: Floats) -> float | None:
    return interpolated(np.sort(delays), 0.99) if len(delays) >= _LEAST_STARTS else None


def _vus(windows: Sequence[Window], evidence: Evidence, load: Load) -> Iterator[Doubt]:
    points, ceiling = load.points, evidence.plan.journeys.max_vus
    used = max((float(points.value[points.of("vus", w.name)].max(initial=0)) for w in windows), default=0.0)
    if used >= _CEILING * ceiling:
        yield Doubt(
            kind=DoubtKind.VUS_AT_CEILING,
            what="k6 had no virtual user left",
            why=f"{used:.0f} of at most {ceiling} were in use: what was due then was dropped, or would have been",
            remedy="raise journeys.max_vus, or find out why journeys take so long",
            phase=windows[0].phase,
        )


# ----------------------------------------------------------------------------------------------------- clock and disk


def _clock_and_disk(windows: Sequence[Window], series: Mapping[str, Series]) -> Iterator[Doubt]:
    if "host" not in series or not windows:
        return
    phase = windows[0].phase
    clock, disk = (series["host"].track(name) for name in ("host_clock_offset_seconds", "host_disk_free_bytes"))
    jump_s = max(float(np.ptp(seen)) if len(seen := clock.within(window).value) else 0.0 for window in windows)
    if jump_s > _MOST_JUMP_S:
        yield Doubt(
            kind=DoubtKind.CLOCK_JUMP,
            what="the clock was set",
            why=f"it moved by {jump_s:.1f} s against the time that passed: nothing can be put in its order",
            remedy="run again with a clock that is left alone, or slewed",
            invalidates=True,
            phase=phase,
        )
    free = min(float(disk.within(window).value.min(initial=np.inf)) for window in windows)
    if free < _SPARE_DISK_BYTES:
        yield Doubt(
            kind=DoubtKind.DISK_FULL,
            what="the disk was nearly full",
            why=f"{free / 1e6:.0f} MB were left: k6's output, the services' logs and MongoDB may lack their ends",
            remedy="make room, or set LAB_ARTIFACTS to another disk; then run again",
            invalidates=True,
            phase=phase,
        )
