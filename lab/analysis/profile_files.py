"""The files that profiles have left in a run, read: stacks, and heaps in one form whoever took them."""

import mmap
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lab.analysis.stacks import read_folded
from lab.analysis.v8_heap import constructors, kept_allocations
from lab.errors import LabError, ProfileError
from lab.model import AllocationSite, Heap, ProcessHeap, Profile, Stack

_HEAP = TypeAdapter(Heap)


def read_stacks(profile: Profile, folder: Path) -> tuple[Stack, ...]:
    """Give the stacks of a CPU profile. Raises ProfileError where its file is missing or damaged."""
    name = dict(profile.files).get("folded")
    if name is None:
        raise ProfileError(f"the profile by {profile.profiler} has no stacks")
    try:
        with (folder / name).open(encoding="utf-8", errors="replace") as lines:
            return tuple(read_folded(lines))
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from error


def read_heap(profile: Profile, folder: Path) -> Heap:
    """Give what a heap profile found in each process. Raises ProfileError where its files are missing or damaged."""
    files = [(kind, name) for kind, name in profile.files if kind in ("allocations", "heapsnapshot", "heapprofile")]
    if not files:
        raise ProfileError(f"the profile by {profile.profiler} tells of no allocations")
    kind, name = files[0]
    try:
        if kind == "allocations":
            return _HEAP.validate_json((folder / name).read_bytes())
        return Heap(service=profile.service, processes=_of_node(profile, folder, files))
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from error
    except (ValidationError, LabError, ValueError) as error:
        raise _unreadable(name, str(error).splitlines()[0]) from error


def _unreadable(name: str, why: str) -> ProfileError:
    return ProfileError(f"{name} cannot be read: {why}; take the profile again")


def _of_node(profile: Profile, folder: Path, files: Sequence[tuple[str, str]]) -> tuple[ProcessHeap, ...]:
    """Give a heap per file; a snapshot holds everything, a heap profile what was allocated while it was taken."""
    # a process whose pid is not known is told apart by its place: 0, -1, -2
    pids = profile.pids if len(profile.pids) == len(files) else tuple(-place for place in range(len(files)))
    return tuple(
        ProcessHeap(
            pid=pid,
            role="",
            followed_since=0.0 if kind == "heapsnapshot" else profile.started_at,
            taken_at=profile.ended_at,
            resident_bytes=None,
            sites=_sites(kind, folder / name),
        )
        for pid, (kind, name) in zip(pids, files, strict=True)
    )


def _sites(kind: str, path: Path) -> tuple[AllocationSite, ...]:
    if kind == "heapprofile":
        return kept_allocations(path.read_bytes())
    # mapped, since a snapshot can be larger than what memory is left
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as snapshot:
        return constructors(snapshot)
