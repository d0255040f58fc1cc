"""Latency of requests per phase, scenario and route, and of all of them together."""

from collections.abc import Sequence

import numpy as np

from lab.analysis import columns
from lab.analysis.columns import Codes
from lab.analysis.quantiles import summarise
from lab.analysis.samples import Samples
from lab.model import RequestLatency


def request_latencies(samples: Samples) -> tuple[RequestLatency, ...]:
    """Summarise every cell: phase, phase and scenario, phase and route, and all three."""
    whole = np.full(len(samples.time), columns.NONE, np.int32)
    scenario, route = samples.scenario.codes, samples.route.codes
    levels: Sequence[tuple[Codes, Codes]] = ((whole, whole), (scenario, whole), (whole, route), (scenario, route))
    cells = [cell for level in levels for cell in _level(samples, *level)]
    return tuple(sorted(cells, key=lambda cell: (cell.phase, cell.scenario or "", cell.route or "")))


def _level(samples: Samples, scenarios: Codes, routes: Codes) -> list[RequestLatency]:
    failed = samples.failed
    return [
        RequestLatency(
            phase=samples.phase.name(phase),
            scenario=samples.scenario.name(scenario) or None,
            route=samples.route.name(route) or None,
            failed=int(failed[rows].sum()),
            latency=summarise(samples.duration_s[rows]),
        )
        for (phase, scenario, route), rows in columns.groups(samples.phase.codes, scenarios, routes)
    ]
