"""A run's series as OpenMetrics text, which `promtool tsdb create-blocks-from openmetrics` turns into blocks.

The text has what the collectors saw, each series with the label `run`, and what k6 measured under the names and labels
of its own remote write: counters per second, and durations as classic histograms, since the text format knows no
native ones.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lab.analysis import columns
from lab.analysis.columns import Texts
from lab.analysis.quantiles import Floats
from lab.model import labels_of, series_name

EDGES_S = 0.0005 * 1.25 ** np.arange(54)
"""Upper edges of the buckets of durations: from half a millisecond to over a minute, each a quarter above the last."""

_ROWS = 200_000
_COUNTED = ("dropped_iterations", "analyses", "journeys")
_TIMED = ("iteration_duration", "analysis_duration", "upload_to_report", "ai_core_analyze", "start_delay")
_GAUGES = ("vus", "vus_max")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
Ints = npt.NDArray[np.int64]


def write(to: Path, run_id: str, *, series: Mapping[str, Path], samples: Path, points: Path, step_s: int = 1) -> None:
    """Write the text, gzipped, replacing `to` in one step.

    `series` maps a collector's name to its Parquet file, `samples` and `points` are the run's tables (see
    docs/run-directory.md); files that are absent give nothing. Each series has a value every `step_s` seconds at most.
    Raises OSError.
    """
    draft = to.with_name(to.name + ".part")
    seen = (_of_collector(name, path, run_id, step_s) for name, path in sorted(series.items()))
    measured = (_of_requests(samples, run_id, step_s), _of_points(points, run_id, step_s))
    with draft.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
        for lines in chain(*seen, *measured, [b"# EOF\n"]):
            packed.write(lines)
    draft.replace(to)


# --------------------------------------------------------------------------------------------------- what the lab saw


def _of_collector(collector: str, path: Path, run_id: str, step_s: int) -> Iterator[bytes]:
    if not path.exists():
        return
    last = -1
    for whole in pq.ParquetFile(path).iter_batches(batch_size=_ROWS):
        batch = whole if step_s == 1 else whole.filter(_every(step_s, whole.column("time")))
        metrics, labels = (batch.column(name).dictionary_encode() for name in ("metric", "labels"))
        names, texts = metrics.dictionary.to_pylist(), labels.dictionary.to_pylist()
        keys = _codes(metrics) * (len(texts) + 1) + _codes(labels)
        milliseconds = batch.column("time").cast(pa.int64()).to_numpy() // 1000
        order = _in_order(keys, milliseconds, after=last)
        last = max(last, int(milliseconds.max(initial=last)))
        found, places = np.unique(keys[order], return_inverse=True)
        pairs = (divmod(int(key), len(texts) + 1) for key in found)
        heads = [_head(series_name(collector, names[m]), {**labels_of(texts[t]), "run": run_id}) for m, t in pairs]
        named = pa.array(heads, type=pa.string()).take(pa.array(places))
        rows = batch.take(pa.array(order))
        yield _lines(named, rows.column("value"), rows.column("time").cast(pa.int64()))


def _in_order(keys: Ints, milliseconds: Ints, *, after: int) -> Ints:
    """Give the rows series by series, each in the order of its times, without those that a clock set back repeats."""
    order = np.lexsort((milliseconds, keys))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(keys[order]) != 0) | (np.diff(milliseconds[order]) != 0)
    rows: Ints = order[is_new & (milliseconds[order] >= after)]  # a tick may lie in two batches
    return rows


def _every(step_s: int, times: pa.Array) -> pa.Array:
    seconds = np.floor(times.cast(pa.int64()).to_numpy() / 1e6).astype(np.int64)
    return pa.array(seconds % step_s == 0)


def _codes(column: pa.DictionaryArray) -> Ints:
    codes: Ints = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _head(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _lines(heads: pa.Array | str, values: Any, microseconds: Any) -> bytes:
    """Give a line per value; Prometheus keeps milliseconds."""
    texts = pc.cast(pa.array(values, type=pa.float64()), pa.string())
    whole = pc.divide(pa.array(microseconds, type=pa.int64()), 1000)
    seconds = pc.cast(pc.divide(pc.cast(whole, pa.float64()), 1000.0), pa.string())
    first = pa.scalar(heads) if isinstance(heads, str) else heads
    joined = pc.binary_join_element_wise(first, texts, seconds, " ")
    return ("\n".join(joined.to_pylist()) + "\n").encode() if len(joined) else b""


# ------------------------------------------------------------------------------------------------- what k6 measured


def _of_requests(samples: Path, run_id: str, step_s: int) -> Iterator[bytes]:
    table = columns.read(samples, ["time", "phase", "scenario", "route", "method", "status", "duration_s"])
    if not table:
        return
    named = {"phase": table["phase"], "scenario": table["scenario"], "name": table["route"]}
    by_status = [*(texts.codes for texts in (*named.values(), table["method"])), table["status"].astype(np.int32)]
    for codes, rows in columns.groups(*by_status):
        labels = _labels(named, codes, run_id) | {
            "method": table["method"].name(codes[3]),
            "status": str(codes[4]),
        }
        yield _counter("k6_http_reqs_total", labels, table["time"][rows], step_s=step_s)
    for codes, rows in columns.groups(*(texts.codes for texts in named.values())):
        labels = _labels(named, codes, run_id)
        times, values = table["time"][rows], table["duration_s"][rows]
        yield from _histogram("k6_http_req_duration_seconds", labels, times, values, step_s)


def _of_points(points: Path, run_id: str, step_s: int) -> Iterator[bytes]:
    table = columns.read(points, ["time", "phase", "scenario", "metric", "value", "labels"])
    if not table:
        return
    named = {"phase": table["phase"], "scenario": table["scenario"]}
    of_series = (table["metric"].codes, table["labels"].codes, *(texts.codes for texts in named.values()))
    for (metric_code, label_code, *codes), rows in columns.groups(*of_series):
        metric = table["metric"].name(metric_code)
        labels = _labels(named, codes, run_id) | labels_of(table["labels"].name(label_code))
        times, values = table["time"][rows], table["value"][rows]
        if metric in _COUNTED:
            yield _counter(f"k6_{metric}_total", labels, times, values, step_s=step_s)
        elif metric in _GAUGES:
            yield _gauge(f"k6_{metric}", labels, times, values)
        elif metric in _TIMED:
            yield from _histogram(f"k6_{metric}_seconds", labels, times, values, step_s)
        if metric == "iteration_duration":
            yield _counter("k6_iterations_total", labels, times, step_s=step_s)


def _labels(named: Mapping[str, Texts], codes: Iterable[int], run_id: str) -> dict[str, str]:
    values = {name: texts.name(code) for (name, texts), code in zip(named.items(), codes, strict=False)}
    return {"testid": run_id, **{name: value for name, value in values.items() if value}}


def _seconds(times: Floats) -> tuple[float, Ints]:
    """Give the second that the first of some times lies in, and the number of the second of each, from 0."""
    begin = float(np.floor(times.min()))
    return begin, np.floor(times - begin).astype(np.int64)


def _running(head: str, begin: float, per_second: Floats, step_s: int) -> bytes:
    """Give the lines of a counter: 0 at its begin, then what has come together every `step_s` and at the end."""
    total = np.concatenate([[0.0], np.cumsum(per_second)])
    kept = np.unique(np.append(np.arange(0, len(total), step_s), len(total) - 1))
    return _lines(head, total[kept], ((begin + kept) * 1e6).astype(np.int64))


def _counter(
    name: str, labels: Mapping[str, str], times: Floats, values: Floats | None = None, *, step_s: int
) -> bytes:
    begin, seconds = _seconds(times)
    return _running(_head(name, labels), begin, np.bincount(seconds, weights=values).astype(np.float64), step_s)


def _gauge(name: str, labels: Mapping[str, str], times: Floats, values: Floats) -> bytes:
    order = np.argsort(times, kind="stable")
    milliseconds, firsts = np.unique((times[order] * 1e3).astype(np.int64), return_index=True)
    return _lines(_head(name, labels), values[order][firsts], milliseconds * 1000)


def _histogram(name: str, labels: Mapping[str, str], times: Floats, values: Floats, step_s: int) -> Iterator[bytes]:
    """Give the buckets that something lies in, the one below the first (where a quantile is looked for) and +Inf."""
    begin, seconds = _seconds(times)
    count = int(seconds.max()) + 1
    buckets = np.searchsorted(EDGES_S, values, side="left")
    lowest, highest = max(0, int(buckets.min()) - 1), min(int(buckets.max()), len(EDGES_S) - 1)
    for bucket in range(lowest, highest + 1):
        inside = np.bincount(seconds[buckets <= bucket], minlength=count).astype(np.float64)
        yield _running(_head(f"{name}_bucket", {**labels, "le": f"{EDGES_S[bucket]:.6g}"}), begin, inside, step_s)
    every = np.bincount(seconds, minlength=count).astype(np.float64)
    yield _running(_head(f"{name}_bucket", {**labels, "le": "+Inf"}), begin, every, step_s)
    yield _running(_head(f"{name}_count", labels), begin, every, step_s)
    sums = np.bincount(seconds, weights=values, minlength=count).astype(np.float64)
    yield _running(_head(f"{name}_sum", labels), begin, sums, step_s)
