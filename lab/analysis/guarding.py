"""How a guard looks at a phase: a figure in each of its windows, against a limit; the worst one makes the doubt."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lab.analysis.observe import stretches_of
from lab.analysis.series import Track
from lab.model import Doubt, DoubtKind, Window

READINGS = 3
"""So many readings of a collector a window needs: of fewer, one is too much of the whole."""

Figure = Callable[[float, float], float | None]
"""A figure of the time from one moment to another (epoch seconds); None where it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A figure, the limit that it must not pass, and what to say where it does."""

    kind: DoubtKind
    what: str
    figure: Figure
    limit: float
    allowed: str
    shown: Callable[[float], str]
    remedy: str
    forbids: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a guard saw in one window (epoch seconds)."""

    guard: Guard
    figure: float
    started_at: float
    ended_at: float


def seen_by(guard: Guard, window: Window, window_s: float) -> list[Seen]:
    """Look through a guard at each window of `window_s` of a phase; they overlap by half."""
    return [
        Seen(guard, figure, *ends)
        for ends in stretches_of(window, window_s)
        if (figure := guard.figure(*ends)) is not None
    ]


def doubts_of(seen: Iterable[Seen], phase: str) -> Iterator[Doubt]:
    """Give one doubt per kind whose limit was passed, with the time of its worst window."""
    by_kind: dict[DoubtKind, list[Seen]] = {}
    for each in seen:
        by_kind.setdefault(each.guard.kind, []).append(each)
    for of_kind in by_kind.values():
        beyond = [each for each in of_kind if each.figure > each.guard.limit]
        if beyond:
            yield _doubt(beyond, len({each.started_at for each in of_kind}), phase)


def _doubt(beyond: Sequence[Seen], windows: int, phase: str) -> Doubt:
    worst = max(beyond, key=lambda each: each.figure)
    often = f"; in {len(beyond)} of {windows} windows" if len(beyond) > 1 else ""
    return Doubt(
        kind=worst.guard.kind,
        what=worst.guard.what,
        why=f"{worst.guard.shown(worst.figure)}, and {worst.guard.allowed} is the most that is allowed{often}",
        remedy=worst.guard.remedy,
        invalidates=worst.guard.forbids,
        phase=phase,
        started_at=worst.started_at,
        ended_at=worst.ended_at,
    )


def together(of_phases: Iterable[Doubt], of_windows: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Give one doubt per kind and phase: what is true of the whole phase is told with its worst window."""
    worst = {(doubt.kind, doubt.phase): doubt for doubt in of_windows}
    found = [_with_worst(doubt, worst.pop((doubt.kind, doubt.phase), None)) for doubt in of_phases]
    return (*found, *worst.values())


def _with_worst(whole: Doubt, worst: Doubt | None) -> Doubt:
    if worst is None:
        return whole
    return replace(
        whole,
        why=f"{whole.why}; at its worst, {worst.why}",
        invalidates=whole.invalidates or worst.invalidates,
        started_at=worst.started_at,
        ended_at=worst.ended_at,
    )


def mean_of(track: Track) -> Figure:
    """The mean of a gauge."""

    def figure(begin: float, end: float) -> float | None:
        part = track.between(begin, end)
        return part.mean() if len(part.value) >= READINGS else None

    return figure


def rate_of(track: Track) -> Figure:
    """How fast a counter rises, per second."""

    def figure(begin: float, end: float) -> float | None:
        part = track.between(begin, end)
        return part.increase_per_s() if len(part.value) >= READINGS else None

    return figure
