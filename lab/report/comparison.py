"""What a comparison says, in its order, before anyone decides how it looks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lab.model import Cell, Compared, Comparison, Estimate, Judgement, Measure, Outcome, ProfileComparison, Scale, Side
from lab.report import profile_difference
from lab.report.figures import NOTHING, in_unit, three_digits
from lab.report.section import Section

OUTCOMES = {
    Judgement.REGRESSED: Outcome.FAILED,
    Judgement.IMPROVED: Outcome.PASSED,
    Judgement.UNCHANGED: Outcome.PASSED,
    Judgement.CANNOT_TELL: Outcome.INVALID,
}
"""What a judgement comes to, where only a verdict's three ends are known."""

_MOST_REASONS = 5
_MOST_RUNS = 4
_MOST_FRAMES = 8
_LONGEST_LABEL = 12
_MOST_RATIO = 1000.0
"""What is more than a thousandfold is written as without an end: so few runs say nothing of it."""
_GRAVITY = (Judgement.REGRESSED, Judgement.CANNOT_TELL, Judgement.IMPROVED, Judgement.UNCHANGED)


# ------------------------------------------------------------------------------------------------------- single figures


def value(figure: float, measure: Measure) -> str:
    """Give a value of a measure with its unit; a share as a percentage, and what is not finite as a dash."""
    unit = measure.unit
    if not math.isfinite(figure):
        return NOTHING
    if unit == "":
        return three_digits(figure) if measure.scale == Scale.RATIO else f"{three_digits(figure * 100)} %"
    if unit in ("s", "bytes", "bytes/h"):
        return in_unit(figure, unit)
    return f"{three_digits(figure)} {unit.replace('requests', '').strip()}"


def size(change: float | None, measure: Measure) -> str:
    """Give the size of a change without its sign: a percentage of a ratio, else in the unit (shares: points)."""
    return NOTHING if change is None else _amount(abs(change), measure)


def signed(change: float, measure: Measure) -> str:
    """Give a change with its sign."""
    return f"{'-' if change < 0 else '+'}{_amount(abs(change), measure)}"


def _amount(size: float, measure: Measure) -> str:
    if not math.isfinite(size) or (measure.scale == Scale.RATIO and size > _MOST_RATIO):
        return "∞"
    if measure.scale == Scale.RATIO:
        return f"{_digits(size * 100)} %"
    if measure.unit == "":
        return f"{three_digits(size * 100)} points"
    return value(size, measure)


def _digits(percent: float) -> str:
    return f"{percent:.{0 if percent >= 99.95 else 1}f}"


def change(estimate: Estimate, measure: Measure) -> str:
    """Give a change with its interval where that has any width, the unit once where all three share it."""
    whole, low, high = (signed(each, measure) for each in (estimate.value, estimate.low, estimate.high))
    if estimate.low == estimate.high:
        return whole
    number, _, unit = whole.partition(" ")
    if unit and all(each.endswith((f" {unit}", "∞")) for each in (low, high)):
        return f"{number} {unit} ({low.removesuffix(f' {unit}')} to {high.removesuffix(f' {unit}')})"
    return f"{whole} ({low} to {high})"


def about(cell: Cell) -> str:
    """Give what a figure is about: everything, a scenario, a route, a service, and in which phase."""
    who = cell.service or (f"{cell.route} of {cell.scenario}" if cell.route and cell.scenario else cell.route)
    return f"{who or cell.scenario or 'everything'} in {cell.phase}"


def title(figure: Compared) -> str:
    """Give the measure of a figure and what it is about."""
    return f"{figure.measure.name} · {about(figure.cell)}"


def weight(figure: Compared) -> float:
    """Give how large a change is, in sizes that matter."""
    change = abs(figure.change.value)
    if not math.isfinite(change):
        return math.inf
    return change / figure.measure.effect if figure.measure.effect > 0 else change


def by_gravity(figures: Iterable[Compared]) -> tuple[Compared, ...]:
    """Give figures the worst first: by judgement, headlines before others, then by the size of the change."""
    return tuple(sorted(figures, key=_rank))


def _rank(figure: Compared) -> tuple[int, bool, float]:
    return _GRAVITY.index(figure.judgement), not figure.is_headline, -weight(figure)


def counted(found: Comparison) -> dict[Judgement, int]:
    """Give how many figures there are of each judgement, the worst first."""
    return {each: sum(figure.judgement == each for figure in found.figures) for each in _GRAVITY}


# ------------------------------------------------------------------------------------------------------------ the whole


def headline(found: Comparison) -> str:
    """Give the judgement in one sentence."""
    count, total = counted(found), len(found.figures)
    also = f"; {count[Judgement.CANNOT_TELL]} cannot be told" if count[Judgement.CANNOT_TELL] else ""
    told = {
        Judgement.REGRESSED: f"{count[Judgement.REGRESSED]} of {total} figures got worse",
        Judgement.IMPROVED: f"{count[Judgement.IMPROVED]} of {total} figures got better, none is seen worse{also}",
        Judgement.UNCHANGED: f"no headline figure changed by {_looked_for(found)}, none of {total} is seen worse{also}",
        Judgement.CANNOT_TELL: _open(found),
    }[found.judgement]
    forced = " (forced: the sides differ in what they must not)" if found.differs else ""
    return f"{found.judgement.upper()}: {told}{forced}"


def _open(found: Comparison) -> str:
    """Say how many of the headlines nothing can be said of."""
    if not found.headlines:
        return "there is no headline figure to be compared"
    if len(found.headlines) == 1:
        return "the headline figure cannot be told from noise"
    count = sum(each.judgement == Judgement.CANNOT_TELL for each in found.headlines)
    return f"{count} of {len(found.headlines)} headline figures cannot be told from noise"


def reasons(found: Comparison) -> tuple[str, ...]:
    """Give the figures that the judgement rests on, the gravest first; of what cannot be told what could."""
    if found.judgement == Judgement.UNCHANGED:
        return ()
    figures = found.headlines if found.judgement == Judgement.CANNOT_TELL else found.figures
    telling = by_gravity(each for each in figures if each.judgement == found.judgement)
    lines = [reason(each) for each in telling[:_MOST_REASONS]]
    if len(telling) > _MOST_REASONS:
        lines.append(f"and {len(telling) - _MOST_REASONS} more")
    if found.judgement == Judgement.CANNOT_TELL:
        lines.append(advice(found))
    return tuple(lines)


def reason(figure: Compared) -> str:
    """Give a figure in one sentence."""
    moved = f"{value(figure.base, figure.measure)} → {value(figure.candidate, figure.measure)}"
    line = f"{title(figure)}: {moved}, {change(figure.change, figure.measure)}"
    if figure.judgement != Judgement.CANNOT_TELL:
        return line
    smallest = f"smallest change found: {size(figure.detectable, figure.measure)}" if figure.detectable else ""
    return "; ".join(part for part in (line, smallest) if part)


def advice(found: Comparison) -> str:
    """Give how much more must be run for the headlines to be told."""
    if not found.headlines:
        return "compare runs with a steady phase and enough requests in it"
    if found.pairs_wanted is None and found.pairs:
        return f"{_pairs(found.pairs)} cannot say how many would tell: drive more of them, or longer ones"
    if found.pairs_wanted is None:
        return "nothing here says how many runs would tell; run each side more than once: `lab ab` does, interleaved"
    return (
        f"{_pairs(found.pairs_wanted)} of runs of this length would find a change of {_looked_for(found)}: "
        f"`lab ab --pairs {found.pairs_wanted}`; longer runs need fewer"
    )


def _looked_for(found: Comparison) -> str:
    return f"{found.look_for * 100:.3g} %"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


def facts(found: Comparison, *, most_runs: int = _MOST_RUNS) -> tuple[tuple[str, str], ...]:
    """Give what was compared, and how sure all of it is."""
    base, candidate = len(found.base.runs), len(found.candidate.runs)
    of = (
        f"{_pairs(found.pairs)} of interleaved runs"
        if found.pairs
        else f"{base} against {candidate} runs that are no pairs: what the machine did meanwhile is part of a change"
    )
    sure = f"all intervals together hold the truth in {found.confidence * 100:.4g} of 100 such comparisons"
    every = (
        (labels(found)[0], _side(found.base, most_runs)),
        (labels(found)[1], _side(found.candidate, most_runs)),
        ("under test", "; ".join(found.under_test)),
        ("compared", f"{of}, {f'{found.route} alone' if found.route else 'every route'}"),
        ("certainty", sure),
    )
    return tuple((name, told) for name, told in every if told)


def labels(found: Comparison) -> tuple[str, str]:
    """Give what both sides are called in a column: their names, or their parts where these are long, as runs' are."""
    names = found.base.name, found.candidate.name
    return names if max(map(len, names)) <= _LONGEST_LABEL else ("base", "candidate")


def _side(side: Side, most_runs: int) -> str:
    listed = ", ".join(side.runs[:most_runs])
    more = f" and {len(side.runs) - most_runs} more" if len(side.runs) > most_runs else ""
    return f"{side.told}: {listed}{more}" if side.told else listed + more


# ------------------------------------------------------------------------------------------------------------ in tables


def sections(found: Comparison, *, whole: bool = False) -> tuple[Section, ...]:
    """Give the tables of figures that have rows: the headlines, and what changed beside them, or (`whole`) the rest."""
    others = [each for each in found.figures if not each.is_headline]
    if not whole:
        others = [each for each in others if each.judgement in (Judgement.REGRESSED, Judgement.IMPROVED)]
    named = (
        ("Headline figures", found.headlines),
        ("All other figures" if whole else "What changed beside them", by_gravity(others)),
    )
    made = [table(name, figures, found) for name, figures in named if figures]
    if not made:
        return ()
    notes = ("" if whole else rest(found), legend(found))
    return (*made[:-1], replace(made[-1], note="\n".join(part for part in notes if part)))


def rest(found: Comparison) -> str:
    """Give how many figures the brief tables leave out; "" where they have all."""
    left = [each.judgement for each in found.figures if not each.is_headline]
    counts = [(left.count(kind), kind) for kind in (Judgement.UNCHANGED, Judgement.CANNOT_TELL)]
    told = [f"{count} {kind}" for count, kind in counts if count]
    return f"Not shown: {' and '.join(told)} beside the headlines." if told else ""


def legend(found: Comparison) -> str:
    """Give what the columns of a table mean."""
    return (
        f"In brackets: intervals that together hold the truth in {found.confidence * 100:.4g} of 100 comparisons. "
        "Smallest: the smallest change that 95 of 100 such comparisons would find."
    )


def table(name: str, figures: Sequence[Compared], found: Comparison) -> Section:
    """Give figures as a table, in their order."""
    wants = wants_pairs(figures)
    return Section(
        title=name,
        columns=columns(found, wants=wants),
        rows=tuple(cells(each, wants=wants) for each in figures),
        marks=tuple(OUTCOMES[each.judgement] for each in figures),
    )


def columns(found: Comparison, *, wants: bool) -> tuple[str, ...]:
    """Give the names of the columns; `wants` has the pairs that could tell a figure."""
    base, candidate = labels(found)
    named = ("", "figure", f">{base}", f">{candidate}", ">change (interval)", ">smallest")
    return (*named, f">pairs for {_looked_for(found)}") if wants else named


def wants_pairs(figures: Iterable[Compared]) -> bool:
    """Whether there is a figure that cannot be told, of which it is known how many pairs could."""
    return any(each.pairs_wanted and each.judgement == Judgement.CANNOT_TELL for each in figures)


def cells(figure: Compared, *, wants: bool) -> tuple[str, ...]:
    """Give the cells of a figure, in the order of `columns`."""
    measure = figure.measure
    is_open = figure.judgement == Judgement.CANNOT_TELL and figure.pairs_wanted
    found = (
        figure.judgement,
        title(figure),
        value(figure.base, measure),
        value(figure.candidate, measure),
        change(figure.change, measure),
        size(figure.detectable, measure),
    )
    return (*found, str(figure.pairs_wanted) if is_open else NOTHING) if wants else found


def profile_sections(profiles: ProfileComparison | None) -> tuple[Section, ...]:
    """Give the functions whose CPU per request changed most, a table per pair of profiles."""
    if profiles is None:
        return ()
    return tuple(
        replace(
            each,
            rows=each.rows[:_MOST_FRAMES],
            note=f"{each.note}\nlab profile --diff {profiles.before_run} {profiles.after_run}",
        )
        for each in profile_difference.sections(profiles)
    )
