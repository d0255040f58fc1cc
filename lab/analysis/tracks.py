"""Figures over the runs of a group, and where their level changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.change_points import RULE, Rule, Split, Values, change_points
from lab.analysis.run_figures import MEASURES, Figures
from lab.model import Cell, ChangePoint, Estimate, HistoryRun, Judgement, Measure, Scale, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """A run with its figures."""

    run: HistoryRun
    figures: Figures


def tracks_of(runs: Sequence[SeenRun], rule: Rule = RULE) -> tuple[Track, ...]:
    """Give every figure of runs that can be compared, oldest run first, with its changes.

    Figures stand together by phase, then by scenario. Ratios are tested as logarithms, so that the means are geometric.
    """
    order = {measure.name: place for place, measure in enumerate(MEASURES)}
    phases = list(dict.fromkeys(cell.phase for seen in runs for _, cell in seen.figures))

    def place(key: tuple[Measure, Cell]) -> tuple[int, str, int, str]:
        measure, cell = key
        return phases.index(cell.phase), cell.scenario, order[measure.name], cell.service

    keys = {key for seen in runs for key in seen.figures}
    return tuple(_track(measure, cell, runs, rule) for measure, cell in sorted(keys, key=place))


def _track(measure: Measure, cell: Cell, runs: Sequence[SeenRun], rule: Rule) -> Track:
    values = tuple(seen.figures.get((measure, cell)) for seen in runs)
    known = [(index, value) for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    found = np.array([value for _, value in known], dtype=np.float64)
    measure = _measurable(measure, found)
    is_ratio = measure.scale == Scale.RATIO
    least_change = math.log1p(measure.effect) if is_ratio else measure.effect
    splits = change_points(np.log(found) if is_ratio else found, rule, least_change=least_change)
    places = [index for index, _ in known]
    return Track(
        measure=measure,
        cell=cell,
        values=values,
        changes=tuple(_change(split, measure, runs, places) for split in splits),
    )


def _measurable(measure: Measure, values: Values) -> Measure:
    """Give the measure, on the scale of differences where a value of it has no ratio to others."""
    if measure.scale != Scale.RATIO or bool((values > 0).all()):
        return measure
    return replace(measure, scale=Scale.DIFFERENCE, effect=measure.effect * float(np.abs(values).mean()))


def _change(split: Split, measure: Measure, runs: Sequence[SeenRun], places: Sequence[int]) -> ChangePoint:
    last, first = runs[places[split.index - 1]].run, runs[places[split.index]].run
    is_ratio = measure.scale == Scale.RATIO
    return ChangePoint(
        index=places[split.index],
        run_before=last.run_id,
        run=first.run_id,
        commit_before=last.commit,
        commit=first.commit,
        runs_before=split.index - split.begin,
        runs_after=split.end - split.index,
        before=math.exp(split.before) if is_ratio else split.before,
        after=math.exp(split.after) if is_ratio else split.after,
        change=_as_ratio(split.change) if is_ratio else split.change,
        p_value=split.p_value,
        judgement=Judgement.REGRESSED if (split.change.value > 0) == measure.higher_is_worse else Judgement.IMPROVED,
    )


def _as_ratio(change: Estimate) -> Estimate:
    return Estimate(value=math.expm1(change.value), low=math.expm1(change.low), high=math.expm1(change.high))
