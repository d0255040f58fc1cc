"""Which log lines are asked for: one request's way, one analysis', the slow or the bad ones, in time order.

The load generator's row of a request comes first, then what every service logged of it, then what the database's
profiler wrote down.
"""

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lab import rundir
from lab.analysis.complaints import complaints
from lab.collectors import log_index, logs
from lab.collectors.logs import LogLine
from lab.config.settings import Settings
from lab.errors import ConfigError
from lab.model import Complaint, Environment
from lab.rundir import RunDir


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What lines are wanted; everything that is given must hold. `slow_s` is how long what they tell of took.

    Of more lines than `last` the last ones are given; all of them where it is None.
    """

    request_id: str | None = None
    analysis_id: str | None = None
    service: str | None = None
    slow_s: float | None = None
    bad: bool = False
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The lines, in time order, and of what they complain, alike things together."""

    lines: tuple[LogLine, ...]
    complaints: tuple[Complaint, ...] = ()


def find(settings: Settings, environment: Environment | None, asked: Asked, *, run_name: str | None) -> Found:
    """Find log lines in the run that is named; else in the environment that runs; else in the latest run.

    A request or an analysis that the environment's logs do not know is looked for in the latest run. Raises ConfigError
    for an unknown service, RunDirError where there is no such run.
    """
    if run_name or environment is None:
        return _of_run(rundir.find(settings.artifacts, run_name or "latest"), asked)
    live = [s.log for s in environment.services if s.log is not None and s.log.exists()]
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.parquet"
        log_index.build(live, index)
        found = _chosen(live, index, asked, samples=None)
    is_one = asked.request_id or asked.analysis_id
    if not found.lines and is_one and rundir.all_runs(settings.artifacts):
        return _of_run(rundir.find(settings.artifacts, "latest"), asked)
    return found


def trails(run: RunDir, request_ids: Collection[str]) -> dict[str, tuple[LogLine, ...]]:
    """Give the lines of several requests of a run, those of each in time order; requests without any are left out."""
    files = _indexed(run)
    index = pq.read_table(run.log_index, filters=pc.field("request_id").isin(list(request_ids)))
    found: dict[str, list[LogLine]] = {}
    for line in sorted(_fetched(files, index), key=lambda line: line.time or 0.0):
        if line.request_id is not None:
            found.setdefault(line.request_id, []).append(line)
    return {request: tuple(lines) for request, lines in found.items()}


def _indexed(run: RunDir) -> list[Path]:
    """Give the logs of a run, whose index is there."""
    files = run.log_files()
    if not run.log_index.exists():
        log_index.build(files, run.log_index)
    return files


def _of_run(run: RunDir, asked: Asked) -> Found:
    files = _indexed(run)
    return _chosen(files, run.log_index, asked, samples=run.samples)


def _chosen(files: Sequence[Path], index: Path, asked: Asked, *, samples: Path | None) -> Found:
    table = pq.read_table(index)
    services = sorted({name for name in table["service"].unique().to_pylist() if name} | set(map(_stem, files)))
    if asked.service not in {None, "k6", *services}:
        raise ConfigError(f"no service {asked.service!r} has a log here (there are: {', '.join(services) or 'none'})")
    requests = _requests(table, asked)
    rows = table.filter(_wanted(table, asked, requests))
    sent = _sent(samples, asked, requests) if samples is not None and asked.service in {None, "k6"} else []
    shown = rows if asked.last is None else rows.take(pc.sort_indices(rows["time"])[-asked.last :])
    lines = sorted([*sent, *_fetched(files, shown)], key=lambda line: line.time or 0.0)
    if asked.last is not None:
        lines = lines[-asked.last :]
    return Found(lines=tuple(lines), complaints=complaints(rows) if asked.bad else ())


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def _requests(table: pa.Table, asked: Asked) -> list[str]:
    """Give the requests that are asked for, by their own ids or by that of the analysis that they led to."""
    if asked.analysis_id is None:
        return [] if asked.request_id is None else [asked.request_id]
    of_it = table.filter(pc.equal(table["analysis_id"], asked.analysis_id))["request_id"]
    known = {name for name in of_it.to_pylist() if name}
    return sorted(known if asked.request_id is None else known & {asked.request_id})


def _wanted(table: pa.Table, asked: Asked, requests: Sequence[str]) -> pa.ChunkedArray | pa.Array:
    wanted = pa.chunked_array([pa.array([True] * len(table))])
    if asked.request_id is not None or asked.analysis_id is not None:
        of_requests = pc.is_in(table["request_id"], value_set=pa.array(requests, type=pa.string()))
        of_analysis = pc.fill_null(pc.equal(table["analysis_id"], asked.analysis_id or ""), False)
        wanted = pc.or_(of_requests, of_analysis) if asked.analysis_id else of_requests
    if asked.service is not None:
        wanted = pc.and_(wanted, pc.equal(table["service"].cast(pa.string()), asked.service))
    if asked.slow_s is not None:
        wanted = pc.and_(wanted, pc.fill_null(pc.greater_equal(table["duration_s"], asked.slow_s), False))
    if asked.bad:
        wanted = pc.and_(wanted, pc.is_valid(table["complaint"]))
    return wanted


def _fetched(files: Sequence[Path], rows: pa.Table) -> list[LogLine]:
    """Read the lines that an index names; each has the time that the index gives it."""
    found = []
    numbers, names = rows["line"].to_pylist(), rows["file"].to_pylist()
    microseconds = rows["time"].cast(pa.int64()).to_pylist()
    for path in files:
        times = {n: us for n, name, us in zip(numbers, names, microseconds, strict=True) if name == path.name}
        left = len(times)
        for number, raw in enumerate(logs.raw_lines(path)):
            if not left:
                break
            if number in times:
                left -= 1
                if not raw:
                    continue  # `lab pack` has left it out
                line = logs.parse(raw.decode(errors="replace"), service=_stem(path))
                microsecond = times[number]
                found.append(line._replace(time=None if microsecond is None else microsecond / 1e6))
    return found


def _sent(samples: Path, asked: Asked, requests: Sequence[str]) -> list[LogLine]:
    """Give the load generator's rows."""
    conditions = []
    if asked.request_id is not None or asked.analysis_id is not None:
        conditions.append(pc.field("request_id").isin(list(requests)))
    if asked.slow_s is not None:
        conditions.append(pc.field("duration_s") >= asked.slow_s)
    if asked.bad:
        conditions.append(pc.field("error").is_valid())
    if not conditions or not samples.exists():
        return []
    both = conditions[0]
    for condition in conditions[1:]:
        both &= condition
    return [_row(row) for row in pq.read_table(samples, filters=both).to_pylist()]


def _row(row: dict[str, Any]) -> LogLine:
    ended, took = row["time"], row["duration_s"]
    assert isinstance(ended, datetime)
    started = ended.timestamp() - took
    fields = {
        "time": datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds"),
        "service": "k6",
        "requestId": row["request_id"],
        **{name: row[name] for name in ("phase", "scenario", "route", "status", "error") if row[name] is not None},
        "duration_ms": round(took * 1000, 3),
        "waiting_ms": round(row["waiting_s"] * 1000, 3),
    }
    return LogLine(started, "k6", fields, orjson.dumps(fields).decode())
