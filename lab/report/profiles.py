"""What a report says of profiles: where CPU and memory went, for whom, and what grew in heaps over a soak."""

from collections.abc import Iterator, Sequence

from lab.model import GrowthBasis, HotCode, ProfileKind, ProfileSummary, Report, SoakGrowth
from lab.report.figures import NOTHING, clock, in_unit, milliseconds, percent, window
from lab.report.section import INDENT, Section

_IN_WORDS = 3
_PARTS = 4  # scenarios and routes that are named in a sentence


def sections(report: Report, *, brief: bool = False) -> Iterator[Section]:
    """Give one section about all profiles, one for each of them (not in brief), and one per heap that grew."""
    yield _all(report.analysis.profiles, brief=brief)
    if not brief:
        for profile in report.analysis.profiles:
            yield _cpu(profile) if profile.kind == ProfileKind.CPU else _heap(profile)
    for growth in report.analysis.soak_growths:
        yield _growth(growth)


def _all(profiles: Sequence[ProfileSummary], *, brief: bool) -> Section:
    return Section(
        title="Profiles",
        columns=("phase and time, UTC", "service", ">samples", ">lost", "where it goes"),
        rows=tuple((_when(p), f"{p.service} {p.kind}", str(p.samples), str(p.lost), in_words(p)) for p in profiles),
        note="\n".join(map(_in_brief, profiles)) if brief else "",
    )


def _in_brief(profile: ProfileSummary) -> str:
    """Name the file to look at first, and what threads did."""
    files = dict(profile.files)
    name = files.get("svg") or next(iter(files.values()), "")
    parts = (f"profiles/{name}" if name else "no file", _threads(profile))
    return f"{profile.service} {profile.kind}: {'; '.join(part for part in parts if part)}"


def _when(profile: ProfileSummary) -> str:
    where = ", ".join(part for part in (profile.drive or "outside phases", profile.moment) if part)
    return f"{where} {window(profile.started_at, profile.ended_at)}"


def in_words(profile: ProfileSummary) -> str:
    """Give a profile in a sentence: the functions with most CPU, or the places that hold most."""
    if profile.why:
        return profile.why
    if profile.kind == ProfileKind.HEAP:
        held = [f"{in_unit(each.site.size_bytes, 'bytes')} at {each.site.place}" for each in profile.held[:_IN_WORDS]]
        return f"held: {', '.join(held)}" if held else "nothing is held of what was allocated"
    if not profile.by_own:
        return "nothing used the CPU while it was looked at"
    (first, *others) = profile.by_total[:_IN_WORDS] or profile.by_own[:_IN_WORDS]
    rest = "".join(f", {_share(each)} in {each.frame.words}" for each in others)
    alone = profile.by_own[0].frame
    return (
        f"{_share(first)} of {profile.service} CPU in {first.frame.words}{rest}; "
        f"alone most in {alone.words} ({_whole(alone.own_share)})"
    )


def _share(code: HotCode) -> str:
    return _whole(code.frame.total_share)


def _whole(share: float) -> str:
    return f"{share * 100:.0f} %"


# --------------------------------------------------------------------------------------------------------- one profile


def title_of(profile: ProfileSummary) -> str:
    """Give the title of the section about one profile."""
    what = f"CPU of {profile.service}" if profile.kind == ProfileKind.CPU else f"Memory that {profile.service} holds"
    return f"{what}, {_when(profile)}"


def _cpu(profile: ProfileSummary) -> Section:
    groups = (("most in all, with what they call", profile.by_total), ("most alone", profile.by_own))
    rows: list[tuple[str, ...]] = []
    headings = set()
    for title, codes in groups:
        if codes:
            headings.add(len(rows))
            rows.append((title, "", "", ""))
            rows += [_hot(code) for code in codes]
    return Section(
        title=title_of(profile),
        columns=("function", ">alone", ">in all", "works for"),
        rows=tuple(rows),
        headings=frozenset(headings),
        note="\n".join(_cpu_notes(profile)),
    )


def _hot(code: HotCode) -> tuple[str, ...]:
    frame = code.frame
    return (
        f"{INDENT}{frame.words}",
        percent(frame.own_share, decimals=1),
        percent(frame.total_share, decimals=1),
        code.route or NOTHING,
    )


def _cpu_notes(profile: ProfileSummary) -> Iterator[str]:
    lost = f", {profile.lost} lost" if profile.lost else ""
    counted = f"; the kernel counted {profile.cpu_s:.1f} s of CPU" if profile.cpu_s else ""
    yield (
        f"{profile.profiler}: {profile.samples} samples in {profile.ended_at - profile.started_at:.0f} s at "
        f"{profile.rate_hz:g} Hz{lost}{counted}."
    )
    if profile.threads:
        yield f"S{_threads(profile)[1:]}."
    if profile.unnamed_share >= 0.005:
        yield f"Of {_whole(profile.unnamed_share)} only the library is known."
    yield from _for_whom(profile)
    yield from _ending(profile)


def _threads(profile: ProfileSummary) -> str:
    told = profile.threads
    if told is None:
        return ""
    return (
        f"seconds of threads: {told.gil_s:.1f} with the global lock, {told.released_s:.1f} without it, "
        f"{told.idle_s:.1f} idle"
    )


def _for_whom(profile: ProfileSummary) -> Iterator[str]:
    """Say for which routes and scenarios it worked, as far as stacks and requests tell."""
    yield _load(profile)
    for route in profile.routes[:_PARTS]:
        each = (
            f", {milliseconds(route.cpu_s_per_request)} ms for each of {route.requests} requests"
            if route.cpu_s_per_request is not None
            else ""
        )
        whose = _of(route.scenarios)
        several = "; nothing tells them apart" if len(route.scenarios) > 1 else ""
        yield f"{_whole(route.share)} worked for {route.route}{each}{f' ({whose}{several})' if whose else ''}."
    rest = 1 - sum(route.share for route in profile.routes)
    if profile.routes and rest >= 0.005:
        yield f"{_whole(rest)} shows no route."


def _load(profile: ProfileSummary) -> str:
    load = profile.load
    if not (load.requests or load.extra_polls):
        return "No request ended meanwhile."
    extra = f" and {load.extra_polls} further polls" if load.extra_polls else ""
    return f"{load.requests} requests{extra} ended meanwhile, {load.rate_per_s:.1f}/s: {_of(load.scenarios())}."


def _of(scenarios: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{_whole(share)} {scenario}" for scenario, share in scenarios[:_PARTS])


def _ending(profile: ProfileSummary) -> Iterator[str]:
    yield from (part for part in (profile.why, profile.note) if part)
    if profile.files:
        yield "Files: " + ", ".join(f"profiles/{name}" for _, name in profile.files)


def _heap(profile: ProfileSummary) -> Section:
    return Section(
        title=title_of(profile),
        columns=("place", "process", ">MB", ">count"),
        rows=tuple(
            (each.site.place, each.role or NOTHING, f"{each.site.size_bytes / 1e6:.2f}", str(each.site.count))
            for each in profile.held
        ),
        note="\n".join([_load(profile), *_ending(profile)]),
    )


# --------------------------------------------------------------------------------------------------------------- growth


def _growth(found: SoakGrowth) -> Section:
    is_between = found.basis == GrowthBasis.BETWEEN
    return Section(
        title=f"What grew in the heap of {found.service} ({found.phase})",
        columns=("place", "process", ">grew by", ">per hour", ">count", ">held at the end"),
        rows=tuple(
            (
                each.site.place,
                each.role or NOTHING,
                in_unit(each.grown_bytes, "bytes"),
                in_unit(each.bytes_per_h, "bytes/h"),
                f"{each.grown_count:+d}",
                in_unit(each.site.size_bytes, "bytes"),
            )
            for each in found.sites
        ),
        note="\n".join([_between(found) if is_between else _repeated(found), *found.notes]),
    )


def _between(found: SoakGrowth) -> str:
    memory = (
        f" Resident memory changed by {in_unit(found.resident_bytes, 'bytes')}."
        if found.resident_bytes is not None
        else ""
    )
    return (
        f"Between {clock(found.started_at)} and {clock(found.ended_at)}, by {found.profiler}: "
        f"{in_unit(found.grown_bytes, 'bytes')} in all.{memory}"
    )


def _repeated(found: SoakGrowth) -> str:
    when = ", ".join(window(began, ended) for began, ended in found.stretches)
    return (
        f"What was allocated and kept in each of {len(found.stretches)} stretches ({when}), by {found.profiler}; "
        "per hour: the slowest of them. Between the stretches nothing was followed."
    )
