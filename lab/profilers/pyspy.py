"""py-spy: where the Python processes of a service spend CPU, native code included, without touching the service.

Three samplers look at the same time. The first gives the profile: it stops a process for each look, without which
stacks are torn and native frames cannot be read. The second tells who holds the global lock, the third what waits,
which needs few looks; neither stops anything. py-spy has no output that tells the three apart, and one after the other
they would compare different loads.
"""

import math
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import processes
from lab.errors import LabError, ProfileError
from lab.model import WAITS, ProcessId, Profile, ProfileKind, Subject, ThreadTime, innermost_named
from lab.profilers import drafts, python_process
from lab.profilers.pyspy_output import Told, folded, read_told
from lab.profilers.pyspy_places import Place, Started, place_of

DEFAULT_RATE_HZ = 20
"""At 100 Hz, pausing for each look cost the service about a third more CPU (docs/profiling.md)."""

BESIDE_RATE_HZ = 10
"""How often the lock and idle threads are looked at: shares of time need few looks, and each look costs the service."""

_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # here, and in a container
_POLL_S = 0.05
_LOOK_AT_CPU_S = 1.0
_DISK_FULL = ("No space left", "os error 28", "File too large", "os error 27")
_NOT_ALLOWED = ("Permission denied", "Operation not permitted", "os error 1)", "os error 13)")


def find_pyspy(path_env: str | None = None) -> Path:
    """Find py-spy on `path_env` (None: the environment's PATH), else beside this Python, where its wheel puts it."""
    on_path = os.environ.get("PATH", "") if path_env is None else path_env
    found = shutil.which("py-spy", path=os.pathsep.join((on_path, str(Path(sys.executable).parent))))
    if not found:
        raise ProfileError("py-spy is not installed; `pip install py-spy`, or put it on PATH")
    return Path(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sampler:
    """One py-spy at work: what it is for, and the two files that it writes to."""

    kind: str
    started: Started
    log: Path
    raw: Path

    @property
    def process(self) -> ProcessId:
        return self.started.process

    def told(self) -> Told:
        try:
            return read_told(self.log.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return read_told("")

    def stacks(self) -> str:
        try:
            return self.raw.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


@dataclass(slots=True)
class _Looked:
    """What came of looking: from when to when, the CPU used meanwhile, whether the processes ended, who hung."""

    started_at: float
    ended_at: float
    seconds: float
    cpu_s: float
    is_gone: bool
    hung: frozenset[str]


class PySpy:
    """CPU profiles of Python."""

    name = "py-spy"

    def __init__(
        self,
        *,
        rate_hz: int = DEFAULT_RATE_HZ,
        native: bool = True,
        pausing: bool = True,
        with_waiting: bool = True,
        path_env: str | None = None,
        patience_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Look `rate_hz` times a second, at native frames too with `native`, at lock and idle threads `with_waiting`.

        py-spy has `patience_s` to begin, and again to write what it saw; then it is killed.
        """
        self._rate_hz = rate_hz
        self._native = native
        self._pausing = pausing
        self._with_waiting = with_waiting
        self._path_env = path_env
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""
        try:
            return place_of(subject).why_not(find_pyspy(self._path_env))
        except ProfileError as error:
            return str(error)

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Look for `seconds`, or until `is_ended` or the processes' end, and leave folded stacks.

        Raises ProfileError, and leaves no file, where py-spy cannot look, hangs, has nowhere to write to, or the
        processes ended before anything was seen.
        """
        why = self.suits(subject)
        if why:
            raise ProfileError(f"{subject.service}: {why}")
        if not self._native:
            return self._take(subject, seconds, is_ended, native=False, note="")
        try:
            return self._take(subject, seconds, is_ended, native=True, note="")
        except _NoNativeError as error:
            note = f"native frames could not be read ({error}), so that native code counts for what called it"
            return self._take(subject, seconds, is_ended, native=False, note=note)

    def _take(
        self, subject: Subject, seconds: float, is_ended: Callable[[], bool], *, native: bool, note: str
    ) -> Profile:
        place = place_of(subject)
        names = place.names()
        with self._started(subject, place, longest_s=seconds + 3 * self._patience_s, native=native) as samplers:
            try:
                self._wait_for_begin(subject, samplers, is_ended, native=native)
                looked = self._look(subject, place, samplers[0], seconds, is_ended)
            finally:
                _stop(samplers, self._patience_s)
                python_process.wake(names)
            looked.hung = frozenset(each.kind for each in samplers if processes.exit_code(each.process) in _KILLED)
            return self._kept(subject, samplers, looked, names, note)

    @contextmanager
    def _started(self, subject: Subject, place: Place, *, longest_s: float, native: bool) -> Iterator[list[_Sampler]]:
        """Start the samplers; when the block ends none runs any more, and what they wrote is removed."""
        samplers: list[_Sampler] = []
        try:
            for kind, options, rate_hz in self._passes(native=native):
                own = ("--rate", str(rate_hz), "--format", "raw", "--subprocesses", "--threads", *options)
                samplers.append(self._start(subject, place, kind, own, longest_s))
            yield samplers
        finally:
            _stop(samplers, 0.0)
            for each in samplers:
                each.log.unlink(missing_ok=True)
                each.raw.unlink(missing_ok=True)

    def _passes(self, *, native: bool) -> list[tuple[str, tuple[str, ...], int]]:
        looks = ("--native",) if native else () if self._pausing else ("--nonblocking",)
        found: list[tuple[str, tuple[str, ...], int]] = [("cpu", looks, self._rate_hz)]
        if self._with_waiting:
            beside_hz = min(BESIDE_RATE_HZ, self._rate_hz)
            found.append(("gil", ("--gil", "--nonblocking"), beside_hz))
            found.append(("all", ("--idle", "--nonblocking"), beside_hz))
        return found

    def _start(self, subject: Subject, place: Place, kind: str, arguments: Sequence[str], longest_s: float) -> _Sampler:
        stem = subject.folder / f"{subject.stem}-{kind}"
        log, raw = stem.with_name(f"{stem.name}.log.part"), stem.with_name(f"{stem.name}.raw.part")
        try:
            started = place.start(find_pyspy(self._path_env), arguments, raw=raw, log=log, longest_s=longest_s)
            return _Sampler(kind=kind, started=started, log=log, raw=raw)
        except LabError as error:
            log.unlink(missing_ok=True)
            raise ProfileError(f"{subject.service}: {error}") from error

    def _wait_for_begin(
        self, subject: Subject, samplers: Sequence[_Sampler], is_ended: Callable[[], bool], *, native: bool
    ) -> None:
        def ready() -> bool:
            return is_ended() or all(
                each.told().has_begun or not processes.is_running(each.process) for each in samplers
            )

        if not processes.wait_until(
            ready, timeout_s=self._patience_s, interval_s=_POLL_S, clock=self._clock, sleep=self._sleep
        ):
            raise ProfileError(
                f"{subject.service}: py-spy did not begin within {self._patience_s:g} s and was ended; "
                "try again with less load, or with a lower rate"
            )
        main = samplers[0]
        if not main.told().has_begun:
            if processes.is_running(main.process):
                raise ProfileError(f"{subject.service}: the profile was ended before py-spy had begun")
            raise _why_it_ended(subject, main, native=native)

    def _look(
        self, subject: Subject, place: Place, main: _Sampler, seconds: float, is_ended: Callable[[], bool]
    ) -> _Looked:
        started_at, begun = time.time(), self._clock()
        first = last = python_process.cpu_seconds(subject.pid) or 0.0
        looked_at_cpu = begun
        while (now := self._clock()) - begun < seconds and not is_ended():
            # its workers may outlive it, and py-spy would go on with them
            if not (processes.is_running(main.process) and place.lives()):
                break
            if now - looked_at_cpu >= _LOOK_AT_CPU_S:
                last, looked_at_cpu = python_process.cpu_seconds(subject.pid) or last, now
            self._sleep(min(_POLL_S, max(0.0, seconds - (now - begun))))
        is_gone = not (processes.is_running(main.process) and place.lives())
        last = python_process.cpu_seconds(subject.pid) or last
        return _Looked(
            started_at=started_at,
            ended_at=time.time(),
            seconds=self._clock() - begun,
            cpu_s=max(0.0, last - first),
            is_gone=is_gone,
            hung=frozenset(),
        )

    def _kept(
        self, subject: Subject, samplers: Sequence[_Sampler], looked: _Looked, names: dict[int, str], note: str
    ) -> Profile:
        main = samplers[0]
        told = main.told()
        if "cpu" in looked.hung:
            raise ProfileError(
                f"{subject.service}: py-spy did not end within {self._patience_s:g} s of being asked to, and was "
                "killed; try again with a lower rate or without native frames"
            )
        if told.samples is None:
            raise _why_it_ended(subject, main, native=False)
        stacks = {each.kind: folded(each.stacks(), _namer(names)) for each in samplers}
        if looked.is_gone and not stacks["cpu"]:
            raise ProfileError(f"{subject.service}: the process ended before anything was seen of it")
        usable = {each.kind for each in samplers if each.told().samples is not None} - looked.hung
        files = _write(subject, {kind: stacks[kind] for kind in stacks if kind in usable})
        notes = [note, *self._notes(looked, told, usable, stacks["cpu"])]
        return Profile(
            kind=ProfileKind.CPU,
            service=subject.service,
            profiler=self.name,
            pids=tuple(sorted({*names, *_pids(stacks["cpu"])})),
            started_at=looked.started_at,
            ended_at=looked.ended_at,
            rate_hz=float(self._rate_hz),
            samples=stacks["cpu"].total(),
            lost=told.errors + math.floor(told.behind_s * self._rate_hz),
            files=files,
            cpu_s=looked.cpu_s,
            threads=self._thread_time(stacks) if usable >= {"cpu", "gil", "all"} else None,
            note="; ".join(part for part in notes if part),
        )

    def _thread_time(self, stacks: dict[str, Counter[str]]) -> ThreadTime:
        # one that is found in a call that waits was about to sleep, or has just been woken
        active = (count for stack, count in stacks["cpu"].items() if _innermost(stack) not in WAITS)
        active_s = sum(active) / self._rate_hz
        # two samplers look at different moments, so that the lock can seem to be held for longer than anything ran
        beside_hz = min(BESIDE_RATE_HZ, self._rate_hz)
        gil_s = min(active_s, stacks["gil"].total() / beside_hz)
        all_s = stacks["all"].total() / beside_hz
        return ThreadTime(gil_s=gil_s, released_s=active_s - gil_s, idle_s=max(0.0, all_s - active_s))

    def _notes(self, looked: _Looked, told: Told, usable: set[str], cpu: Counter[str]) -> Iterator[str]:
        if looked.is_gone:
            yield f"the process ended after {looked.seconds:.1f} s, and what was seen until then is kept"
        if not cpu:
            yield "nothing used the CPU while it was looked at"
        if told.behind_s:
            yield (
                f"py-spy was up to {told.behind_s:.1f} s behind, so that shares are right and counts too low; "
                "lower its rate, or leave native frames out"
            )
        missing = [
            what for kind, what in (("gil", "who holds the global lock"), ("all", "idle time")) if kind not in usable
        ]
        if self._with_waiting and missing:
            yield f"{' and '.join(missing)} could not be told: that sampler failed"


class _NoNativeError(ProfileError):
    """py-spy looks at Python alone here."""


def _why_it_ended(subject: Subject, sampler: _Sampler, *, native: bool) -> ProfileError:
    """Say why py-spy ended without a profile, and what to do."""
    told = sampler.told()
    code = processes.exit_code(sampler.process)
    if code == -signal.SIGXFSZ or any(sign in told.error for sign in _DISK_FULL):
        return ProfileError(
            f"{subject.service}: {subject.folder} is full; make room, or name another folder for the run"
        )
    if any(sign in told.error for sign in _NOT_ALLOWED):
        return ProfileError(
            f"{subject.service}: process {subject.pid} may not be looked into; {python_process.WAYS_TO_BE_ALLOWED}"
        )
    if not place_of(subject).lives():
        return ProfileError(f"{subject.service}: the process ended before anything was seen of it")
    if "No python processes found" in told.error or "Failed to find" in told.error:
        return ProfileError(
            f"{subject.service}: py-spy finds no Python in process {subject.pid} ({told.error}). Either its Python "
            "has no symbols or is too new for it (update py-spy, or use a Python that is not stripped), "
            f"or it may not be looked into; then {python_process.WAYS_TO_BE_ALLOWED}"
        )
    if native:
        return _NoNativeError(told.error or f"py-spy ended with {code}")
    return ProfileError(
        f"{subject.service}: py-spy ended with {code}: {told.error or processes.tail(sampler.log, lines=3)}"
    )


def _stop(samplers: Sequence[_Sampler], grace_s: float) -> None:
    """Ask all at once to write what they saw, as Ctrl-C does; kill those that do not."""
    running = [each for each in samplers if processes.is_running(each.process)]
    if running:
        with ThreadPoolExecutor(len(running)) as pool:
            list(pool.map(lambda each: each.started.stop(grace_s), running))


def _namer(names: dict[int, str]) -> Callable[[int, str], str]:
    return lambda pid, command: names.get(pid) or python_process.short_name(command.split())


def _pids(stacks: Counter[str]) -> set[int]:
    places = {frame for stack in stacks for frame in stack.split(";", 6)[:6] if frame.startswith("process ")}
    return {int(place.split()[1]) for place in places}


def _innermost(stack: str) -> str:
    return innermost_named(stack.split(";")).split(" (", 1)[0]


def _write(subject: Subject, stacks: dict[str, Counter[str]]) -> tuple[tuple[str, str], ...]:
    """Write the stacks in a stable order; all of them, or none."""
    kinds = {"cpu": "folded", "gil": "gil", "all": "all"}
    texts = {kind: "".join(f"{stack} {count}\n" for stack, count in sorted(stacks[kind].items())) for kind in stacks}
    return drafts.write_all(
        subject.folder,
        [(kinds[kind], f"{subject.stem}-{kind}.folded", text.encode()) for kind, text in texts.items()],
    )
