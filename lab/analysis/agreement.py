"""k6 counts and measures too: its own figures of a phase must be the lab's."""

import math
from collections.abc import Iterator

import numpy as np

from lab.analysis.points import Points
from lab.analysis.quantiles import interpolated
from lab.analysis.samples import Samples
from lab.model import Doubt, DoubtKind, Evidence, SummaryFigures
from lab.threshold_metrics import QUANTILES

_RELATIVE = 1e-6
"""k6 prints milliseconds as decimals and adds them up in another order; more of a difference has another reason."""


def disagreements(evidence: Evidence, samples: Samples, points: Points) -> tuple[Doubt, ...]:
    """Give a doubt per phase whose figures differ; it forbids a verdict, since nobody knows which are true."""
    return tuple(
        doubt
        for window in evidence.windows
        if window.name not in evidence.truncated
        for doubt in _phase(window.name, evidence.summaries.get(window.name), samples, points)
    )


def _phase(phase: str, theirs: SummaryFigures | None, samples: Samples, points: Points) -> Iterator[Doubt]:
    if theirs is None:
        yield Doubt(
            kind=DoubtKind.NO_SUMMARY,
            what="k6 left no summary",
            why="its counts and percentiles cannot be held against the lab's",
            remedy="let the run come to its end; read the phase's log under load/",
            phase=phase,
        )
        return
    differing = list(_differences(theirs, own_figures(phase, samples, points)))
    if differing:
        yield Doubt(
            kind=DoubtKind.DISAGREEMENT,
            what="k6's own figures differ from the lab's",
            why="; ".join(differing),
            remedy="keep load/ of this run and report it: one of the two counts wrong",
            invalidates=True,
            phase=phase,
        )


def own_figures(phase: str, samples: Samples, points: Points) -> SummaryFigures:
    """Compute, from samples and points, the figures that k6 gives of a phase."""
    rows = samples.phase.equals(phase)
    ordered = np.sort(samples.duration_s[rows])
    empty = not len(ordered)
    percentiles = {f"{name}_s": None if empty else interpolated(ordered, q) for name, q in QUANTILES.items()}
    return SummaryFigures(
        requests=len(ordered),
        failed=int(samples.failed[rows].sum()),
        iterations=int(points.of("iteration_duration", phase).sum()),
        dropped_iterations=round(float(points.value[points.of("dropped_iterations", phase)].sum())),
        mean_s=None if empty else float(ordered.mean()),
        max_s=None if empty else float(ordered[-1]),
        **percentiles,
    )


def _differences(theirs: SummaryFigures, own: SummaryFigures) -> Iterator[str]:
    for name in ("requests", "failed", "iterations", "dropped_iterations"):
        if getattr(theirs, name) != getattr(own, name):
            yield f"{name}: {getattr(theirs, name)} by k6, {getattr(own, name)} by the lab"
    for name in ("mean_s", "max_s", *(f"{quantile}_s" for quantile in QUANTILES)):
        k6, lab = getattr(theirs, name), getattr(own, name)
        if (k6 is None) != (lab is None) or (k6 is not None and not math.isclose(k6, lab, rel_tol=_RELATIVE)):
            yield f"{name}: {k6} by k6, {lab} by the lab"
