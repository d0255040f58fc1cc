"""Failed requests by kind, and the failed checks of requests that did not fail, each with a request that shows it."""

import numpy as np
import numpy.typing as npt

from lab.analysis import columns
from lab.analysis.points import Points
from lab.analysis.samples import Samples
from lab.model import ErrorCount, labels_of


def error_counts(samples: Samples, points: Points) -> tuple[ErrorCount, ...]:
    """Count them; the most frequent of a phase first."""
    failed = columns.texts_at(samples.path, "request_id", np.flatnonzero(samples.failed))
    found = [*_requests(samples), *_checks(points, [request_id for request_id in failed if request_id])]
    return tuple(sorted(found, key=lambda e: (e.phase, -e.count, e.scenario, e.route, e.kind)))


def _requests(samples: Samples) -> list[ErrorCount]:
    failed = np.flatnonzero(samples.failed)
    keys = (samples.phase.codes, samples.scenario.codes, samples.route.codes, samples.error.codes)
    grouped = list(columns.groups(*(key[failed] for key in keys)))
    examples = columns.texts_at(samples.path, "request_id", _firsts(failed, grouped))
    return [
        ErrorCount(
            phase=samples.phase.name(phase),
            scenario=samples.scenario.name(scenario),
            route=samples.route.name(route),
            kind=samples.error.name(error) or "unknown",
            count=len(rows),
            example_request_id=example,
        )
        for ((phase, scenario, route, error), rows), example in zip(grouped, examples, strict=True)
    ]


def _checks(points: Points, known: list[str]) -> list[ErrorCount]:
    """Count failed checks of requests that are not `known` to have failed: of those, the checks say nothing new."""
    failed = np.flatnonzero(points.metric.equals("checks"))
    failed = failed[~np.isin(columns.texts_at(points.path, "request_id", failed), known)]
    keys = (points.phase.codes, points.scenario.codes, points.labels.codes)
    grouped = list(columns.groups(*(key[failed] for key in keys)))
    examples = columns.texts_at(points.path, "request_id", _firsts(failed, grouped))
    return [
        ErrorCount(
            phase=points.phase.name(phase),
            scenario=points.scenario.name(scenario),
            route="",
            kind=f"check: {labels_of(points.labels.name(labels)).get('check', '')}",
            count=len(rows),
            example_request_id=example,
        )
        for ((phase, scenario, labels), rows), example in zip(grouped, examples, strict=True)
    ]


def _firsts(
    chosen: npt.NDArray[np.int64], grouped: list[tuple[tuple[int, ...], npt.NDArray[np.int64]]]
) -> npt.NDArray[np.int64]:
    return np.array([chosen[rows[0]] for _, rows in grouped], dtype=np.int64)
