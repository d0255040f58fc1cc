"""The chapters of a page: which charts and which tables stand together, in the order in which a reader asks.

A table has its place by its title, and one that has none here stands in the last chapter, so that none is lost. A
chart is a name that `js/charts.js` knows, and what it is about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.model import Curves, Report
from lab.report.answers import growth_sentence
from lab.report.figures import clock, duration, estimate_in_unit, per_s
from lab.report.html.chart import Chart
from lab.report.html.payload import memory_leaks
from lab.report.section import Section
from lab.report.stress import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A part of the page. `charts` that are `linked` share their time, and zoom together."""

    anchor: str
    title: str
    lead: str = ""
    charts: tuple[Chart, ...] = ()
    sections: tuple[Section, ...] = ()


_PLACES = {
    "findings": ("Findings",),
    "timeline": ("Load, ", "Mean latency against"),
    "latency": ("Latency of requests", "Journeys and analyses", "Drift of"),
    "ramp": ("Ramp (", "Latency against rate ("),
    "stress": ("Break point (", "Steps ("),
    "spike": ("Recovery (",),
    "soak": ("Growth (", "Connections"),
    "errors": ("Errors by kind", "Analyses by outcome", "What services complained"),
    "requests": ("The slowest requests",),
    "resources": ("What services used", "What the database did", "Slow queries"),
    "bottlenecks": ("Bottlenecks",),
    "profiles": ("Profiles", "CPU of ", "Memory that ", "What grew in the heap"),
    "provenance": ("The smallest change",),
}


def placed(sections: Iterable[Section], anchor: str) -> tuple[Section, ...]:
    """Give the tables of a chapter; "more" has those that no other one has."""
    return tuple(section for section in sections if _place_of(section) == anchor)


def _place_of(section: Section) -> str:
    for anchor, titles in _PLACES.items():
        if section.title.startswith(titles):
            return anchor
    return "more"


def chapters(report: Report, curves: Curves, sections: Iterable[Section]) -> tuple[Chapter, ...]:
    """Give the chapters between the verdict and the requests, those that have something to show."""
    tables = tuple(sections)
    every = (
        _timeline(curves, tables),
        _latency(curves, tables),
        _ramp(report, tables),
        _stress(report, tables),
        _spike(report, curves, tables),
        _soak(report, tables),
    )
    return tuple(chapter for chapter in every if chapter.charts or chapter.sections)


def _timeline(curves: Curves, tables: tuple[Section, ...]) -> Chapter:
    return Chapter(
        anchor="timeline",
        title="The run over time",
        lead=f"Each point stands for {duration_of(curves.whole.step_s)}; a rate and a percentile for as many "
        "requests as they need, so that their points lie further apart where fewer came. Shades reach from the lowest "
        "to the highest reading, so that no spike is averaged away. Times are UTC.",
        charts=tuple(_over_time(curves)) if curves.heatmap.cells else (),
        sections=placed(tables, "timeline"),
    )


def _over_time(curves: Curves) -> Iterator[Chart]:
    whole = curves.whole
    yield Chart(
        kind="rates",
        title="Load",
        told="Planned and achieved: journeys, at their nominal requests. Answered: every request, extra polls too.",
    )
    yield Chart(kind="percentiles", title="Latency of requests", told="Percentiles, the slowest, and their limits.")
    yield Chart(
        kind="heatmap",
        title="How many requests took how long",
        told="The stronger the color, the more requests; colors and latency on log scales.",
    )
    yield Chart(kind="errors", title="What failed", told="Share of the requests, and of the analyses, that failed.")
    if whole.waiting:
        yield Chart(kind="waiting", title="What queued up", told="Analyses that wait, and connections to the database.")
    if whole.cores:
        yield Chart(kind="cores", title="CPU", told="Cores in use by each service, and by the whole machine.")
    if whole.memory:
        yield Chart(kind="memory", title="Memory", told="Resident memory of each service.")
    if whole.traffic:
        yield Chart(kind="traffic", title="Disk and network", told="Of the whole machine.")


def duration_of(step_s: float) -> str:
    """Give the length of a step."""
    return f"{step_s:g} s" if step_s < 120 else duration(step_s)


def _latency(curves: Curves, tables: tuple[Section, ...]) -> Chapter:
    charts = (
        Chart(kind="histogram", title="Where most requests lie", told="Share of each scenario's requests, by latency."),
        Chart(kind="ecdf", title="How many were as fast", told="Share of the requests that took no longer (ECDF)."),
        Chart(kind="tail", title="The tail", told="Share of the requests that took longer; both axes logarithmic."),
    )
    return Chapter(
        anchor="latency",
        title="Latency by scenario",
        charts=charts if curves.distributions else (),
        sections=placed(tables, "latency"),
    )


def _ramp(report: Report, tables: tuple[Section, ...]) -> Chapter:
    charts = tuple(
        Chart(
            kind="ramp",
            subject=ramp.phase,
            title=f"Latency against offered rate ({ramp.phase})",
            told=f"Knee at {estimate_in_unit(ramp.knee_per_s, 'per_s')}."
            if ramp.knee_per_s
            else f"No knee: {ramp.why}.",
        )
        for ramp in report.analysis.ramps
        if ramp.bins
    )
    return Chapter(anchor="ramp", title="Ramp", charts=charts, sections=placed(tables, "ramp"))


def _stress(report: Report, tables: tuple[Section, ...]) -> Chapter:
    charts: list[Chart] = []
    for point in report.analysis.break_points:
        if not point.steps:
            continue
        charts.append(
            Chart(
                kind="staircase",
                subject=point.phase,
                title="The way to the break point",
                told=f"The system {sentence(point)}." if point.rate_per_s else f"{sentence(point)}.",
            )
        )
        charts.append(
            Chart(
                kind="cliff",
                subject=point.phase,
                title="How each limit was neared",
                told=f"Every step's figures as a share of their limits. {_broken(point.first_broken, point.where)}",
            )
        )
    return Chapter(anchor="stress", title="Stress to failure", charts=tuple(charts), sections=placed(tables, "stress"))


def _broken(threshold: str, where: str) -> str:
    if not threshold:
        return "None was missed for sure."
    return f"First missed: {threshold}{f', worst at {where}' if where else ''}."


def _spike(report: Report, curves: Curves, tables: tuple[Section, ...]) -> Chapter:
    drawn = dict(curves.close_ups)
    charts: list[Chart] = []
    for spike in report.analysis.resiliences:
        if spike.phase not in drawn:
            continue
        when = f"Surge {clock(spike.surge_started_at)} to {clock(spike.surge_ended_at)}"
        rates = f"{per_s(spike.base_rate_per_s)} to {per_s(spike.surge_rate_per_s)}/s"
        charts += [
            Chart(kind="rates", subject=spike.phase, title=f"Load in {spike.phase}", told=f"{when}, {rates}."),
            Chart(
                kind="percentiles",
                subject=spike.phase,
                title="Latency",
                told="The dotted line is the top of the band in which P95 lived before the surge.",
            ),
            Chart(kind="errors", subject=spike.phase, title="What failed", told="Requests and analyses, by their end."),
        ]
        if drawn[spike.phase].waiting:
            charts.append(
                Chart(kind="waiting", subject=spike.phase, title="What queued up", told="Until the backlog was gone.")
            )
    return Chapter(
        anchor="spike",
        title="Spike and recovery",
        lead=" ".join(
            f"{spike.phase}: recovered {estimate_in_unit(spike.recovery_s, 's')} after the surge."
            for spike in report.analysis.resiliences
            if spike.recovery_s
        ),
        charts=tuple(charts),
        sections=placed(tables, "spike"),
    )


def _soak(report: Report, tables: tuple[Section, ...]) -> Chapter:
    charts = tuple(
        Chart(
            kind="growth",
            subject=f"{leak.phase}/{leak.service}",
            title=f"Memory of {leak.service} ({leak.phase})",
            told=growth_sentence(leak),
        )
        for leak in memory_leaks(report)
    )
    return Chapter(
        anchor="soak",
        title="Soak",
        lead="The dashed line is the fitted slope after the warm-up, the shade its 95 % interval." if charts else "",
        charts=charts,
        sections=placed(tables, "soak"),
    )
