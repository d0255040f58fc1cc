"""What the scripts measured beside single requests: journeys, analyses, and durations that span requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.analysis import columns
from lab.analysis.columns import Texts
from lab.analysis.quantiles import Bools, Floats, summarise
from lab.model import AnalysisOutcome, PointSummary, labels_of

DURATIONS = ("iteration_duration", "analysis_duration", "upload_to_report", "ai_core_analyze")
_COLUMNS = ["time", "phase", "scenario", "metric", "value", "labels"]
_NO_TEXTS = Texts(np.zeros(0, np.int32), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One row per value of k6's other metrics. `time` is in epoch seconds; durations are in seconds."""

    path: Path
    time: Floats
    phase: Texts
    scenario: Texts
    metric: Texts
    value: Floats
    labels: Texts

    def has_label(self, label: str, value: str) -> Bools:
        """Which rows have this label with this value."""
        wanted = [code for code, text in enumerate(self.labels.names) if labels_of(text).get(label) == value]
        found: Bools = np.isin(self.labels.codes, wanted)
        return found

    def of(self, metric: str, phase: str) -> Bools:
        """Which rows are of this metric and phase."""
        return self.metric.equals(metric) & self.phase.equals(phase)


def read_points(path: Path) -> Points:
    """Read points.parquet; an absent file is a run without points."""
    found = columns.read(path, _COLUMNS)
    if found:
        return Points(path=path, **found)
    nothing = np.zeros(0)
    none = _NO_TEXTS
    return Points(path=path, time=nothing, phase=none, scenario=none, metric=none, value=nothing, labels=none)


def point_summaries(points: Points) -> tuple[PointSummary, ...]:
    """Summarise every duration per phase and labels; that of iterations per scenario, whose journeys differ."""
    return tuple(sorted(_summaries(points), key=lambda summary: (summary.phase, summary.metric, summary.labels)))


def _summaries(points: Points) -> Iterator[PointSummary]:
    iterations = points.metric.equals("iteration_duration")
    scenario = np.where(iterations, points.scenario.codes, columns.NONE)
    keys = (points.phase.codes, points.metric.codes, points.labels.codes, scenario)
    for (phase, metric, labels, of_scenario), rows in columns.groups(*keys):
        if points.metric.name(metric) not in DURATIONS:
            continue
        own = {"scenario": points.scenario.name(of_scenario)} if of_scenario != columns.NONE else {}
        yield PointSummary(
            phase=points.phase.name(phase),
            metric=points.metric.name(metric),
            labels=tuple(sorted({**labels_of(points.labels.name(labels)), **own}.items())),
            latency=summarise(points.value[rows]),
        )


def analysis_outcomes(points: Points) -> tuple[AnalysisOutcome, ...]:
    """Count how analyses ended, per phase, scenario and explainer."""
    keys = (points.phase.codes, points.scenario.codes, points.labels.codes)
    chosen = np.flatnonzero(points.metric.equals("analyses"))
    found = []
    for (phase, scenario, labels), rows in columns.groups(*(key[chosen] for key in keys)):
        named = labels_of(points.labels.name(labels))
        found.append(
            AnalysisOutcome(
                phase=points.phase.name(phase),
                scenario=points.scenario.name(scenario),
                explainer=named.get("explainer", ""),
                outcome=named.get("outcome", ""),
                count=round(float(points.value[chosen[rows]].sum())),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.phase, each.scenario, each.explainer, each.outcome)))
