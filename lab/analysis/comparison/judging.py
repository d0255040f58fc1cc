"""What is said of each figure of two sides.

All figures of a comparison are judged at once, so that one false alarm in it, whichever, has the probability `alpha`
(Bonferroni, weighted): half of it goes to the headlines, which are what is asked, and half to all others, which may be
hundreds. Intervals are as wide as that needs, so what is judged can be seen in them:

- regressed or improved: the interval excludes 0, and the change is at least the effect that matters;
- unchanged: the interval holds no change as large as the one that is looked for, either way (two one-sided tests,
  Schuirmann 1987);
- cannot tell: all else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.analysis.comparison.contrast import Contrast, contrast
from lab.analysis.comparison.measures import as_change, as_shift, scaled
from lab.analysis.comparison.power import detectable, pairs_wanted
from lab.model import Cell, Compared, Estimate, Judgement, Measure, RunFigure, Scale

Figures = Sequence[RunFigure]


@dataclass(frozen=True, slots=True)
class _Row:
    """One figure of the runs of both sides."""

    base: tuple[RunFigure, ...]
    candidate: tuple[RunFigure, ...]

    @property
    def measure(self) -> Measure:
        return self.base[0].measure

    @property
    def cell(self) -> Cell:
        return self.base[0].cell

    @property
    def is_headline(self) -> bool:
        return self.base[0].is_headline


def judged(
    base: Sequence[Figures], candidate: Sequence[Figures], *, are_pairs: bool, alpha: float, look_for: float
) -> tuple[Compared, ...]:
    """Judge every figure that both sides have, in the order of the base's first run.

    `base` and `candidate` hold the figures of each run; of pairs, in the order of the pairs. `look_for` is the change
    that is to be found: a ratio, less 1; of figures whose difference counts, it is twice the effect that matters.
    """
    rows = tuple(_rows(base, candidate, are_pairs=are_pairs))
    headlines = sum(row.is_headline for row in rows)
    shares = _shares(alpha, headlines, len(rows) - headlines)
    return tuple(_compared(row, are_pairs, shares[row.is_headline], look_for) for row in rows)


def _shares(alpha: float, headlines: int, others: int) -> dict[bool, float]:
    """Give what each headline (True) and each other figure may be wrong by."""
    part = alpha / 2 if headlines and others else alpha
    return {True: part / max(headlines, 1), False: part / max(others, 1)}


def _rows(base: Sequence[Figures], candidate: Sequence[Figures], *, are_pairs: bool) -> Iterable[_Row]:
    sides = [[{(f.measure.name, f.cell): f for f in run} for run in side] for side in (base, candidate)]
    keys = dict.fromkeys(key for run in (*sides[0], *sides[1]) for key in run)
    for key in keys:
        if are_pairs:
            both = [(b[key], c[key]) for b, c in zip(*sides, strict=True) if key in b and key in c]
            one, two = tuple(b for b, _ in both), tuple(c for _, c in both)
        else:
            one, two = (tuple(run[key] for run in side if key in run) for side in sides)
        if one and two and _has_scale((*one, *two)):
            yield _Row(one, two)


def _has_scale(figures: Iterable[RunFigure]) -> bool:
    return all(figure.measure.scale != Scale.RATIO or figure.value > 0 for figure in figures)


def _compared(row: _Row, are_pairs: bool, alpha: float, look_for: float) -> Compared:
    measure = row.measure
    found = contrast(row.base, row.candidate, are_pairs=are_pairs)
    half = found.half_width(alpha)
    effect = as_shift(measure, measure.effect)
    sought = as_shift(measure, look_for) if measure.scale == Scale.RATIO else 2 * effect
    return Compared(
        measure=measure,
        cell=row.cell,
        base=_typical(row.base),
        candidate=_typical(row.candidate),
        change=Estimate(
            value=as_change(measure, found.shift),
            low=as_change(measure, found.shift - half),
            high=as_change(measure, found.shift + half),
        ),
        p_value=found.p_value,
        detectable=_shown(measure, detectable(found, alpha)),
        judgement=_judgement(found, half, measure, effect=effect, sought=sought),
        pairs_wanted=pairs_wanted(found, alpha, effect=effect, look_for=sought),
        is_headline=row.is_headline,
    )


_MOST_SHIFT = 7.0
"""A thousandfold change: nobody asks for the smallest change that is found where it is larger."""


def _shown(measure: Measure, shift: float) -> float | None:
    if measure.scale == Scale.RATIO and shift > _MOST_SHIFT:
        return None
    return as_change(measure, shift)


def _judgement(found: Contrast, half: float, measure: Measure, *, effect: float, sought: float) -> Judgement:
    worse = found.shift if measure.higher_is_worse else -found.shift
    if worse - half > 0 and worse >= effect:
        return Judgement.REGRESSED
    if worse + half < 0 and worse <= -effect:
        return Judgement.IMPROVED
    if abs(worse) + half < sought:
        return Judgement.UNCHANGED
    return Judgement.CANNOT_TELL


def _typical(figures: tuple[RunFigure, ...]) -> float:
    measure = figures[0].measure
    mean = sum(scaled(measure, figure.value) for figure in figures) / len(figures)
    return as_change(measure, mean) + 1 if measure.scale == Scale.RATIO else mean
