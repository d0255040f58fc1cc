"""Figures of a running phase, from k6's output as it comes."""

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from lab.load.journeys_log import JourneysLog, epoch_s
from lab.load.k6_points import DURATION, ITERATION, KEY, METRICS, parse_tags, take_apart
from lab.model import Phase, Progress, Scenario

_RECENT_S = 10.0


class LiveFigures:
    """How a phase stands. One thread reads lines while another asks for `progress`."""

    def __init__(self, phase: Phase, scenario: Scenario) -> None:
        self.journeys = JourneysLog()
        self._phase = phase
        self._scenario = scenario
        self._requests = 0
        self._failed = 0
        self._kinds: dict[bytes, tuple[bool, bool]] = {}
        self._recent: deque[tuple[float, float]] = deque()
        self._recent_journeys: deque[tuple[float, float]] = deque()
        self._lock = threading.Lock()

    def read(self, lines: Sequence[bytes]) -> None:
        """Take note of whole lines of k6's output; damaged ones are passed over."""
        with self._lock:
            self.journeys.read(lines)
            for line in lines:
                metric = METRICS.get(line[KEY])
                if metric in (DURATION, ITERATION):
                    with suppress(ValueError):
                        self._take(metric, line)

    def _take(self, metric: bytes, line: bytes) -> None:
        time, value, tags, _ = take_apart(metric, line)
        if metric == ITERATION:
            self._recent_journeys.append((epoch_s(time), value / 1000))
            return
        is_setup, is_failed = self._kind(tags)
        if not is_setup:
            self._requests += 1
            self._failed += is_failed
            self._recent.append((epoch_s(time), value / 1000))

    def _kind(self, text: bytes) -> tuple[bool, bool]:
        if text not in self._kinds:
            tags = parse_tags(text)
            self._kinds[text] = tags.is_setup, tags.error is not None
        return self._kinds[text]

    def progress(self, now: float, *, generator_pid: int | None) -> Progress:
        """How the phase stands at `now` (epoch seconds); before its load begins all figures are 0."""
        with self._lock:
            _forget(self._recent, now)
            _forget(self._recent_journeys, now)
            began = self.journeys.began_at
            nothing_yet = Progress(
                phase=self._phase.name,
                elapsed_s=0.0,
                duration_s=self._phase.duration_s,
                planned_rate_per_s=self._phase.rate_at(0.0),
                achieved_rate_per_s=0.0,
                requests=self._requests,
                failed=self._failed,
                p95_s=self._p95(),
                generator_pid=generator_pid,
            )
            return nothing_yet if began is None else self._since(nothing_yet, began, now)

    def _since(self, nothing_yet: Progress, began: float, now: float) -> Progress:
        elapsed = max(0.0, now - began)
        return replace(
            nothing_yet,
            elapsed_s=elapsed,
            planned_rate_per_s=self._phase.rate_at(elapsed),
            achieved_rate_per_s=self._achieved(began, now),
        )

    def _p95(self) -> float | None:
        return float(np.percentile([value for _, value in self._recent], 95)) if self._recent else None

    def _achieved(self, began: float, now: float) -> float:
        # a journey is known when it has ended, so the last seconds count only as far back as the slowest one took
        slowest = max((duration for _, duration in self._recent_journeys), default=0.0)
        end = min(now - slowest, began + self._phase.duration_s)
        begin = max(began, end - _RECENT_S)
        if end - begin < 1.0:
            return 0.0
        return self.journeys.started_between(begin, end) * self._scenario.requests_per_journey / (end - begin)


def _forget(values: "deque[tuple[float, float]]", now: float) -> None:
    while values and values[0][0] < now - _RECENT_S:
        values.popleft()
