"""A run cut into stretches of nearly constant load, each with every figure that a model of capacity rests on.

Baselines, sustained loads and soaks are cut into minutes, ramps into twenty seconds, and each stress step is one slice
without its settling time. Warm-ups and spikes are left out: a system on its way to another state obeys no steady law.
So is what a profiler looked into, since looking costs the service.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.analysis.disturbance import is_disturbed
from lab.analysis.points import Points
from lab.analysis.quantiles import Bools, Floats, mean, percentile
from lab.analysis.samples import Samples
from lab.analysis.series import Series, Track
from lab.model import OTHERS, Estimate, Evidence, LoadSlice, PhaseKind, StepOutcome, StepResult, Window

_LENGTHS_S = {PhaseKind.BASELINE: 60.0, PhaseKind.SUSTAIN: 60.0, PhaseKind.SOAK: 60.0, PhaseKind.RAMP: 20.0}
_LEAST_REQUESTS = 20
_FAILED = 0.005
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
PARTS = ("parse", "fit", "explain")
"""The parts of an analysis that hold a worker, as ai_core tells them."""


@dataclass(frozen=True)
class Recorded:
    """What was recorded of a run, with the tracks that slices ask for again and again."""

    evidence: Evidence
    samples: Samples
    points: Points
    series: Mapping[str, Series]
    steps: Sequence[StepResult]

    @cached_property
    def cpu(self) -> dict[str, Track]:
        """CPU seconds per process family."""
        processes = self.series.get("processes")
        if processes is None:
            return {}
        return {name: processes.track("process_cpu_seconds_total", name) for name in processes.services()}

    @cached_property
    def rss(self) -> dict[str, Track]:
        """Resident bytes per process family."""
        processes = self.series.get("processes")
        if processes is None:
            return {}
        return {name: processes.track("process_resident_memory_bytes", name) for name in processes.services()}

    @cached_property
    def machine(self) -> Track | None:
        """The busy share of the machine that the services run on; None where they run on another."""
        host = self.series.get("host")
        if host is None or self.evidence.is_external:
            return None
        return host.track("host_cpu_ratio")

    @cached_property
    def operations(self) -> Track | None:
        """What the database has done, as one counter."""
        mongo = self.series.get("mongo")
        return None if mongo is None else summed(mongo, "mongodb_op_latency_operations_total")

    @cached_property
    def operation_seconds(self) -> Track | None:
        """Seconds spent on commands of the database: as the backend tells them, else as the database does."""
        scrape, mongo = self.series.get("scrape"), self.series.get("mongo")
        told = None if scrape is None else summed(scrape, "mongodb_command_duration_seconds_sum")
        if told is not None and len(told.time):
            return told
        return None if mongo is None else summed(mongo, "mongodb_op_latency_seconds_total")

    @cached_property
    def waiting(self) -> Track | None:
        """Analyses that wait, in all queues."""
        scrape = self.series.get("scrape")
        if scrape is None:
            return None
        return added(scrape.track("analyze_queue_depth"), scrape.track("ai_core_queue_depth"))

    @cached_property
    def parts(self) -> dict[str, tuple[Floats, Floats]]:
        """When each part of an analysis ended (epoch seconds), and how long it took."""
        points = self.points
        rows = {part: points.metric.equals("ai_core_analyze") & points.has_label("part", part) for part in PARTS}
        return {part: (points.time[chosen], points.value[chosen]) for part, chosen in rows.items()}


def summed(series: Series, metric: str) -> Track:
    """Give the sum of a metric over all of its labels, at each time at which it was read."""
    rows = series.metric.equals(metric)
    times, places = np.unique(series.time[rows], return_inverse=True)
    return Track(times, np.bincount(places, weights=series.value[rows], minlength=len(times)).astype(np.float64))


def summed_where(series: Series, metric: str, labels: str | tuple[str, ...]) -> Track:
    """Give the sum of a metric over the rows whose labels contain one of some texts ("" for every row)."""
    wanted = (labels,) if isinstance(labels, str) else labels
    codes = [code for code, text in enumerate(series.labels.names) if any(each in text for each in wanted)]
    rows = np.isin(series.labels.codes, codes)
    some = Series(
        time=series.time[rows], metric=series.metric[rows], labels=series.labels[rows], value=series.value[rows]
    )
    return summed(some, metric)


def added(first: Track, second: Track) -> Track:
    """Give the sum of two gauges at the times of the first."""
    if not len(second.time) or not len(first.time):
        return first if len(first.time) else second
    return Track(first.time, first.value + np.interp(first.time, second.time, second.value))


def cut(recorded: Recorded) -> tuple[LoadSlice, ...]:
    """Give the slices of a run in the order of their time."""
    found = [piece for window in recorded.evidence.windows for piece in _of_window(window, recorded)]
    return tuple(sorted(found, key=lambda piece: piece.started_at))


def _of_window(window: Window, recorded: Recorded) -> Iterator[LoadSlice]:
    load = _Load(window, recorded)
    for started_at, ended_at in _stretches(window, recorded):
        if is_disturbed(recorded.evidence, started_at, ended_at):
            continue
        piece = load.piece(started_at, ended_at)
        if piece is not None:
            yield piece


def _stretches(window: Window, recorded: Recorded) -> Sequence[tuple[float, float]]:
    if window.kind == PhaseKind.STRESS:
        return [(step.started_at, step.ended_at) for step in _steps_of(window, recorded)]
    length_s = _LENGTHS_S.get(window.kind)
    if length_s is None:
        return []
    count = max(int((window.ended_at - window.started_at) / length_s), 1)
    return list(pairwise(float(edge) for edge in np.linspace(window.started_at, window.ended_at, count + 1)))


def _steps_of(window: Window, recorded: Recorded) -> list[StepResult]:
    return [step for step in recorded.steps if step.phase == window.phase and step.step == window.step]


class _Load:
    """The load of one window, in the order in which it was due."""

    def __init__(self, window: Window, recorded: Recorded) -> None:
        samples = recorded.samples
        rows = np.flatnonzero(samples.phase.equals(window.name))
        due = samples.time[rows] - samples.response_time_s[rows]
        order = np.argsort(due, kind="stable")
        self._window, self._recorded = window, recorded
        self._rows, self._due = rows[order], due[order]
        points = recorded.points
        journeys = points.of("iteration_duration", window.name)
        self._journey_end, self._journey_s = points.time[journeys], points.value[journeys]
        done = points.of("journeys", window.name) & points.has_label("outcome", "completed")
        self._done_at, self._done = points.time[done], points.value[done]
        self._tells_outcomes = bool(points.metric.equals("journeys").any())
        self._phase = next(phase for phase in recorded.evidence.plan.phases if phase.name == window.phase)

    def piece(self, started_at: float, ended_at: float) -> LoadSlice | None:
        """Give what was due between two moments; None where it is too little to say anything."""
        first, last = np.searchsorted(self._due, [started_at, ended_at])
        rows, length_s = self._rows[first:last], ended_at - started_at
        if len(rows) < _LEAST_REQUESTS:
            return None
        samples = self._recorded.samples
        extra = samples.extra_poll[rows]
        failed = float(samples.failed[rows].mean())
        return LoadSlice(
            drive=self._window.name,
            kind=str(self._window.kind),
            started_at=started_at,
            ended_at=ended_at,
            rate_per_s=self._offered(started_at, ended_at),
            requests_per_s=len(rows) / length_s,
            extra_polls_per_s=float(extra.sum()) / length_s,
            scenarios=_by_scenario(samples, rows[~extra], length_s),
            cores=self._cores(started_at, ended_at),
            latency_s=_latencies(samples.response_time_s[rows]),
            goodput_per_s=self._goodput(started_at, ended_at),
            concurrency=_under_way(self._journey_end, self._journey_s, started_at, ended_at),
            failed_share=failed,
            is_good=self._is_good(failed),
            **_inside(self._recorded, started_at, ended_at),
        )

    def _offered(self, started_at: float, ended_at: float) -> float:
        if self._phase.kind == PhaseKind.RAMP:
            return self._phase.rate_at((started_at + ended_at) / 2 - self._window.started_at)
        return self._window.achieved_rate_per_s

    def _cores(self, started_at: float, ended_at: float) -> tuple[tuple[str, float], ...]:
        watched = {name: track.between(started_at, ended_at) for name, track in self._recorded.cpu.items()}
        used = {name: track.increase_per_s() or 0.0 for name, track in watched.items()}
        machine = self._recorded.machine
        busy = machine.between(started_at, ended_at).mean() if machine is not None else None
        if busy is not None:
            used[OTHERS] = max(busy * self._recorded.evidence.cores - sum(used.values()), 0.0)
        return tuple(used.items())

    def _goodput(self, started_at: float, ended_at: float) -> float:
        """Count the nominal requests of completed journeys; of all that ended, where scripts tell no outcome."""
        ends, counts = self._done_at, self._done
        if not self._tells_outcomes:
            ends, counts = self._journey_end, np.ones(len(self._journey_end))
        inside = (ends >= started_at) & (ends < ended_at)
        nominal = self._recorded.evidence.scenario.requests_per_journey
        return float(counts[inside].sum()) * nominal / (ended_at - started_at)

    def _is_good(self, failed: float) -> bool:
        if self._window.kind == PhaseKind.STRESS:
            return all(step.outcome == StepOutcome.GOOD for step in _steps_of(self._window, self._recorded))
        return failed < _FAILED


def _by_scenario(samples: Samples, rows: npt.NDArray[np.int64], length_s: float) -> tuple[tuple[str, float], ...]:
    counts = np.bincount(samples.scenario.codes[rows], minlength=len(samples.scenario.names))
    return tuple((name, float(count) / length_s) for name, count in zip(samples.scenario.names, counts, strict=True))


def _latencies(values: Floats) -> tuple[tuple[str, float], ...]:
    ordered = np.sort(values)
    found = {name: percentile(values, ordered, quantile) for name, quantile in _QUANTILES.items()}
    return tuple((name, estimate.value) for name, estimate in found.items() if estimate is not None)


def _under_way(ends: Floats, lengths_s: Floats, started_at: float, ended_at: float) -> float:
    """Give how many were under way at a time, in the mean: the parts of them that lie between two moments."""
    overlap = np.minimum(ends, ended_at) - np.maximum(ends - lengths_s, started_at)
    return float(np.maximum(overlap, 0.0).sum() / (ended_at - started_at))


def under_way(points: Points, drive: str, started_at: float, ended_at: float) -> float:
    """Give the mean number of journeys under way between two moments of a drive."""
    rows = points.of("iteration_duration", drive)
    return _under_way(points.time[rows], points.value[rows], started_at, ended_at)


def _inside(recorded: Recorded, started_at: float, ended_at: float) -> dict[str, Any]:
    length_s = ended_at - started_at
    held = {part: values[(ends >= started_at) & (ends < ended_at)] for part, (ends, values) in recorded.parts.items()}
    count = max((len(values) for values in held.values()), default=0)
    holding = sum(float(values.mean()) for values in held.values() if len(values)) if count else None
    of_database = {"operations_per_s": recorded.operations, "connections_busy": recorded.operation_seconds}
    waiting = recorded.waiting
    return {
        "analyses_per_s": count / length_s,
        "holding_s": holding,
        "waiting_analyses": waiting.between(started_at, ended_at).mean() if waiting is not None else None,
        **{
            name: track.between(started_at, ended_at).increase_per_s() if track is not None else None
            for name, track in of_database.items()
        },
    }


def parts_of(recorded: Recorded, slices: Sequence[LoadSlice]) -> tuple[tuple[str, Estimate], ...]:
    """Give how long each part of an analysis took in some slices, in the mean over analyses (seconds)."""
    means = ((part, mean(values[_inside_of(ends, slices)])) for part, (ends, values) in recorded.parts.items())
    return tuple((part, seconds) for part, seconds in means if seconds is not None)


def holding_by_scenario(recorded: Recorded, slices: Sequence[LoadSlice]) -> tuple[tuple[str, Estimate], ...]:
    """Give how long an analysis of each scenario held its worker in some slices, in the mean (seconds).

    What ai_core tells of an analysis names its scenario, so that these can be told apart where CPU cannot.
    """
    points = recorded.points
    told = points.metric.equals("ai_core_analyze")
    found = []
    for scenario in sorted(points.scenario.names):
        own = told & points.scenario.equals(scenario)
        rows = [np.flatnonzero(own & points.has_label("part", part)) for part in PARTS]
        if len({len(each) for each in rows}) != 1:
            continue  # a part is missing, so that nobody knows which ones belong together
        chosen = _inside_of(points.time[rows[0]], slices)
        seconds = mean(np.sum([points.value[each] for each in rows], axis=0)[chosen])
        if seconds is not None:
            found.append((scenario, seconds))
    return tuple(found)


def _inside_of(times: Floats, slices: Sequence[LoadSlice]) -> Bools:
    inside: Bools = np.zeros(len(times), dtype=bool)
    for piece in slices:
        inside |= (times >= piece.started_at) & (times < piece.ended_at)
    return inside
