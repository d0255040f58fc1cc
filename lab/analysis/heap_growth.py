"""What grew in the heap of a service: between two snapshots, or since its allocations were followed. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.errors import LabError
from lab.model import AllocationSite, Heap, HeapGrowth, ProcessHeap, SiteGrowth

_HOUR = 3600.0
_Site = tuple[str, int, str]  # file, line, name
_Place = tuple[str, str, int, str]  # and before them the role
_Held = tuple[int, int]  # bytes and count
_NOTHING: _Held = (0, 0)
_Pair = tuple[ProcessHeap | None, ProcessHeap]


@dataclass(slots=True)
class _Sum:
    """One place in all processes of a role."""

    size_bytes: int = 0
    count: int = 0
    grown_bytes: int = 0
    grown_count: int = 0
    bytes_per_h: float = 0.0

    def add(self, before: _Held, after: _Held, hours: float) -> None:
        """Add one process that held `before`, and `hours` later `after`."""
        self.size_bytes += after[0]
        self.count += after[1]
        self.grown_bytes += after[0] - before[0]
        self.grown_count += after[1] - before[1]
        self.bytes_per_h += (after[0] - before[0]) / hours


def growth_between(before: Heap, after: Heap) -> HeapGrowth:
    """Give what grew from one snapshot to a later one of the same service, by place.

    Only processes that are in both, and were followed without a break, are compared. Raises LabError where `after` is
    not the later one.
    """
    known = {_identity(process): process for process in before.processes}
    pairs = [(known[_identity(each)], each) for each in after.processes if _identity(each) in known]
    compared = {_identity(each) for _, each in pairs}
    gone = [each.pid for each in before.processes if _identity(each) not in compared]
    new = [each.pid for each in after.processes if _identity(each) not in compared]
    notes = [*before.missing, *after.missing]
    if gone or new:
        notes.append(
            f"compared are {len(pairs)} processes; not those that ended or were followed anew in between "
            f"(before: {_listed(gone)}; after: {_listed(new)})"
        )
    return _growth(after.service, pairs, notes)


def growth_since_followed(heap: Heap) -> HeapGrowth:
    """Give what a service has allocated since its allocations are followed and still holds, by place.

    What a process allocates once and keeps, such as a cache, is in it too: the longer the time, the less it counts.
    """
    followed = [process for process in heap.processes if process.followed_since]
    return _growth(heap.service, [(None, each) for each in followed], heap.missing)


def _identity(process: ProcessHeap) -> tuple[int, float]:
    return process.pid, process.followed_since


def _listed(pids: Iterable[int]) -> str:
    return ", ".join(str(pid) for pid in pids) or "none"


def _growth(service: str, pairs: Sequence[_Pair], notes: Iterable[str]) -> HeapGrowth:
    sums: dict[_Place, _Sum] = defaultdict(_Sum)
    for before, after in pairs:
        hours = _seconds(before, after) / _HOUR
        first, last = _by_place(before), _by_place(after)
        for place in first.keys() | last.keys():
            sums[after.role, *place].add(first.get(place, _NOTHING), last.get(place, _NOTHING), hours)
    sites = [_site(place, each) for place, each in sums.items() if each.grown_bytes or each.grown_count]
    return HeapGrowth(
        service=service,
        seconds=max((_seconds(before, after) for before, after in pairs), default=0.0),
        sites=tuple(sorted(sites, key=_fastest_first)),
        grown_bytes=sum(each.grown_bytes for each in sites),
        resident_bytes=_resident(pairs),
        notes=tuple(dict.fromkeys(notes)),
    )


def _fastest_first(growth: SiteGrowth) -> tuple[object, ...]:
    site = growth.site
    return (-growth.bytes_per_h, -growth.grown_count, growth.role, site.file, site.line, site.name)


def _seconds(before: ProcessHeap | None, after: ProcessHeap) -> float:
    seconds = after.taken_at - (after.followed_since if before is None else before.taken_at)
    if seconds <= 0:
        raise LabError(f"the snapshots of process {after.pid} are not in order of time: give the earlier one first")
    return seconds


def _by_place(process: ProcessHeap | None) -> Mapping[_Site, _Held]:
    held: dict[_Site, _Held] = {}
    for site in process.sites if process else ():
        place = (site.file, site.line, site.name)
        size, count = held.get(place, _NOTHING)
        held[place] = (size + site.size_bytes, count + site.count)
    return held


def _site(place: _Place, summed: _Sum) -> SiteGrowth:
    role, file, line, name = place
    return SiteGrowth(
        role=role,
        site=AllocationSite(file=file, line=line, name=name, size_bytes=summed.size_bytes, count=summed.count),
        grown_bytes=summed.grown_bytes,
        grown_count=summed.grown_count,
        bytes_per_h=summed.bytes_per_h,
    )


def _resident(pairs: Sequence[_Pair]) -> int | None:
    grown = 0
    for before, after in pairs:
        if before is None or before.resident_bytes is None or after.resident_bytes is None:
            return None
        grown += after.resident_bytes - before.resident_bytes
    return grown
