"""What each profile of a run comes to: where time and memory went, and what was asked of the system meanwhile."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.analysis.frames import short_file
from lab.analysis.hot_code import NAMED, active_samples, hot_code, route_times
from lab.analysis.profile_files import read_heap, read_stacks
from lab.analysis.profiled_load import load_within, place_of
from lab.analysis.samples import Samples
from lab.errors import LabError
from lab.model import AllocationSite, Evidence, Heap, HeldSite, Profile, ProfileKind, ProfileSummary, Stack

_LEAST_SHARE = 0.01


def profile_summaries(evidence: Evidence, samples: Samples) -> tuple[ProfileSummary, ...]:
    """Give one for each profile, in the order in which they were taken; of files that cannot be read it says why."""
    if evidence.profile_folder is None:
        return ()
    return tuple(_summary(profile, evidence, evidence.profile_folder, samples) for profile in evidence.profiles)


def _summary(profile: Profile, evidence: Evidence, folder: Path, samples: Samples) -> ProfileSummary:
    phase, drive = place_of(profile, evidence.windows)
    bare = ProfileSummary(
        kind=profile.kind,
        service=profile.service,
        profiler=profile.profiler,
        phase=phase,
        drive=drive,
        moment=profile.moment,
        started_at=profile.started_at,
        ended_at=profile.ended_at,
        rate_hz=profile.rate_hz,
        samples=profile.samples,
        lost=profile.lost,
        cpu_s=profile.cpu_s,
        threads=profile.threads,
        files=profile.files,
        note=profile.note,
        load=load_within(samples, profile.started_at, profile.ended_at),
    )
    try:
        if profile.kind != ProfileKind.CPU:
            return replace(bare, held=held_sites(read_heap(profile, folder)))
        return _of_cpu(bare, profile, read_stacks(profile, folder))
    except LabError as error:
        return replace(bare, why=str(error))


def _of_cpu(bare: ProfileSummary, profile: Profile, stacks: Sequence[Stack]) -> ProfileSummary:
    own, total, summary = hot_code(stacks)
    return replace(
        bare,
        by_own=own,
        by_total=total,
        unnamed_share=summary.unnamed_share,
        routes=route_times(stacks, bare.load, seconds_per_sample=seconds_per_sample(profile, stacks)),
    )


def seconds_per_sample(profile: Profile, stacks: Sequence[Stack], *, of_kernel: bool = True) -> float | None:
    """Give the CPU seconds that a sample stands for: what the kernel counted over the samples, else 1 / rate.

    On a busy machine a thread that waits for a CPU is sampled as if it had one, which the kernel's count knows.
    `of_kernel=False` leaves that out. None where neither is known.
    """
    active = active_samples(stacks)
    if of_kernel and profile.cpu_s > 0 and active:
        return profile.cpu_s / active
    return 1 / profile.rate_hz if profile.rate_hz > 0 else None


def held_sites(heap: Heap) -> tuple[HeldSite, ...]:
    """Give the places that hold most, over all processes of a role; each a hundredth of all that is held, or more."""
    sums: dict[tuple[str, str, int, str], list[int]] = defaultdict(lambda: [0, 0])
    for process in heap.processes:
        for site in process.sites:
            held = sums[process.role, site.file, site.line, site.name]
            held[0] += site.size_bytes
            held[1] += site.count
    least = sum(size for size, _ in sums.values()) * _LEAST_SHARE
    ordered = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))[:NAMED]
    return tuple(
        HeldSite(
            role=role, site=AllocationSite(file=short_file(file), line=line, name=name, size_bytes=size, count=count)
        )
        for (role, file, line, name), (size, count) in ordered
        if size and size >= least
    )
