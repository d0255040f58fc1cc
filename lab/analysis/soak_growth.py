"""What grew in the heaps of services over a soak, by file and line, and how a verdict about leaks says it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lab.analysis.frames import short_file
from lab.analysis.heap_growth import growth_between, growth_since_followed
from lab.analysis.profile_files import read_heap
from lab.analysis.profiled_load import is_about
from lab.errors import LabError
from lab.model import (
    Evidence,
    GrowthBasis,
    Heap,
    HeapGrowth,
    PhaseKind,
    Profile,
    ProfileKind,
    SiteGrowth,
    SoakGrowth,
    Window,
)

NAMED = 10
_Taken = tuple[Profile, Heap]
_Place = tuple[str, str, int, str]  # role, file, line, name


def soak_growths(evidence: Evidence) -> tuple[SoakGrowth, ...]:
    """Give one per soak, service and profiler that took two heap profiles or more of it."""
    if evidence.profile_folder is None:
        return ()
    soaks = [window for window in evidence.windows if window.kind == PhaseKind.SOAK]
    return tuple(found for window in soaks for found in _of_soak(window, evidence, evidence.profile_folder))


def _of_soak(window: Window, evidence: Evidence, folder: Path) -> Iterator[SoakGrowth]:
    by_who: dict[tuple[str, str], list[Profile]] = defaultdict(list)
    for profile in evidence.profiles:
        if profile.kind == ProfileKind.HEAP and is_about(profile, window, evidence.windows):
            by_who[profile.service, profile.profiler].append(profile)
    for _, profiles in sorted(by_who.items()):
        taken, unread = _read(profiles, folder)
        if len(taken) > 1:
            yield _growth(window.phase, taken, unread)


def _read(profiles: Sequence[Profile], folder: Path) -> tuple[list[_Taken], tuple[str, ...]]:
    taken, unread = [], []
    for profile in sorted(profiles, key=lambda each: each.started_at):
        try:
            taken.append((profile, read_heap(profile, folder)))
        except LabError as error:
            unread.append(str(error))
    return taken, tuple(unread)


def _growth(phase: str, taken: Sequence[_Taken], unread: tuple[str, ...]) -> SoakGrowth:
    """Compare the first heap with the last one; where no process was followed on, what each stretch has kept."""
    (first, _), (last, _) = taken[0], taken[-1]
    between = growth_between(taken[0][1], taken[-1][1])
    is_between = between.seconds > 0
    stretches = [between] if is_between else [growth_since_followed(heap) for _, heap in taken]
    growing = [site for site in _in_each(stretches) if site.bytes_per_h > 0]
    return SoakGrowth(
        phase=phase,
        service=first.service,
        profiler=first.profiler,
        basis=GrowthBasis.BETWEEN if is_between else GrowthBasis.REPEATED,
        started_at=first.ended_at if is_between else first.started_at,
        ended_at=last.ended_at,
        stretches=tuple((profile.started_at, profile.ended_at) for profile, _ in taken),
        sites=tuple(_shortened(site) for site in growing[:NAMED]),
        grown_bytes=sum(site.grown_bytes for site in growing),
        resident_bytes=between.resident_bytes if is_between else None,
        notes=tuple(dict.fromkeys([*(note for each in stretches for note in each.notes), *unread])),
    )


def _shortened(growth: SiteGrowth) -> SiteGrowth:
    site = growth.site
    return replace(growth, site=replace(site, file=short_file(site.file))) if site.file else growth


def _in_each(stretches: Sequence[HeapGrowth]) -> list[SiteGrowth]:
    """Give the places that grew in every stretch, by the rate of the slowest: a cache that has filled is in one."""
    found: dict[_Place, list[SiteGrowth]] = defaultdict(list)
    for stretch in stretches:
        for each in stretch.sites:
            if each.grown_bytes > 0:
                found[each.role, each.site.file, each.site.line, each.site.name].append(each)
    sites = [_slowest(seen) for seen in found.values() if len(seen) == len(stretches)]
    return sorted(sites, key=lambda each: (-each.bytes_per_h, each.role, each.site.file, each.site.line))


def _slowest(seen: Sequence[SiteGrowth]) -> SiteGrowth:
    last = seen[-1]
    return SiteGrowth(
        role=last.role,
        site=last.site,
        grown_bytes=sum(each.grown_bytes for each in seen),
        grown_count=sum(each.grown_count for each in seen),
        bytes_per_h=min(each.bytes_per_h for each in seen),
    )


def growth_words(growths: Sequence[SoakGrowth], phase: str, service: str) -> str:
    """Say what grew most in the heap of a service over a phase; "" where no two heap profiles of it tell."""
    return "; ".join(
        _words(found) for found in growths if (found.phase, found.service) == (phase, service) and found.sites
    )


def _words(found: SoakGrowth) -> str:
    first = found.sites[0]
    place = first.site.place
    if found.basis == GrowthBasis.REPEATED:
        when = " and ".join(_clock(began) for began, _ in found.stretches)
        return (
            f"allocated and kept at {place} in each stretch (from {when}): {first.bytes_per_h / 1e6:.1f} MB/h or more"
        )
    when = f"between {_clock(found.started_at)} and {_clock(found.ended_at)}"
    return f"grew {first.grown_bytes / 1e6:.1f} MB {when} at {place}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
