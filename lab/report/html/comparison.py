"""A comparison as one page that needs no other file: the judgement, forest plots, every figure, what was compared."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from lab.model import Compared, Comparison, Judgement, ProfileComparison, Scale
from lab.report import comparison as words
from lab.report.figures import printable
from lab.report.html.chart import Chart
from lab.report.html.files import COMPARISON_SCRIPTS, policy, templates, text_of
from lab.report.html.payload import as_json
from lab.report.html.writing import filters

KIND = "forest"
"""The name by which scripts know the chart."""

SIGNS = {Judgement.REGRESSED: "✕", Judgement.IMPROVED: "✓", Judgement.UNCHANGED: "=", Judgement.CANNOT_TELL: "?"}
_OF_RATIOS = "ratio"
_AXES = {"": (100.0, "percentage points"), "s": (1000.0, "ms"), "bytes/h": (1e-6, "MB/h"), "bytes": (1e-6, "MB")}
"""By what differences in a unit are multiplied to be read, and in what they then are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A figure, as the table has it. `group` is the forest plot that shows it, "" for none."""

    judgement: Judgement
    sign: str
    outcome: str
    cells: tuple[str, ...]
    sort: tuple[str, ...]
    is_main: bool
    group: str


def render(found: Comparison, profiles: ProfileComparison | None = None) -> str:
    """Give the page. The same values give the same bytes."""
    scripts = [text_of(name) for name in COMPARISON_SCRIPTS]
    environment = templates()
    environment.filters.update(filters())
    ordered = words.by_gravity(found.figures)
    return environment.get_template("comparison_page.html").render(
        policy=policy(scripts),
        style=Markup(text_of("page.css")),  # noqa: S704  # a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # files of this package, which hold no </script>
        data=Markup(as_json(_data(ordered, found.look_for))),  # noqa: S704  # it holds no sign that HTML knows
        **_shown(found, ordered, profiles),
    )


def _shown(found: Comparison, ordered: tuple[Compared, ...], profiles: ProfileComparison | None) -> dict[str, Any]:
    wants = words.wants_pairs(ordered)
    return {
        "found": found,
        "outcome": words.OUTCOMES[found.judgement],
        "sign": SIGNS[found.judgement],
        "headline": words.headline(found).partition(": ")[2],
        "reasons": words.reasons(found),
        "facts": words.facts(found),
        "legend": words.legend(found),
        "columns": words.columns(found, wants=wants),
        "rows": [_row(each, wants=wants) for each in ordered],
        "filters": tuple(_filters(ordered)),
        "charts": tuple(_charts(ordered)),
        "profiles": words.profile_sections(profiles),
    }


def _row(figure: Compared, *, wants: bool) -> _Row:
    return _Row(
        judgement=figure.judgement,
        sign=SIGNS[figure.judgement],
        outcome=words.OUTCOMES[figure.judgement],
        cells=words.cells(figure, wants=wants),
        sort=tuple(_sort_key(value) for value in (figure.base, figure.candidate, words.weight(figure) * _sign(figure))),
        is_main=_is_main(figure),
        group=_group(figure),
    )


def _sign(figure: Compared) -> int:
    """Give 1 where a figure got worse, so that a sorted table has the worst at one end, whatever the measure."""
    return 1 if (figure.change.value >= 0) == figure.measure.higher_is_worse else -1


def _sort_key(value: float) -> str:
    return f"{value:.9f}" if math.isfinite(value) else ""


def _is_main(figure: Compared) -> bool:
    return figure.is_headline or figure.judgement in (Judgement.REGRESSED, Judgement.IMPROVED)


def _filters(figures: tuple[Compared, ...]) -> Iterator[tuple[str, str, int]]:
    """Give what can be chosen: its name for scripts, its words, and how many figures it shows."""
    yield "main", "headlines and changes", sum(map(_is_main, figures))
    yield "all", "all", len(figures)
    for judgement in Judgement:
        yield judgement, judgement, sum(each.judgement == judgement for each in figures)


# ------------------------------------------------------------------------------------------------------------ the plots


def _group(figure: Compared) -> str:
    """Give the plot that a figure belongs to: that of ratios, or that of differences in its unit."""
    if not math.isfinite(figure.change.value):
        return ""
    return _OF_RATIOS if figure.measure.scale == Scale.RATIO else f"difference {figure.measure.unit}"


def _charts(figures: tuple[Compared, ...]) -> Iterator[Chart]:
    groups = dict.fromkeys(group for group in map(_group, figures) if group)
    for group in sorted(groups, key=lambda name: (name != _OF_RATIOS, name)):
        unit = group.removeprefix("difference ")
        yield Chart(
            kind=KIND,
            subject=group,
            title="Changes in per cent" if group == _OF_RATIOS else f"Differences in {_axis(unit)[1]}",
            told="Lines are intervals. Inner shade: what does not matter; outer: less than what is looked for.",
        )


def _axis(unit: str) -> tuple[float, str]:
    return _AXES.get(unit, (1.0, unit))


def _data(figures: tuple[Compared, ...], look_for: float) -> dict[str, Any]:
    """Give what the plots draw: of each row of the table, by its number, the change as it is read on the axis."""
    return {
        "timelines": {},
        "phases": [],
        "units": {group: _unit(group) for group in map(_group, figures) if group},
        "figures": [_figure(each, look_for) for each in figures],
    }


def _unit(group: str) -> str:
    return "%" if group == _OF_RATIOS else _axis(group.removeprefix("difference "))[1]


def _bands(figure: Compared, look_for: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the changes that do not matter, and those that are smaller than what is looked for."""
    effect = figure.measure.effect
    if figure.measure.scale == Scale.DIFFERENCE:
        return (-effect, effect), (-2 * effect, 2 * effect)
    return (-effect / (1 + effect), effect), (-look_for / (1 + look_for), look_for)


def _figure(figure: Compared, look_for: float) -> dict[str, Any]:
    factor = 100.0 if figure.measure.scale == Scale.RATIO else _axis(figure.measure.unit)[0]
    change, measure = figure.change, figure.measure
    return {
        "group": _group(figure),
        "measure": printable(measure.name),
        "about": printable(words.about(figure.cell)),
        "judgement": figure.judgement,
        "value": _scaled(change.value, factor),
        "low": _scaled(change.low, factor),
        "high": _scaled(change.high, factor),
        "bands": [[_scaled(each, factor) for each in band] for band in _bands(figure, look_for)],
        "told": [
            ("change", words.change(change, measure)),
            ("base", words.value(figure.base, measure)),
            ("candidate", words.value(figure.candidate, measure)),
            ("smallest change found", words.size(figure.detectable, measure)),
        ],
    }


def _scaled(value: float, factor: float) -> float | None:
    """Give a value as its axis has it; None for one that has no end."""
    return float(f"{value * factor:.6g}") if math.isfinite(value) else None
