"""An index of a run's log lines: whose they are, how grave, how long, and on which line of which file they stand."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lab.collectors import logs
from lab.collectors.logs import LogLine

_CODES = pa.dictionary(pa.int32(), pa.string())
INDEX = pa.schema(
    [
        ("file", _CODES),
        ("line", pa.int32()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("service", _CODES),
        ("level", _CODES),
        ("request_id", pa.string()),
        ("analysis_id", pa.string()),
        ("status", pa.int16()),
        ("duration_s", pa.float64()),
        ("complaint", pa.string()),
    ]
)
_ROWS = 50_000


def collect(
    live: Mapping[str, Path], begins: Mapping[str, int], folder: Path, *, kept: Mapping[str, int] | None = None
) -> None:
    """Collect a run's log lines (see `logs.collect`) and index everything that is in the folder then."""
    logs.collect(live, begins, folder, kept=kept)
    build(sorted([*folder.glob(f"*{logs.SUFFIX}"), *folder.glob("*.jsonl")]), folder / "index.parquet")


def build(files: Sequence[Path], index: Path) -> None:
    """Index some logs into a Parquet file, replacing it in one step. Raises OSError."""
    draft = index.with_name(index.name + ".part")
    with pq.ParquetWriter(draft, INDEX, compression="zstd") as writer:
        for path in files:
            for batch in _batches(path):
                writer.write_table(batch)
    draft.replace(index)


def _batches(path: Path) -> Iterator[pa.Table]:
    service, rows = path.name.partition(".")[0], list[tuple[object, ...]]()
    last: float | None = None
    for number, raw in enumerate(logs.raw_lines(path)):
        line = logs.parse(raw.decode(errors="replace"), service=service)
        last = line.time if line.time is not None else last  # a line of a traceback belongs behind the one before it
        rows.append(_row(path.name, number, line, last))
        if len(rows) == _ROWS:
            yield _table(rows)
            rows = []
    if rows:
        yield _table(rows)


def _row(file: str, number: int, line: LogLine, time: float | None) -> tuple[object, ...]:
    microseconds = None if time is None else round(time * 1e6)
    whose = line.service, line.level, line.request_id, line.analysis_id
    return (file, number, microseconds, *whose, line.status, line.duration_s, line.complaint)


def _table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(column, type=pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array(column, type=pa.string() if pa.types.is_dictionary(field.type) else field.type).cast(field.type)
        for column, field in zip(columns, INDEX, strict=True)
    ]
    return pa.table(arrays, schema=INDEX)
