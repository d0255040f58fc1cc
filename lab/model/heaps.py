"""What the memory of processes is used for, and what of it grows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationSite:
    """What was allocated at one place and is still held.

    `name` is the function where it is known, or for a V8 snapshot the constructor (then without file and line).
    """

    size_bytes: int
    count: int
    file: str = ""
    line: int = 0
    name: str = ""

    @property
    def place(self) -> str:
        """Where it is, as `ai_core_stub/faults.py:30`, with the function where it is known; or the constructor."""
        if not self.file:
            return self.name or "unknown"
        return f"{self.file}:{self.line}" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessHeap:
    """What one process holds at `taken_at`; `role` is what it is to its service, such as `worker`.

    `followed_since` is when its allocations began to be followed: `sites` hold nothing from before, and 0 says that
    they hold everything. `resident_bytes` (None: not known) counts everything.
    """

    pid: int
    role: str
    followed_since: float
    taken_at: float
    resident_bytes: int | None
    sites: tuple[AllocationSite, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """The processes of one service, and in sentences those that did not tell."""

    service: str
    processes: tuple[ProcessHeap, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteGrowth:
    """By how much what is held of one place grew, over all processes of one role."""

    role: str
    site: AllocationSite
    grown_bytes: int
    grown_count: int
    bytes_per_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeapGrowth:
    """What grew, fastest first, over `seconds`; what shrank is at the end.

    `resident_bytes` is the growth of everything that the compared processes hold (None: not known); where it is much
    more than that of the sites, C code holds it, or the allocator has not given it back. `notes` say what could not be
    compared.
    """

    service: str
    seconds: float
    sites: tuple[SiteGrowth, ...]
    grown_bytes: int
    resident_bytes: int | None
    notes: tuple[str, ...] = ()
