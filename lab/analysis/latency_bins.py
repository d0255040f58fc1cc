"""Latency in bins of equal width on a logarithmic scale: distributions per scenario, and a heatmap over time."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lab.analysis.envelopes import Grid
from lab.analysis.quantiles import Floats
from lab.analysis.samples import Samples
from lab.model import Distribution, HeatCell, Heatmap, Window

PER_DECADE = 40
"""Bins of a distribution per factor of ten: each is 6 % wide."""

HEAT_PER_DECADE = 12
"""Rows of a heatmap per factor of ten: each is 21 % wide."""

_LEAST_S = 1e-5
"""What is shorter counts as this; k6's own clock has microseconds."""


def bins_of(durations_s: Floats, per_decade: int) -> npt.NDArray[np.int64]:
    """Give the bin of each duration: k for those from `10 ** (k / per_decade)` seconds on."""
    return np.floor(np.log10(np.maximum(durations_s, _LEAST_S)) * per_decade + 1e-9).astype(np.int64)


def distributions(samples: Samples, windows: Sequence[Window]) -> tuple[Distribution, ...]:
    """Give one per phase, and one per scenario in it where there are several; the steps of a phase count together."""
    return tuple(_distributions(samples, windows))


def _distributions(samples: Samples, windows: Sequence[Window]) -> Iterator[Distribution]:
    bins = bins_of(samples.duration_s, PER_DECADE)
    for phase in dict.fromkeys(window.phase for window in windows):
        drives = {window.name for window in windows if window.phase == phase}
        codes = [code for code, name in enumerate(samples.phase.names) if name in drives]
        of_phase = np.isin(samples.phase.codes, codes)
        scenarios = {samples.scenario.name(int(code)) for code in np.unique(samples.scenario.codes[of_phase])}
        if not scenarios:
            continue
        yield _counted(phase, "", bins[of_phase])
        for scenario in sorted(scenarios) if len(scenarios) > 1 else ():
            yield _counted(phase, scenario, bins[of_phase & samples.scenario.equals(scenario)])


def _counted(phase: str, scenario: str, bins: npt.NDArray[np.int64]) -> Distribution:
    first = int(bins.min())
    counts = np.bincount(bins - first)
    return Distribution(
        phase=phase, scenario=scenario, first=first, per_decade=PER_DECADE, counts=tuple(counts.tolist())
    )


def heatmap(samples: Samples, steps: Grid) -> Heatmap:
    """Give how many requests ended in each step with each latency."""
    rows = steps.within(samples.time)
    places, bins = steps.places(samples.time[rows]), bins_of(samples.duration_s[rows], HEAT_PER_DECADE)
    cells, counts = np.unique(np.column_stack([places, bins]), axis=0, return_counts=True)
    return Heatmap(
        started_at=steps.started_at,
        step_s=steps.step_s,
        per_decade=HEAT_PER_DECADE,
        cells=tuple(
            HeatCell(step=int(step), latency=int(latency), count=int(count))
            for (step, latency), count in zip(cells, counts, strict=True)
        ),
    )
