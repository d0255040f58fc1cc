"""What the memory of a Node process is used for, through the inspector: who allocates it, and what is there."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import psutil

from lab.errors import ProfileError
from lab.model import Profile, ProfileKind, Subject
from lab.profilers import drafts, v8_profile
from lab.profilers.inspector import ANSWER_TIMEOUT_S, Session
from lab.profilers.node_turns import Looked, Turn, look_at_each, why_not

INTERVAL_BYTES = 32 * 1024
"""How many bytes are allocated between two samples on average; V8's own default."""

SNAPSHOT_TIMEOUT_S = 600.0
# measured (docs/profiling-node.md): a heap of a million small objects makes V8 build a graph of thirteen times its size
_DISK_PER_HEAP = 3
_MEMORY_PER_HEAP = 15


class NodeHeapProfiler:
    """Which functions allocate what stays: one allocation in `interval_bytes` is followed for `seconds`.

    Leaves a `.heapprofile` for each process, and stacks folded by the bytes that still live at the end. V8 collects
    its garbage then, for which the process stands still.
    """

    name = "node-heap"

    def __init__(
        self,
        *,
        interval_bytes: int = INTERVAL_BYTES,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        stop_timeout_s: float = 60.0,
    ) -> None:
        """Follow one allocation in `interval_bytes`; a process has `stop_timeout_s` to put its profile together."""
        self._interval_bytes = interval_bytes
        self._answer_timeout_s = answer_timeout_s
        self._stop_timeout_s = stop_timeout_s

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""
        return why_not(subject)

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Follow for `seconds`, or until `is_ended`. Raises ProfileError, and leaves no file, where there is none."""

        async def look(session: Session, turn: Turn) -> dict[str, Any]:
            await session.ask("HeapProfiler.enable")
            await session.ask("HeapProfiler.startSampling", samplingInterval=self._interval_bytes)
            await session.listen(turn.seconds, is_ended)
            stopped = await session.ask("HeapProfiler.stopSampling", timeout_s=self._stop_timeout_s)
            profile: dict[str, Any] = stopped["profile"]
            return profile

        started_at = time.time()
        looked = asyncio.run(
            look_at_each(subject, look, seconds=seconds, is_ended=is_ended, answer_timeout_s=self._answer_timeout_s)
        )
        stacks = "".join(
            v8_profile.folded(v8_profile.heap_stacks(profile), below=turn.below) for turn, profile in looked.seen
        )
        files = [
            ("folded", f"{subject.stem}-heap.folded", stacks.encode()),
            *(("heapprofile", f"{turn.stem}-heap.heapprofile", orjson.dumps(profile)) for turn, profile in looked.seen),
        ]
        kept = drafts.write_all(subject.folder, files)
        samples = sum(len(profile.get("samples", ())) for _, profile in looked.seen)
        return _profile(self.name, subject, looked, started_at=started_at, samples=samples, files=kept)


def _free_disk(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _free_memory() -> int:
    return int(psutil.virtual_memory().available)


class NodeHeapSnapshotter:
    """Everything that lives in a Node process, as a `.heapsnapshot` that Chrome opens.

    The process stands still while it is taken, and V8 needs up to thirteen times the heap's size for it: never in a
    measured window, and never where memory is short. The file is written as it comes, and is larger than the heap.
    """

    name = "node-heap-snapshot"

    def __init__(
        self,
        *,
        snapshot_timeout_s: float = SNAPSHOT_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        free_disk: Callable[[Path], int] = _free_disk,
        free_memory: Callable[[], int] = _free_memory,
    ) -> None:
        """Give a process `snapshot_timeout_s` for its snapshot, and take none that `free_disk` or memory forbids."""
        self._free_disk = free_disk
        self._free_memory = free_memory
        self._snapshot_timeout_s = snapshot_timeout_s
        self._answer_timeout_s = answer_timeout_s

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""
        return why_not(subject)

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Take the snapshot now; `seconds` says nothing here, and `is_ended` gives it up.

        Raises ProfileError, and leaves no file, where there is none, or there is too little room for it.
        """

        async def look(session: Session, turn: Turn) -> str:
            return await self._snapshot(session, subject, turn, is_ended)

        started_at = time.time()
        looked = asyncio.run(
            look_at_each(subject, look, seconds=seconds, is_ended=is_ended, answer_timeout_s=self._answer_timeout_s)
        )
        files = tuple(("heapsnapshot", name) for _, name in looked.seen)
        return _profile(
            self.name,
            subject,
            looked,
            started_at=started_at,
            samples=len(files),
            files=files,
            kind=ProfileKind.SNAPSHOT,
        )

    async def _snapshot(self, session: Session, subject: Subject, turn: Turn, is_ended: Callable[[], bool]) -> str:
        self._require_room(subject.folder, int((await session.ask("Runtime.getHeapUsage"))["usedSize"]))
        path = subject.folder / f"{turn.stem}-heap.heapsnapshot"
        with drafts.draft(path) as file:

            def keep(name: str, parameters: dict[str, Any]) -> None:
                if name == "HeapProfiler.addHeapSnapshotChunk":
                    file.write(parameters["chunk"].encode())

            await session.ask("HeapProfiler.enable")
            await session.ask(
                "HeapProfiler.takeHeapSnapshot",
                timeout_s=self._snapshot_timeout_s,
                on_event=keep,
                is_ended=is_ended,
                reportProgress=False,
            )
        return path.name

    def _require_room(self, folder: Path, used: int) -> None:
        free, needed = self._free_disk(folder), _DISK_PER_HEAP * used
        if free < needed:
            raise ProfileError(f"{folder} has {_mb(free)} left, and a snapshot may take {_mb(needed)}: make room first")
        free, needed = self._free_memory(), _MEMORY_PER_HEAP * used
        if free < needed:
            raise ProfileError(
                f"this machine has {_mb(free)} of memory left, and a snapshot of {_mb(used)} of heap may take "
                f"{_mb(needed)}: take the profile of allocations (node-heap) instead"
            )


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _profile(
    name: str,
    subject: Subject,
    looked: Looked[Any],
    *,
    started_at: float,
    samples: int,
    files: tuple[tuple[str, str], ...],
    kind: ProfileKind = ProfileKind.HEAP,
) -> Profile:
    return Profile(
        kind=kind,
        service=subject.service,
        profiler=name,
        pids=looked.pids,
        started_at=started_at,
        ended_at=time.time(),
        rate_hz=0.0,
        samples=samples,
        lost=0,
        files=files,
        note=looked.note,
    )
