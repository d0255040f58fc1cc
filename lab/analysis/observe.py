"""What each threshold sees in each phase that it is held against: in all of it, or in the worst of its windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.applicability import applies
from lab.analysis.disturbance import WHY, disturbed, is_disturbed
from lab.analysis.phases import judged_by
from lab.analysis.results import Results, of_growth, of_result
from lab.analysis.series import Series, Track
from lab.analysis.server_values import server_statistic, track_of
from lab.analysis.values import Load, Values, statistic_of, values_of
from lab.model import Estimate, Evidence, Observation, Phase, Threshold, Window
from lab.threshold_metrics import RESULTS, is_server_metric
from lab.thresholds import holds


def observe(evidence: Evidence, load: Load, series: Mapping[str, Series], results: Results) -> tuple[Observation, ...]:
    """Give what each threshold sees that applies, per phase that it is held against, in the plan's order."""
    seeing = _Seeing(evidence, load, series, results)
    return tuple(
        seen
        for threshold in evidence.plan.thresholds
        if applies(threshold, evidence.scenario)
        for phase in judged_by(threshold, evidence.plan)
        for seen in seeing.see(threshold, phase)
    )


@dataclass(frozen=True, slots=True)
class _Seeing:
    evidence: Evidence
    load: Load
    series: Mapping[str, Series]
    results: Results

    def see(self, threshold: Threshold, phase: Phase) -> Sequence[Observation]:
        window = next((window for window in self.evidence.windows if window.phase == phase.name), None)
        if window is None:
            return [_nothing(threshold, phase, "the phase was not driven")]
        if threshold.statistic == "growth":
            return of_growth(threshold, window, self.evidence, self.series, self.results)
        if threshold.metric in RESULTS:
            return [of_result(threshold, window, self.results)]
        part = self._parts(threshold, window)
        if threshold.window_s is None:
            return [part(window.started_at, window.ended_at)]
        stretches = [
            ends for ends in stretches_of(window, threshold.window_s) if not is_disturbed(self.evidence, *ends)
        ]
        if not stretches:
            return [_nothing(threshold, phase, f"{WHY} in every window")]
        return [_worst(threshold, [part(*ends) for ends in stretches])]

    def _parts(self, threshold: Threshold, window: Window) -> Callable[[float, float], Observation]:
        """Give what sees a stretch of a phase; the phase's own values are looked up once for all of them."""
        profiled = disturbed(self.evidence)
        see = (
            _of_server(threshold, track_of(threshold, self.series).without(profiled))
            if is_server_metric(threshold.metric)
            else _of_load(threshold, values_of(threshold, window.name, self.load).without(profiled))
        )

        def part(started_at: float, ended_at: float) -> Observation:
            count, observed, why = see(started_at, ended_at)
            return Observation(
                threshold=threshold.text,
                phase=window.phase,
                started_at=started_at,
                ended_at=ended_at,
                count=count,
                observed=observed,
                why=why,
            )

        return part


_See = Callable[[float, float], tuple[int, Estimate | None, str]]


def _of_server(threshold: Threshold, whole: Track) -> _See:
    def see(started_at: float, ended_at: float) -> tuple[int, Estimate | None, str]:
        track = whole.between(started_at, ended_at)
        return (len(track.value), *server_statistic(threshold, track))

    return see


def _of_load(threshold: Threshold, whole: Values) -> _See:
    def see(started_at: float, ended_at: float) -> tuple[int, Estimate | None, str]:
        # the whole phase counts every request, also one that was due before it or ended after it
        values = whole if threshold.window_s is None else whole.between(started_at, ended_at)
        count = len(values.values)
        return (count, *statistic_of(threshold, values.values, is_part=len(whole.values) > count))

    return see


def _worst(threshold: Threshold, stretches: Sequence[Observation]) -> Observation:
    seen = [stretch for stretch in stretches if stretch.observed is not None]
    missed = [stretch for stretch in seen if stretch.observed and not holds(threshold, stretch.observed.value)]
    unseen = [stretch for stretch in stretches if stretch.observed is None]
    if unseen and not missed:
        return replace(unseen[0], windows=len(stretches))
    worst = max(missed or seen, key=lambda stretch: _badness(threshold, stretch))
    return replace(worst, windows=len(stretches), missed=len(missed))


def _nothing(threshold: Threshold, phase: Phase, why: str) -> Observation:
    return Observation(
        threshold=threshold.text, phase=phase.name, started_at=0.0, ended_at=0.0, count=0, observed=None, why=why
    )


def _badness(threshold: Threshold, seen: Observation) -> float:
    value = seen.observed.value if seen.observed else 0.0
    return value if threshold.comparison.startswith("<") else -value


def stretches_of(window: Window, length_s: float) -> list[tuple[float, float]]:
    """Cut a phase into stretches of at least `length_s`, each beginning in the middle of the one before.

    They overlap, so that what is bad for a whole stretch is never seen in two halves only. A shorter phase is one.
    """
    duration_s = window.ended_at - window.started_at
    whole = max(1, int(duration_s / length_s + 1e-9))
    length = duration_s / whole
    begins = window.started_at + np.arange(2 * whole - 1) * length / 2
    return [(float(begin), float(begin + length)) for begin in begins]
