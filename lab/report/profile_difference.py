"""What a comparison of profiles says: one table of changed functions per pair, in CPU milliseconds per request."""

from collections.abc import Iterator, Sequence

from lab.model import FrameChange, FrameKind, ProfileComparison, ProfileDifference, ProfileSide
from lab.report.figures import clock, milliseconds, percent, three_digits
from lab.report.section import Section


def sections(compared: ProfileComparison) -> Iterator[Section]:
    """Give a section per difference, also where no function has changed: its note says how much was seen."""
    for found in compared.differences:
        yield _difference(found)


def _difference(found: ProfileDifference) -> Section:
    where = found.drive or found.phase
    return Section(
        title=f"CPU per request of {found.service}{f' in {where}' if where else ''}, in ms",
        columns=("function, with what it calls", ">before", ">after", ">change (95 %)", ">p", ">samples"),
        rows=tuple(_row(same) for same in _chains(found.found.changed)),
        note="\n".join(_notes(found)),
    )


def _chains(changed: Sequence[FrameChange]) -> Iterator[Sequence[FrameChange]]:
    """Put together functions with the very same samples: a chain of calls, each of which does nothing but the next."""
    chains: dict[tuple[int, int], list[FrameChange]] = {}
    for change in changed:
        chains.setdefault((change.before_samples, change.after_samples), []).append(change)
    for chain in chains.values():
        yield sorted(chain, key=lambda change: change.kind == FrameKind.NATIVE)


def _row(chain: Sequence[FrameChange]) -> tuple[str, ...]:
    change = chain[0]
    others = f" (and {len(chain) - 1} with the same samples)" if len(chain) > 1 else ""
    return (
        f"{change.words}{others}",
        milliseconds(change.before_s),
        milliseconds(change.after_s),
        f"{_signed(change.change_s)} ({_signed(change.low_s)} to {_signed(change.high_s)})",
        probability(change.p),
        f"{change.before_samples} → {change.after_samples}",
    )


def _signed(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '-'}{three_digits(abs(seconds) * 1000)}"


def probability(p: float) -> str:
    """Give a p value; small ones as what they are below."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _notes(found: ProfileDifference) -> Iterator[str]:
    seen = found.found
    change = seen.after_s / seen.before_s - 1 if seen.before_s else None
    told = "" if change is None else f" ({'+' if change >= 0 else ''}{percent(change)})"
    yield f"All of it: {milliseconds(seen.before_s)} → {milliseconds(seen.after_s)} ms{told}."
    if not seen.changed:
        yield f"No function of {seen.compared} changed by more than chance and by 1 % of all CPU per request."
    else:
        yield f"{len(seen.changed)} of {seen.compared} functions changed; p is corrected for all of them (Holm)."
    yield f"before: {_side(found.before, seen.before_samples)}"
    yield f"after: {_side(found.after, seen.after_samples)}"
    if found.clumping >= 1.5:
        yield (
            f"Some {found.clumping:.1f} samples come of one call, or of one wait for a CPU, and are not independent: "
            f"intervals are wider, and p larger, for it."
        )
    if found.variation is None:
        yield "By how much CPU per request varies by itself is not known here: intervals know of samples alone."
    else:
        yield f"CPU per request varied by {percent(found.variation, decimals=1)} by itself, which intervals know of."
    yield from found.notes


def _side(side: ProfileSide, samples: int) -> str:
    profile, load = side.profile, side.load
    extra = f" and {load.extra_polls} further polls" if load.extra_polls else ""
    return (
        f"{side.run_id}, {clock(profile.started_at)}, {load.seconds:.0f} s by {profile.profiler}: "
        f"{samples} samples of {three_digits(side.seconds_per_sample * 1000)} ms, {load.requests} requests{extra}"
    )
