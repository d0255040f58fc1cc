"""A run as the rules look at it: its evidence, opened once, asked for one stretch of time after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from lab.analysis.disturbance import is_disturbed
from lab.analysis.points import Points, read_points
from lab.analysis.quantiles import Floats
from lab.analysis.samples import Samples, read_samples
from lab.analysis.series import Series, Track, read_series
from lab.model import Analysis, Evidence, PhaseKind, Symptom, Window, labels_of
from lab.playbooks.totals import Totals

_PIECES = 60
_SHORTEST_S, _LONGEST_S = 5.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of one window of load; times are epoch seconds. `is_whole`: there is no more of the window."""

    window: Window
    started_at: float
    ended_at: float
    is_whole: bool = False

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return self.ended_at - self.started_at


@dataclass(kw_only=True)
class Case:
    """The evidence and the figures of a run, with what rules ask of them.

    Where nothing was recorded of what is asked for, the answer is None.
    """

    evidence: Evidence
    analysis: Analysis
    _tracks: dict[tuple[str, str, tuple[tuple[str, str], ...]], Track] = field(default_factory=dict)

    # -------------------------------------------------------------------------------------------- when there was load

    @cached_property
    def pieces(self) -> tuple[tuple[Stretch, ...], ...]:
        """Every window that is judged, cut into pieces of five seconds to a minute; those with a profiler left out."""
        judged = [window for window in self.evidence.windows if window.kind != PhaseKind.WARMUP]
        cut = [
            [piece for piece in _cut(window) if not is_disturbed(self.evidence, piece.started_at, piece.ended_at)]
            for window in judged
        ]
        return tuple(tuple(pieces) for pieces in cut if pieces)

    def stretch(self, symptom: Symptom) -> Stretch:
        """Give the stretch in which something was seen."""
        window = next(
            window
            for window in self.evidence.windows
            if window.phase == symptom.phase
            and window.started_at <= symptom.started_at
            and symptom.ended_at <= window.ended_at
        )
        return Stretch(window=window, started_at=symptom.started_at, ended_at=symptom.ended_at)

    # ------------------------------------------------------------------------------------------- what users waited for

    @cached_property
    def samples(self) -> Samples:
        """The requests."""
        return read_samples(self.evidence.samples)

    @cached_property
    def points(self) -> Points:
        """What the scripts measured beside them."""
        return read_points(self.evidence.points)

    @cached_property
    def _responses(self) -> Totals:
        nominal = ~self.samples.extra_poll.astype(bool)
        return Totals.of(self.samples.time[nominal], self.samples.response_time_s[nominal])

    @cached_property
    def _delays(self) -> Totals:
        return Totals.of(self.samples.time, self.samples.start_delay_s)

    @cached_property
    def _analyses(self) -> Totals:
        rows = self.points.metric.equals("analysis_duration")
        return Totals.of(self.points.time[rows], self.points.value[rows])

    @cached_property
    def _counts(self) -> dict[str, Totals]:
        points = self.points
        rows = {name: points.metric.equals(name) for name in ("dropped_iterations", "iteration_duration")}
        return {name: Totals.of(points.time[row], points.value[row]) for name, row in rows.items()}

    def counted(self, part: Stretch, metric: str) -> float:
        """Give the sum of a counter of the generator, such as `dropped_iterations`."""
        return self._counts[metric].sum(part.started_at, part.ended_at)

    def journeys(self, part: Stretch) -> int:
        """Count the journeys that ended in a stretch."""
        return self._counts["iteration_duration"].count(part.started_at, part.ended_at)

    def requests_per_s(self, part: Stretch) -> float:
        """Give the rate of requests, without polls beyond the nominal ones."""
        return self._responses.count(part.started_at, part.ended_at) / part.length_s

    def all_requests_per_s(self, part: Stretch) -> float:
        """Give the rate of requests, every poll among them."""
        return self._delays.count(part.started_at, part.ended_at) / part.length_s

    def in_flight(self, part: Stretch) -> float:
        """Give how many requests were under way at a time, from when they were due (Little's law)."""
        return self._responses.sum(part.started_at, part.ended_at) / part.length_s

    def late(self, part: Stretch) -> float:
        """Give how many journeys were due at a time and had not begun."""
        return self._delays.sum(part.started_at, part.ended_at) / part.length_s

    def waiting(self, part: Stretch) -> float:
        """Give how many requests and analyses were under way at a time: what users waited for."""
        return self.in_flight(part) + self._analyses.sum(part.started_at, part.ended_at) / part.length_s

    def analysis_s(self, part: Stretch) -> float | None:
        """Give the mean time from the request for an analysis to its finished report."""
        return self._analyses.mean(part.started_at, part.ended_at)

    def response_s(self, part: Stretch) -> float | None:
        """Give the mean response time of requests."""
        return self._responses.mean(part.started_at, part.ended_at)

    def answered(self, part: Stretch, route: str, status: int | None = None) -> int:
        """Count the requests of a route that ended in a stretch, those of one status where it is given."""
        times = self.samples.time
        rows = self.samples.route.equals(route) & (times >= part.started_at) & (times <= part.ended_at)
        return int((rows if status is None else rows & (self.samples.status == status)).sum())

    # ------------------------------------------------------------------------------------------- what collectors saw

    @cached_property
    def series(self) -> Mapping[str, Series]:
        """What the collectors saw."""
        return {name: read_series(path) for name, path in self.evidence.series.items()}

    def is_told(self, collector: str, metric: str) -> bool:
        """Whether anything was recorded of a metric."""
        return len(self.track(collector, metric).value) > 0

    def services_with(self, metric: str) -> tuple[str, ...]:
        """Give the services whose /metrics tell a metric."""
        scrape = self.series.get("scrape")
        if scrape is None:
            return ()
        codes = np.unique(scrape.labels.codes[scrape.metric.equals(metric)])
        return tuple(sorted({labels_of(scrape.labels.name(int(code))).get("service", "") for code in codes} - {""}))

    def track(self, collector: str, metric: str, **labels: str) -> Track:
        """Give a metric over time, summed over the series that have these labels."""
        key = (collector, metric, tuple(sorted(labels.items())))
        if key not in self._tracks:
            self._tracks[key] = _summed(self.series.get(collector), metric, labels)
        return self._tracks[key]

    def rate(self, part: Stretch, collector: str, metric: str, **labels: str) -> float | None:
        """Give how fast a counter rose, per second."""
        return self.track(collector, metric, **labels).between(part.started_at, part.ended_at).increase_per_s()

    def values(self, part: Stretch, collector: str, metric: str, **labels: str) -> Floats:
        """Give the readings of a gauge."""
        return self.track(collector, metric, **labels).between(part.started_at, part.ended_at).value

    def mean(self, part: Stretch, collector: str, metric: str, **labels: str) -> float | None:
        """Give the mean of a gauge."""
        return self.track(collector, metric, **labels).between(part.started_at, part.ended_at).mean()

    def highest(self, part: Stretch, collector: str, metric: str, **labels: str) -> float | None:
        """Give the highest reading of a gauge."""
        found = self.values(part, collector, metric, **labels)
        return float(found.max()) if len(found) else None

    def mean_of_sum(self, part: Stretch, metric: str, **labels: str) -> float | None:
        """Give the mean of what a histogram on a service's /metrics was told; None where that is nothing."""
        seconds = self.rate(part, "scrape", f"{metric}_sum", **labels)
        count = self.rate(part, "scrape", f"{metric}_count", **labels)
        return seconds / count if seconds is not None and count else None

    # ------------------------------------------------------------------------------------------------------ the machine

    def families(self) -> tuple[str, ...]:
        """Give the process families that were watched."""
        return self.series["processes"].services() if "processes" in self.series else ()

    def cores(self, part: Stretch, service: str) -> float | None:
        """Give the cores that a process family used."""
        return self.rate(part, "processes", "process_cpu_seconds_total", service=service)

    def machine_busy(self, part: Stretch) -> float | None:
        """Give the busy share of all cores."""
        return self.mean(part, "host", "host_cpu_ratio")

    def steal(self, part: Stretch) -> float:
        """Give the share of the cores' time that the host gave to others; 0 where it does not tell."""
        return self.mean(part, "host", "host_cpu_steal_ratio") or 0.0

    def foreign_cores(self, part: Stretch) -> float | None:
        """Give the cores that neither the system nor the lab used; None where a service is not watched."""
        busy = self.machine_busy(part)
        watched = [self.cores(part, service) for service in self.families()]
        scrape = self.series.get("scrape")
        is_unseen = scrape is not None and not set(self.families()).issuperset(scrape.services())
        if busy is None or not watched or is_unseen or self.evidence.is_external:
            return None
        used = [own for own in watched if own is not None]
        if len(used) < len(watched):
            return None
        # the kernel counts stolen time as busy
        return max((busy - self.steal(part)) * self.evidence.cores - sum(used), 0.0)

    def doubts(self, phase: str) -> Sequence[str]:
        """Give the kinds of the doubts about a phase."""
        return [doubt.kind for doubt in self.analysis.doubts if doubt.phase in ("", phase)]


def _cut(window: Window) -> list[Stretch]:
    length_s = window.ended_at - window.started_at
    if length_s <= 0:
        return []
    piece_s = min(max(length_s / _PIECES, _SHORTEST_S), _LONGEST_S)
    count = max(1, int(length_s / piece_s + 1e-9))
    ends = np.linspace(window.started_at, window.ended_at, count + 1)
    return [
        Stretch(window=window, started_at=float(begin), ended_at=float(end), is_whole=count == 1)
        for begin, end in pairwise(ends)
    ]


def _summed(series: Series | None, metric: str, labels: Mapping[str, str]) -> Track:
    if series is None:
        return Track(np.zeros(0), np.zeros(0))
    rows = series.metric.equals(metric)
    if labels:
        wanted = labels.items()
        fitting = [code for code, text in enumerate(series.labels.names) if wanted <= labels_of(text).items()]
        rows &= np.isin(series.labels.codes, fitting)
    times, places = np.unique(series.time[rows], return_inverse=True)
    sums = np.bincount(places, weights=series.value[rows], minlength=len(times)).astype(np.float64)
    return Track(times, sums)
