"""One request's way: the load generator's row of it, then what every service logged, in time order."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lab import rundir
from lab.collectors import logs
from lab.collectors.logs import LogLine
from lab.config.settings import Settings
from lab.errors import ConfigError
from lab.model import Environment
from lab.rundir import RunDir


def lines(
    settings: Settings,
    environment: Environment | None,
    *,
    run_name: str | None,
    request_id: str | None,
    service: str | None,
) -> list[LogLine]:
    """Give log lines in time order, those of one request or service where one is asked for.

    They come from the run that is named; else from the environment that runs; else from the latest run. A request that
    the environment's logs do not know is looked for in the latest run. Raises ConfigError for an unknown service.
    """
    if run_name or environment is None:
        return _of_run(rundir.find(settings.artifacts, run_name or "latest"), request_id, service)
    live = {s.name: s.log for s in environment.services if s.log is not None and s.log.exists()}
    found = _chosen(live, request_id, service)
    if not found and request_id and rundir.all_runs(settings.artifacts):
        return _of_run(rundir.find(settings.artifacts, "latest"), request_id, service)
    return found


def _of_run(run: RunDir, request_id: str | None, service: str | None) -> list[LogLine]:
    kept = {path.stem: path for path in sorted(run.logs.glob("*.jsonl"))}
    found = _chosen(kept, request_id, service)
    rows = _sent(run.samples, request_id) if request_id and service in {None, "k6"} else []
    return sorted([*rows, *found], key=_when)


def _chosen(paths: dict[str, Path], request_id: str | None, service: str | None) -> list[LogLine]:
    if service and service not in {*paths, "k6"}:
        raise ConfigError(f"no service {service!r} has a log here (there are: {', '.join(paths) or 'none'})")
    read = logs.read(path for name, path in paths.items() if service in {None, name})
    return logs.of_request(read, request_id) if request_id else _in_order(read)


def _in_order(read: Iterable[LogLine]) -> list[LogLine]:
    ordered: list[LogLine] = []
    last: dict[str, float] = {}
    for line in read:  # a line without a time (of a traceback, say) belongs behind the one before it
        last[line.service] = line.time if line.time is not None else last.get(line.service, 0.0)
        ordered.append(line._replace(time=last[line.service]))
    return sorted(ordered, key=_when)


def _when(line: LogLine) -> float:
    return line.time or 0.0


def _sent(samples: Path, request_id: str) -> list[LogLine]:
    if not samples.exists():
        return []
    table = pq.read_table(samples, filters=pc.field("request_id") == request_id)
    return [_row(row, request_id) for row in table.to_pylist()]


def _row(row: dict[str, object], request_id: str) -> LogLine:
    ended, took = row["time"], row["duration_s"]
    assert isinstance(ended, datetime)
    assert isinstance(took, float)
    started = ended.timestamp() - took
    fields = {
        "time": datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds"),
        "service": "k6",
        "requestId": request_id,
        **{name: row[name] for name in ("phase", "scenario", "route", "status", "error") if row[name] is not None},
        "duration_ms": round(took * 1000, 3),
        "waiting_ms": round(float(str(row["waiting_s"])) * 1000, 3),
    }
    return LogLine(started, "k6", fields, orjson.dumps(fields).decode())
