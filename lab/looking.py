"""Takes the profiles that a plan asks for while its load is driven, and keeps what came of them in the run."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lab import profiling
from lab.analysis.looks import Look
from lab.errors import LabError
from lab.model import Doubt, DoubtKind, Environment, Moment, Profile, ProfileKind, Subject
from lab.profilers import PROFILERS
from lab.rundir import RunDir

Take = Callable[..., Profile]
Elapsed = Callable[[float], None]

_PATIENCE_S = 90.0
"""How long a look may go on after the load that it was about: reading symbols and writing files; then it is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where looks belong: the phase, and the name of what is driven of it."""

    phase: str
    drive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A look at one service."""

    service: str
    look: Look
    number: int


class Looking:
    """Looks into services of an environment at the moments that are due, each in a thread of its own.

    What cannot be taken is a doubt of the run, which goes on. `services` are looked into, all that speak HTTP where
    none is named.
    """

    def __init__(
        self,
        environment: Environment,
        run: RunDir,
        *,
        services: Sequence[str] = (),
        take: Take = profiling.take,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Keep profiles in `run`; a look has `patience_s` after the end of its load to put its files together."""
        self._environment = environment
        self._run = run
        self._services = tuple(services) or profiling.services_of(environment)
        self._take = take
        self._patience_s = patience_s

    @contextmanager
    def during(self, looks: Sequence[Look], place: Place) -> Iterator[Elapsed]:
        """Give what is told, again and again, how many seconds load has gone on; looks that are due then begin.

        At the end of the block those that still look are ended, and what they saw is kept.
        """
        session = _Session(self, looks, place)
        try:
            yield session.elapsed
        finally:
            for doubt in session.end(self._patience_s):
                self._run.add_incident(doubt)

    def snapshots(self, place: Place) -> None:
        """Keep every object of the services that can be asked for that, while no load is driven."""
        where = (place.phase, place.drive, Moment.HEAP)
        for service in self._services:
            try:
                subject = self._subject(service, f"{place.drive}-{service}")
                if any(not make().suits(subject) for make in PROFILERS[ProfileKind.SNAPSHOT]):
                    self._take(subject, ProfileKind.SNAPSHOT, seconds=0.0, place=where)
            except LabError as error:
                self._run.add_incident(_lacking(service, place, str(error)))

    def look(self, work: _Work, place: Place, is_ended: Callable[[], bool]) -> Doubt | None:
        """Take one profile; a doubt where that was not possible."""
        look = work.look
        stem = f"{place.drive}-{look.moment}{work.number or ''}-{work.service}"
        try:
            self._take(
                replace(self._subject(work.service, stem), goes_on_s=look.goes_on_s),
                look.kind,
                seconds=look.seconds,
                is_ended=is_ended,
                place=(place.phase, place.drive, look.moment),
            )
        except LabError as error:
            return _lacking(work.service, place, str(error))
        except Exception as error:  # noqa: BLE001  # in a thread of its own nobody else would hear of it
            return _lacking(work.service, place, f"{type(error).__name__}: {error}")
        return None

    def _subject(self, service: str, stem: str) -> Subject:
        return profiling.subject_of(self._environment, service, folder=self._run.profiles, stem=stem)

    def work_of(self, looks: Sequence[Look]) -> list[_Work]:
        """Give what there is to do, look by look and service by service."""
        moments = [look.moment for look in looks]
        return [
            _Work(service=service, look=look, number=moments[:place].count(look.moment))
            for place, look in enumerate(looks)
            for service in self._services
        ]


class _Session:
    """The looks into one drive."""

    def __init__(self, looking: Looking, looks: Sequence[Look], place: Place) -> None:
        self._looking = looking
        self._place = place
        self._due = looking.work_of(looks)
        self._ended = threading.Event()
        self._doubts: list[Doubt] = []
        self._threads: dict[str, threading.Thread] = {}

    def elapsed(self, seconds: float) -> None:
        """Begin the looks that are due after so many seconds of load."""
        due = [work for work in self._due if work.look.at_s <= seconds]
        self._due = [work for work in self._due if work.look.at_s > seconds]
        for work in due:
            name = f"look-{work.service}-{work.look.moment}-{work.number}"
            self._threads[name] = threading.Thread(target=self._look, args=(work,), name=name, daemon=True)
            self._threads[name].start()

    def _look(self, work: _Work) -> None:
        doubt = self._looking.look(work, self._place, self._ended.is_set)
        if doubt is not None:
            self._doubts.append(doubt)

    def end(self, patience_s: float) -> list[Doubt]:
        """End the looks, and give the doubts: of those that failed, hang, or were never due."""
        self._ended.set()
        until = time.monotonic() + patience_s
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        hanging = [name for name, thread in self._threads.items() if thread.is_alive()]
        missed = [_lacking(work.service, self._place, "load ended before it was due") for work in self._due]
        return [
            *self._doubts,
            *missed,
            *(_lacking(name, self._place, f"it did not end within {patience_s:g} s, and is left") for name in hanging),
        ]


def _lacking(service: str, place: Place, why: str) -> Doubt:
    return Doubt(
        kind=DoubtKind.NOT_PROFILED,
        what="a profile is lacking",
        why=f"{service} in {place.drive}: {why}",
        remedy="`lab doctor` says what profilers need (docs/profiling.md); the figures of the run are whole without it",
        phase=place.phase,
    )
