"""The noise of a machine: how much the same load, driven again and again, differs from itself.

Of n repeats the standard deviation of the logarithm of a figure tells by how much two single runs differ: with 95 %
confidence their ratio lies within exp(t * sd * sqrt(2)), t being Student's quantile with n - 1 degrees of freedom
(Jain, "The Art of Computer Systems Performance Analysis", 1991, chapter 13; logarithms, since latency errs by ratios).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lab.model import Analysis, NoiseFigure, PhaseKind

# Student's t at 97.5 % by degrees of freedom
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip

MAX_REPEATS = len(_T) + 1


def noise_figures(analysis: Analysis) -> tuple[NoiseFigure, ...]:
    """Give the noise of every figure that each sustain phase of a run has: these phases are the repeats."""
    phases = [window.phase for window in analysis.windows if window.kind == PhaseKind.SUSTAIN]
    found = [_figure(name, unit, values) for name, unit, values in _values(analysis, phases)]
    return tuple(figure for figure in found if figure is not None)


def _values(analysis: Analysis, phases: Sequence[str]) -> Iterator[tuple[str, str, list[float]]]:
    cells = {c.phase: c.latency for c in analysis.latencies if c.scenario is None and c.route is None}
    for name in ("p50_s", "p95_s", "p99_s", "mean_s"):
        estimates = [getattr(cells[phase], name) for phase in phases if phase in cells]
        yield name.removesuffix("_s"), "s", [estimate.value for estimate in estimates if estimate is not None]
    for service in sorted({usage.service for usage in analysis.usage}):
        used = [u.cpu_s_per_request for u in analysis.usage if u.service == service and u.phase in phases]
        yield f"CPU per request of {service}", "s", [value for value in used if value is not None]


def _figure(name: str, unit: str, values: Sequence[float]) -> NoiseFigure | None:
    if not 3 <= len(values) <= MAX_REPEATS or min(values) <= 0:
        return None
    logs = np.log(values)
    spread = float(logs.std(ddof=1))
    return NoiseFigure(
        name=name,
        unit=unit,
        mean=float(np.mean(values)),
        variation=float(np.std(values, ddof=1) / np.mean(values)),
        smallest_change=math.exp(_T[len(values) - 2] * spread * math.sqrt(2)) - 1,
    )
