"""The slowest requests of each phase, with what the services say of their way."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lab.analysis.columns import texts_at
from lab.analysis.phases import watched
from lab.analysis.samples import Samples
from lab.model import Evidence, SlowRequest

PER_PHASE = 3


def slowest(evidence: Evidence, samples: Samples) -> tuple[SlowRequest, ...]:
    """Give PER_PHASE requests per phase that is no warm-up, the slowest first; of a phase in steps, over all steps."""
    names = [phase.name for phase in watched(evidence.plan)]
    rows = {name: _rows(evidence, samples, name) for name in names}
    every = np.concatenate([*rows.values(), np.zeros(0, np.int64)])
    ids = dict(zip(every.tolist(), texts_at(samples.path, "request_id", every), strict=True))
    inside = _inside(evidence.log_index, [each for each in ids.values() if each])
    return tuple(_requests(samples, rows, ids, inside))


def _rows(evidence: Evidence, samples: Samples, phase: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    drives = {window.name for window in evidence.windows if window.phase == phase}
    codes = [code for code, name in enumerate(samples.phase.names) if name in drives]
    mine = np.flatnonzero(np.isin(samples.phase.codes, codes))
    return mine[np.argsort(-samples.duration_s[mine], kind="stable")[:PER_PHASE]]


def _inside(index: Path | None, request_ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Give the longest duration that each service tells of each request."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    if index is None or not index.exists() or not request_ids:
        return found
    wanted = pc.field("request_id").isin(list(request_ids)) & pc.field("duration_s").is_valid()
    table = pq.read_table(index, columns=["service", "request_id", "duration_s"], filters=wanted)
    for row in table.to_pylist():
        of_request = found[row["request_id"]]
        of_request[row["service"]] = max(row["duration_s"], of_request.get(row["service"], 0.0))
    return found


def _requests(
    samples: Samples,
    rows: "Mapping[str, np.ndarray[tuple[int], np.dtype[np.int64]]]",
    ids: Mapping[int, str],
    inside: Mapping[str, Mapping[str, float]],
) -> Iterator[SlowRequest]:
    for phase, mine in rows.items():
        for row in mine.tolist():
            took = float(samples.duration_s[row])
            yield SlowRequest(
                phase=phase,
                scenario=samples.scenario.name(int(samples.scenario.codes[row])),
                route=samples.route.name(int(samples.route.codes[row])),
                status=int(samples.status[row]),
                started_at=float(samples.time[row]) - took,
                duration_s=took,
                request_id=ids[row],
                inside=tuple(sorted(inside.get(ids[row], {}).items(), key=lambda each: -each[1])),
            )
