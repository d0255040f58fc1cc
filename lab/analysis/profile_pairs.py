"""Profiles of two runs held against one another: which belong together, and what changed per request."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.analysis.clumping import clumping_of
from lab.analysis.flames import difference_flame
from lab.analysis.hot_code import active_samples
from lab.analysis.profile_files import read_stacks
from lab.analysis.profile_summaries import seconds_per_sample
from lab.analysis.profiled_load import load_within, place_of
from lab.analysis.samples import Samples
from lab.analysis.series import Series
from lab.analysis.stack_diff import Sampled, difference, sampled
from lab.analysis.steadiness import cpu_variation
from lab.errors import LabError, ProfileError
from lab.model import (
    Flame,
    LoadMeanwhile,
    Profile,
    ProfileComparison,
    ProfileDifference,
    ProfileKind,
    ProfileSide,
    Stack,
    Window,
)

_OTHER_RATE = 0.2
_OTHER_MIX = 0.1
_MANY_LOST = 0.1
_Key = tuple[str, str, str]  # service, phase, and what of it: the moment that a plan names, or else the drive
_Pair = tuple[_Key, Profile, Profile]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledRun:
    """What of a run its profiles are compared by. `facts` are what should be alike in both, by name."""

    run_id: str
    folder: Path
    profiles: tuple[Profile, ...]
    windows: tuple[Window, ...]
    samples: Samples
    series: Mapping[str, Series] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()


def compare(before: ProfiledRun, after: ProfiledRun, *, service: str = "", phase: str = "") -> ProfileComparison:
    """Compare the CPU profiles of two runs by service, phase and moment, or step where none is named.

    Steps of two runs have other numbers, and the one that broke is the same moment in both. Several of one place are
    compared in their order.

    `service` and `phase` ("" for all) choose among them. Nothing is raised where nothing can be compared: then there
    are no differences, and the notes say why.
    """
    pairs, notes = _pairs(before, after, service=service, phase=phase)
    found: list[ProfileDifference] = []
    for pair in pairs:
        try:
            found.append(_difference(pair, before, after))
        except LabError as error:
            notes.append(f"{_named(pair[0])}: {error}")
    differing = _differing(before, after) if found else []
    return ProfileComparison(
        before_run=before.run_id,
        after_run=after.run_id,
        differences=tuple(found),
        notes=(*differing, *dict.fromkeys(notes)),
    )


def flame_of(found: ProfileDifference, before: ProfiledRun, after: ProfiledRun) -> Flame:
    """Give the boxes of both profiles, as wide as the mean of both, coloured by what grew and what shrank."""
    return difference_flame(
        read_stacks(found.before.profile, before.folder),
        read_stacks(found.after.profile, after.folder),
        scales_s=(found.before.scale_s, found.after.scale_s),
        clumping=found.clumping,
        variation=found.variation or 0.0,
        title=f"CPU per request of {_named((found.service, found.phase, found.drive))}: what changed",
        subtitle=(
            f"{before.run_id} ({found.before.load.requests:,} requests) → "
            f"{after.run_id} ({found.after.load.requests:,} requests)"
        ),
    )


# ------------------------------------------------------------------------------------------------ which go together


def _pairs(before: ProfiledRun, after: ProfiledRun, *, service: str, phase: str) -> tuple[list[_Pair], list[str]]:
    left, right = (_by_place(run, service=service, phase=phase) for run in (before, after))
    pairs, notes = [], []
    for run, own in ((before, left), (after, right)):
        if not own:
            notes.append(_why_none(run, service=service, phase=phase))
    for key in dict.fromkeys([*left, *right]):
        first, second = left.get(key, []), right.get(key, [])
        pairs += [(key, one, other) for one, other in zip(first, second, strict=False)]
        for run, more, fewer in ((before, first, second), (after, second, first)):
            if len(more) > len(fewer) and left and right:
                notes.append(f"{_named(key)}: {len(more) - len(fewer)} in {run.run_id} have no partner")
    return pairs, notes


def _by_place(run: ProfiledRun, *, service: str, phase: str) -> dict[_Key, list[Profile]]:
    found: dict[_Key, list[Profile]] = defaultdict(list)
    for profile in sorted(run.profiles, key=lambda each: each.started_at):
        of_phase, drive = place_of(profile, run.windows)
        if profile.kind == ProfileKind.CPU and service in ("", profile.service) and phase in ("", of_phase, drive):
            found[_key(profile, run)].append(profile)
    return found


def _key(profile: Profile, run: ProfiledRun) -> _Key:
    phase, drive = place_of(profile, run.windows)
    return profile.service, phase, f"{phase}, {profile.moment}" if profile.moment else drive


def _why_none(run: ProfiledRun, *, service: str, phase: str) -> str:
    there = sorted({_named(_key(profile, run)) for profile in run.profiles if profile.kind == ProfileKind.CPU})
    if not there:
        return f"{run.run_id} has no CPU profiles: take some while it goes on (`lab profile SERVICE`, or in its plan)"
    asked = " ".join(part for part in (service and f"of {service}", phase and f"in {phase}") if part)
    return f"{run.run_id} has no CPU profile {asked}; it has: {', '.join(there)}"


def _named(key: _Key) -> str:
    service, phase, drive = key
    return f"{service} in {drive or phase}" if phase else f"{service} outside all phases"


# ---------------------------------------------------------------------------------------------------- what changed


def _difference(pair: _Pair, before: ProfiledRun, after: ProfiledRun) -> ProfileDifference:
    (service, phase, drive), *profiles = pair
    stacks = [read_stacks(profile, run.folder) for profile, run in zip(profiles, (before, after), strict=True)]
    # the kernel's count is taken for both or for neither: they differ where the machine is busy
    of_kernel = all(profile.cpu_s > 0 and active_samples(of) for profile, of in zip(profiles, stacks, strict=True))
    left = _side(before, profiles[0], stacks[0], of_kernel=of_kernel)
    right = _side(after, profiles[1], stacks[1], of_kernel=of_kernel)
    clumping = max(clumping_of(side.profile, of, side.load) for side, of in zip((left, right), stacks, strict=True))
    counted = [_counted(side, of) for side, of in zip((left, right), stacks, strict=True)]
    variation = _variation((before, profiles[0]), (after, profiles[1]))
    return ProfileDifference(
        service=service,
        phase=phase,
        drive=drive,
        before=left,
        after=right,
        found=difference(*counted, clumping=clumping, variation=variation or 0.0),
        clumping=clumping,
        variation=variation,
        notes=tuple(_doubts(left, right)),
    )


def _variation(*sides: tuple[ProfiledRun, Profile]) -> float | None:
    """Give the larger variation of both runs; None where neither tells."""
    found = []
    for run, profile in sides:
        drive = place_of(profile, run.windows)[1]
        window = next((window for window in run.windows if window.name == drive), None)
        found.append(cpu_variation(profile, run.profiles, window, run.series, run.samples))
    return max((each for each in found if each is not None), default=None)


def _counted(side: ProfileSide, stacks: Sequence[Stack]) -> Sampled:
    return sampled(stacks, seconds_per_sample=side.seconds_per_sample, requests=side.load.requests)


def _side(run: ProfiledRun, profile: Profile, stacks: Sequence[Stack], *, of_kernel: bool) -> ProfileSide:
    load = load_within(run.samples, profile.started_at, profile.ended_at)
    if not load.requests:
        raise ProfileError(f"no request of {run.run_id} ended while it was profiled: profile while load is driven")
    seconds = seconds_per_sample(profile, stacks, of_kernel=of_kernel)
    if seconds is None:
        raise ProfileError(f"the profile in {run.run_id} does not say how often it looked: take it again")
    return ProfileSide(run_id=run.run_id, profile=profile, load=load, seconds_per_sample=seconds)


# ------------------------------------------------------------------------------------- what makes them hard to compare


def _differing(before: ProfiledRun, after: ProfiledRun) -> list[str]:
    there = dict(after.facts)
    return [
        f"the runs differ in their {name}: {value} and {there[name]}"
        for name, value in before.facts
        if name in there and there[name] != value
    ]


def _doubts(left: ProfileSide, right: ProfileSide) -> Iterator[str]:
    yield from _of_load(left.load, right.load)
    if left.profile.profiler != right.profile.profiler:
        yield f"one was taken by {left.profile.profiler}, the other by {right.profile.profiler}"
    for side in (left, right):
        profile = side.profile
        if profile.lost > _MANY_LOST * (profile.samples + profile.lost):
            yield f"{profile.lost:,} looks of {side.run_id} are lost, beside {profile.samples:,} samples"
        if profile.note:
            yield f"{side.run_id}: {profile.note}"


def _of_load(left: LoadMeanwhile, right: LoadMeanwhile) -> Iterator[str]:
    slow, fast = sorted((left.rate_per_s, right.rate_per_s))
    if fast > (1 + _OTHER_RATE) * slow:
        yield (
            f"requests came at {left.rate_per_s:.1f} and {right.rate_per_s:.1f} a second: "
            "CPU per request falls as the rate grows, without a change of the code"
        )
    for route in sorted({route for route, _, _ in (*left.cells, *right.cells)}):
        before, after = (load.of_route(route) / (load.requests + load.extra_polls) for load in (left, right))
        if abs(after - before) > _OTHER_MIX:
            yield f"{route} is {before:.0%} of the requests of one and {after:.0%} of the other: other work"
