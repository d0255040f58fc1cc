"""From the files of a run to what a report draws of it."""

from lab.analysis.envelopes import Grid, grid
from lab.analysis.latency_bins import distributions, heatmap
from lab.analysis.points import read_points
from lab.analysis.samples import read_samples
from lab.analysis.series import read_series
from lab.analysis.timeline import READ, timeline
from lab.analysis.values import Load
from lab.model import Curves, Evidence, PhaseKind, Window

MOST_STEPS = 1800
"""Points of a curve: about as many as a wide screen has columns."""

_CLOSE_STEPS = 400
_HEAT_STEPS = 240


def curves_of(evidence: Evidence) -> Curves:
    """Give what is drawn of a run. The same files give the same curves; a run that drove nothing gives empty ones."""
    load = Load(
        samples=read_samples(evidence.samples),
        points=read_points(evidence.points),
        scenario=evidence.scenario,
        deadline_s=evidence.plan.journeys.deadline_s,
    )
    series = {
        name: read_series(evidence.series[name], only=metrics)
        for name, metrics in READ.items()
        if name in evidence.series
    }
    windows = evidence.windows
    began = min((window.started_at for window in windows), default=0.0)
    ended = max((window.ended_at for window in windows), default=0.0)
    close_ups = [
        (window.phase, timeline(_steps_of(window), (window,), evidence, load, series))
        for window in windows
        if window.kind == PhaseKind.SPIKE
    ]
    return Curves(
        whole=timeline(grid(began, ended, most=MOST_STEPS), windows, evidence, load, series),
        distributions=distributions(load.samples, windows),
        heatmap=heatmap(load.samples, grid(began, ended, most=_HEAT_STEPS)),
        close_ups=tuple(close_ups),
    )


def _steps_of(window: Window) -> Grid:
    return grid(window.started_at, window.ended_at, most=_CLOSE_STEPS)
