"""What one run shows of everything that is compared, with the standard error that it has within the run.

Percentiles are those of reports, over the requests that were due outside profiles; their errors come from intervals
that respect correlation in time (`analysis/quantiles.py`). Two figures are made for comparisons:

- the geometric mean of the medians of all routes. The median of everything lies between a quick and a slow route as
  often as not, where nothing is, and moves there by tens of percent without any change; this one weighs routes alike.
- of a route that is asked for, percentiles relative to the run's other routes (their geometric mean): what makes all of
  a run slow falls out, such as a busy neighbour of the machine. That leaves less than half of the noise, and it is what
  must be told of that route; it cannot say which of the two changed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.columns import Texts
from lab.analysis.comparison import measures
from lab.analysis.comparison.measures import Effects
from lab.analysis.disturbance import disturbed, is_disturbed
from lab.analysis.leaks import RSS, services_of
from lab.analysis.quantiles import Bools, Floats, percentile, rate
from lab.analysis.samples import Samples, read_samples
from lab.analysis.series import Series, outside, read_series
from lab.analysis.trend import growth
from lab.analysis.usage import service_usage
from lab.model import Cell, Estimate, Evidence, Measure, PhaseKind, RunFigure, Window

COMPARED = (PhaseKind.BASELINE, PhaseKind.RAMP, PhaseKind.SUSTAIN, PhaseKind.SPIKE, PhaseKind.SOAK)
"""Kinds of phases that are compared. Which steps a stress phase drives hangs on what it saw: they differ."""

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_RELATIVE = ("p50", "p95")
_HEADLINE = "p50"
"""What must be told for a comparison to tell anything; tails vary so much that hundreds of runs are wanted for them."""

_Z = 1.959964
_LEAST_CORES = 0.02
"""A service that uses less is idle: what it uses per request is what it uses anyway."""

_TICK_S = 0.01
"""The kernel counts CPU in such pieces."""


@dataclass(frozen=True, slots=True)
class _Requests:
    """Requests of one window in the order in which they were due."""

    route: Mapping[str, Bools]
    scenario: Mapping[str, Bools]
    duration_s: Floats
    failed: Bools


def measured(evidence: Evidence, *, effects: Effects, route: str = "") -> tuple[RunFigure, ...]:
    """Give the figures of a run, phase by phase; of one `route` alone where it is named.

    Phases that were cut off are left out, and so are cells that have too few values for a figure.
    """
    samples = read_samples(evidence.samples)
    series = {name: read_series(path) for name, path in evidence.series.items() if name == "processes"}
    found: list[RunFigure] = []
    for window in evidence.windows:
        if window.kind not in COMPARED or not window.is_whole or window.step:
            continue
        requests = _requests(evidence, samples, window)
        if route:
            found += _of_route(requests, window.phase, route, effects)
            continue
        found += _of_all(requests, window, evidence.scenario.requests_per_journey, effects)
        found += _of_services(evidence, window, series, samples, effects)
    return tuple(found)


def routes_of(evidence: Evidence) -> tuple[str, ...]:
    """Give the routes that a run asked."""
    return tuple(sorted(read_samples(evidence.samples).route.names))


def _requests(evidence: Evidence, samples: Samples, window: Window) -> _Requests:
    rows = np.flatnonzero(samples.phase.equals(window.name))
    due = samples.time[rows] - samples.response_time_s[rows]
    order = np.argsort(due, kind="stable")
    rows = rows[order][outside(due[order], disturbed(evidence))]
    routes, scenarios = samples.route[rows], samples.scenario[rows]
    return _Requests(
        route=_by_name(routes),
        scenario=_by_name(scenarios),
        duration_s=samples.duration_s[rows],
        failed=samples.failed[rows],
    )


def _by_name(texts: Texts) -> dict[str, Bools]:
    """Give which rows hold each text that occurs."""
    found = {name: texts.equals(name) for name in sorted(texts.names)}
    return {name: rows for name, rows in found.items() if rows.any()}


# ----------------------------------------------------------------------------------------------------- of a whole phase


def _of_all(requests: _Requests, window: Window, per_journey: float, effects: Effects) -> Iterator[RunFigure]:
    everything = np.ones(len(requests.failed), dtype=bool)
    phase, count, length_s = window.phase, len(requests.failed), window.ended_at - window.started_at
    if count and length_s > 0:
        # load is offered by the clock: what is counted is off by a journey at each end
        yield RunFigure(
            measure=measures.request_rate(effects),
            cell=Cell(phase=phase),
            value=count / length_s,
            error=per_journey / count,
            count=count,
        )
    typical = _typical([requests.duration_s[rows] for rows in requests.route.values()])
    if typical is not None:
        yield _ratio(measures.typical_latency(effects), Cell(phase=phase), typical, count, is_headline=True)
    headline = _HEADLINE if typical is None else ""
    yield from _of_rows(requests, everything, Cell(phase=phase), effects, headline=headline)
    for scenario, of_scenario in requests.scenario.items():
        if len(requests.scenario) > 1:
            yield from _of_rows(requests, of_scenario, Cell(phase=phase, scenario=scenario), effects)
        parts = {route: rows & of_scenario for route, rows in requests.route.items() if (rows & of_scenario).any()}
        for route, rows in parts.items():
            if len(parts) > 1:
                yield from _of_rows(requests, rows, Cell(phase=phase, scenario=scenario, route=route), effects)


def _of_rows(
    requests: _Requests, rows: Bools, cell: Cell, effects: Effects, *, headline: str = ""
) -> Iterator[RunFigure]:
    """Give percentiles and the error rate of some requests; `headline` names the percentile that must be told."""
    values = requests.duration_s[rows]
    for name, found in _percentiles(values).items():
        yield _ratio(measures.latency(name, effects), cell, found, len(values), is_headline=name == headline)
    errors = rate(requests.failed[rows])
    if errors is not None:
        yield RunFigure(
            measure=measures.error_rate(),
            cell=cell,
            value=errors.value,
            error=(errors.high - errors.low) / (2 * _Z),
            count=len(values),
        )


def _typical(values: Sequence[Floats]) -> Estimate | None:
    """Give the geometric mean of several medians with its interval; None where there are less than two."""
    medians = [found[_HEADLINE] for found in map(_percentiles, values) if _HEADLINE in found]
    if len(medians) < 2:
        return None
    mean = sum(math.log(median.value) for median in medians) / len(medians)
    half = _Z * math.sqrt(sum(_log_error(median) ** 2 for median in medians)) / len(medians)
    return Estimate(value=math.exp(mean), low=math.exp(mean - half), high=math.exp(mean + half))


def _percentiles(values: Floats) -> dict[str, Estimate]:
    ordered = np.sort(values)
    found = {name: percentile(values, ordered, quantile) for name, quantile in _QUANTILES.items()}
    return {name: estimate for name, estimate in found.items() if estimate is not None and estimate.value > 0}


def _ratio(measure: Measure, cell: Cell, found: Estimate, count: int, *, is_headline: bool = False) -> RunFigure:
    return RunFigure(
        measure=measure,
        cell=cell,
        value=found.value,
        error=_log_error(found),
        count=count,
        is_headline=is_headline,
    )


def _log_error(found: Estimate) -> float:
    """Give the standard error of a logarithm from the interval of the value."""
    if found.low > 0:
        return math.log(found.high / found.low) / (2 * _Z)
    return (found.high - found.low) / (2 * _Z * found.value)


# --------------------------------------------------------------------------------------------------------- of one route


def _of_route(requests: _Requests, phase: str, route: str, effects: Effects) -> Iterator[RunFigure]:
    """Give the figures of a route, relative to other routes, where there are any, and by themselves."""
    if route not in requests.route:
        return
    cell = Cell(phase=phase, route=route)
    relative = tuple(_relative(requests, cell, effects))
    yield from relative
    headline = "" if relative else _HEADLINE
    yield from _of_rows(requests, requests.route[route], cell, effects, headline=headline)


def _relative(requests: _Requests, cell: Cell, effects: Effects) -> Iterator[RunFigure]:
    own = _percentiles(requests.duration_s[requests.route[cell.route]])
    others = [_percentiles(requests.duration_s[rows]) for name, rows in requests.route.items() if name != cell.route]
    for name in _RELATIVE:
        beside = [found[name] for found in others if name in found]
        if name not in own or not beside:
            continue
        logs = [math.log(found.value) for found in beside]
        errors = [_log_error(found) ** 2 for found in beside]
        yield RunFigure(
            measure=measures.relative_latency(name, effects),
            cell=cell,
            value=math.exp(math.log(own[name].value) - sum(logs) / len(logs)),
            error=math.sqrt(_log_error(own[name]) ** 2 + sum(errors) / len(errors) ** 2),
            count=int(requests.route[cell.route].sum()),
            is_headline=name == _HEADLINE,
        )


# ---------------------------------------------------------------------------------------------------------- of services


def _of_services(
    evidence: Evidence, window: Window, series: Mapping[str, Series], samples: Samples, effects: Effects
) -> Iterator[RunFigure]:
    """Give CPU per request and, of soaks, the growth of memory; nothing where a profiler looked on."""
    if is_disturbed(evidence, window.started_at, window.ended_at):
        return
    system, length_s = services_of(series), window.ended_at - window.started_at
    for usage in service_usage([window], series, samples):
        if usage.service in system and usage.cpu_s_per_request and usage.cores >= _LEAST_CORES:
            yield RunFigure(
                measure=measures.cpu_per_request(effects),
                cell=Cell(phase=window.phase, service=usage.service),
                value=usage.cpu_s_per_request,
                error=_TICK_S / (usage.cores * length_s),
                count=round(usage.cores * length_s / usage.cpu_s_per_request),
            )
    if window.kind == PhaseKind.SOAK:
        yield from _growths(window, series, system, effects)


def _growths(
    window: Window, series: Mapping[str, Series], system: Iterable[str], effects: Effects
) -> Iterator[RunFigure]:
    for service in system:
        track = series["processes"].track(RSS, service).within(window)
        found = growth(track.time, track.value)
        if found is not None:
            slope = found.slope_per_s
            yield RunFigure(
                measure=measures.memory_growth(effects),
                cell=Cell(phase=window.phase, service=service),
                value=slope.value * 3600,
                error=(slope.high - slope.low) * 3600 / (2 * _Z),
                count=len(track.value),
            )
