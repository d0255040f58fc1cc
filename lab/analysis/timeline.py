"""A stretch of a run over time: load, latency and errors as the generator saw them, resources as collectors did."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from lab.analysis.envelopes import Grid, envelope, grid, plain, rate_of
from lab.analysis.load_check import begins_of
from lab.analysis.quantiles import Bools, Floats, interpolated, min_count
from lab.analysis.series import Series, Track
from lab.analysis.spikes import QUEUES, queue_depth
from lab.analysis.values import Load
from lab.model import Curve, Evidence, Plan, Timeline, Window
from lab.threshold_metrics import QUANTILES

_DRAWN = ("p50", "p95", "p99")
_TRAFFIC = {
    "disk read": "host_disk_read_bytes_total",
    "disk written": "host_disk_written_bytes_total",
    "network received": "host_network_received_bytes_total",
}
_CPU, _MEMORY, _POOL = "process_cpu_seconds_total", "process_resident_memory_bytes", "mongodb_pool_connections"

READ = {
    "host": ("host_cpu_ratio", *_TRAFFIC.values()),
    "processes": (_CPU, _MEMORY),
    "scrape": (*QUEUES, _POOL),
}
"""What is drawn of each collector's metrics."""


def timeline(
    steps: Grid, windows: Sequence[Window], evidence: Evidence, load: Load, series: Mapping[str, Series]
) -> Timeline:
    """Give everything that is drawn over time; `windows` are those that lie on the grid."""
    samples = load.samples
    rows = steps.within(samples.time)
    order = rows[np.argsort(samples.time[rows], kind="stable")]
    times, took, failed = samples.time[order], samples.duration_s[order], samples.failed[order]
    return Timeline(
        started_at=steps.started_at,
        ended_at=steps.ended_at,
        step_s=steps.step_s,
        rates=(_planned(windows, evidence.plan), _achieved(windows, load, steps), _answered(times, windows, steps)),
        percentiles=tuple(_percentile(name, times, took, windows, steps) for name in _DRAWN),
        slowest=_slowest(times, took, steps),
        errors=(_share("requests", times, failed, steps), _analyses(load, steps)),
        cores=tuple(_cores(series, steps, evidence.cores)),
        memory=tuple(_memory(series, steps)),
        waiting=tuple(_waiting(series, steps)),
        traffic=tuple(_traffic(series, steps)),
    )


# ---------------------------------------------------------------------------------------------------- the generator's


def _planned(windows: Iterable[Window], plan: Plan) -> Curve:
    phases = {phase.name: phase for phase in plan.phases}
    points: list[tuple[float, float | None]] = []
    for window in windows:
        if points:
            points.append((window.started_at, None))
        if window.step:
            points += [(at, window.planned_rate_per_s) for at in (window.started_at, window.ended_at)]
            continue
        at = window.started_at
        for stage in phases[window.phase].stages:
            end = min(at + stage.duration_s, window.ended_at)
            points += [(at, stage.from_rate_per_s), (end, stage.to_rate_per_s)]
            at = end
    return Curve(name="planned", times=tuple(at for at, _ in points), values=tuple(rate for _, rate in points))


def _achieved(windows: Iterable[Window], load: Load, steps: Grid) -> Curve:
    begun = [_inside(begins_of(window, load.points), window) for window in windows]
    times = np.concatenate(begun) if begun else np.zeros(0)
    return _rate("achieved", times, windows, steps, weight=load.scenario.requests_per_journey)


def _inside(times: Floats, window: Window) -> Floats:
    inside: Floats = times[(times >= window.started_at) & (times < window.ended_at)]
    return inside


def _answered(times: Floats, windows: Iterable[Window], steps: Grid) -> Curve:
    return _rate("answered", times, windows, steps, weight=1.0)


def _rate(name: str, times: Floats, windows: Iterable[Window], steps: Grid, *, weight: float) -> Curve:
    """Count events per second; a step that windows cover in part is divided by that part, one beside them is a hole."""
    steps = _counting(times, steps)
    covered = np.zeros(steps.count)
    edges = steps.started_at + np.arange(steps.count) * steps.step_s
    for window in windows:
        covered += np.clip(
            np.minimum(edges + steps.step_s, window.ended_at) - np.maximum(edges, window.started_at), 0, None
        )
    counts = np.bincount(steps.places(times[steps.within(times)]), minlength=steps.count)
    shown = covered >= min(steps.step_s / 2, 1.0)
    rates = np.where(shown, counts * weight / np.where(shown, covered, 1.0), np.nan)
    return Curve(name=name, times=tuple(steps.middles.tolist()), values=plain(rates))


_LEAST_EVENTS = 20
"""Events behind a point of a rate, in the mean: fewer would show where steps cut, and not how fast they came."""


def _counting(times: Floats, steps: Grid) -> Grid:
    """Give the steps, or coarser ones where too few events would lie in each."""
    length_s = steps.ended_at - steps.started_at
    wanted_s = length_s * _LEAST_EVENTS / max(len(times), 1)
    if wanted_s <= steps.step_s:
        return steps
    return grid(steps.started_at, steps.ended_at, most=max(int(length_s / wanted_s), 1))


def _percentile(name: str, times: Floats, took: Floats, windows: Iterable[Window], steps: Grid) -> Curve:
    """Give a percentile of as many requests at a time as it needs, and of no less than a step, drive by drive."""
    quantile = QUANTILES[name]
    need = min_count(quantile)
    moments: list[float] = []
    values: list[float | None] = []
    for window in windows:
        first, last = np.searchsorted(times, [window.started_at, window.ended_at])
        if moments:
            moments.append(window.started_at)
            values.append(None)
        for begin, end in _stretches(times[first:last], need, steps.step_s):
            part = slice(first + begin, first + end)
            moments.append(float(times[part.start] + times[part.stop - 1]) / 2)
            values.append(interpolated(np.sort(took[part]), quantile))
    return Curve(name=name, times=tuple(moments), values=tuple(values))


def _stretches(times: Floats, need: int, shortest_s: float) -> Iterator[tuple[int, int]]:
    """Cut the requests of a drive into stretches of at least `need` of them, and no shorter than a time."""
    begin = 0
    while begin + need <= len(times):
        end = max(int(np.searchsorted(times, times[begin] + shortest_s)), begin + need)
        if len(times) - end < need:
            end = len(times)
        yield begin, end
        begin = end


def _slowest(times: Floats, took: Floats, steps: Grid) -> Curve:
    highest = np.full(steps.count, np.nan)
    np.fmax.at(highest, steps.places(times), took)
    return Curve(name="slowest", times=tuple(steps.middles.tolist()), values=plain(highest))


def _share(name: str, times: Floats, bad: Bools | Floats, steps: Grid) -> Curve:
    return _weighted_share(name, times, np.ones(len(times)), np.asarray(bad, dtype=np.float64), steps)


def _weighted_share(name: str, times: Floats, counts: Floats, bad: Floats, steps: Grid) -> Curve:
    places = steps.places(times)
    every = np.bincount(places, weights=counts, minlength=steps.count)
    missed = np.bincount(places, weights=bad * counts, minlength=steps.count)
    shares = np.divide(missed, every, out=np.full(steps.count, np.nan), where=every > 0)
    return Curve(name=name, times=tuple(steps.middles.tolist()), values=plain(shares))


def _analyses(load: Load, steps: Grid) -> Curve:
    points = load.points
    rows = np.flatnonzero(points.metric.equals("analyses"))
    rows = rows[steps.within(points.time[rows])]
    done = points.has_label("outcome", "done")[rows]
    return _weighted_share("analyses", points.time[rows], points.value[rows], (~done).astype(np.float64), steps)


# --------------------------------------------------------------------------------------------------- the collectors'


def _cores(series: Mapping[str, Series], steps: Grid, cores: int) -> Iterator[Curve]:
    for service, track in _of_services(_CPU, series):
        yield envelope(service, rate_of(track), steps)
    if "host" in series:
        busy = series["host"].track("host_cpu_ratio")
        yield envelope("machine", Track(busy.time, busy.value * cores), steps)


def _memory(series: Mapping[str, Series], steps: Grid) -> Iterator[Curve]:
    for service, track in _of_services(_MEMORY, series):
        yield envelope(service, track, steps)


def _of_services(metric: str, series: Mapping[str, Series]) -> Iterator[tuple[str, Track]]:
    if "processes" in series:
        processes = series["processes"]
        yield from ((service, processes.track(metric, service)) for service in processes.services())


def _waiting(series: Mapping[str, Series], steps: Grid) -> Iterator[Curve]:
    yield envelope("analyses that wait", queue_depth(series), steps)
    if "scrape" not in series:
        return
    scrape = series["scrape"]
    of_pool = scrape.metric.equals(_POOL)
    for name, state in (("for a database connection", "waiting"), ("connections in use", "checked_out")):
        codes = [code for code, text in enumerate(scrape.labels.names) if f"state={state}" in text.split(",")]
        rows = of_pool & np.isin(scrape.labels.codes, codes)
        yield envelope(name, Track(scrape.time[rows], scrape.value[rows]), steps)


def _traffic(series: Mapping[str, Series], steps: Grid) -> Iterator[Curve]:
    if "host" in series:
        for name, metric in _TRAFFIC.items():
            yield envelope(name, rate_of(series["host"].track(metric)), steps)
