"""samples.parquet and points.parquet, written in row groups as rows come, in one step at the end."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 32_768  # per row group: enough to compress well, few enough to stay small while it fills
_TEXT = pa.dictionary(pa.int32(), pa.string())

SAMPLES = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("phase", _TEXT),
        ("scenario", _TEXT),
        ("route", _TEXT),
        ("method", _TEXT),
        ("status", pa.int16()),
        ("duration_s", pa.float64()),
        ("waiting_s", pa.float64()),
        ("start_delay_s", pa.float64()),
        ("error", _TEXT),
        ("extra_poll", pa.bool_()),
        ("request_id", pa.string()),
    ]
)
POINTS = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("phase", _TEXT),
        ("scenario", _TEXT),
        ("metric", _TEXT),
        ("value", pa.float64()),
        ("labels", _TEXT),
        ("request_id", pa.string()),
    ]
)


class Table:
    """A Parquet file under construction: rows gather in a plain list, and leave it in row groups.

    What many rows share (a *kind*: phase, route, status and so on) is given once and named by a number, since looking
    six columns up per row would cost more than everything else. As a context manager it replaces `path` when its block
    ends well; otherwise the old file stays and the draft is removed. Rows whose own columns do not have the type of
    their column are left out and counted in `damaged`.
    """

    def __init__(self, path: Path, schema: pa.Schema, *, own: Sequence[str]) -> None:
        self._path = path
        self._draft = path.with_name(path.name + ".part")
        self._schema = schema
        self._own = tuple(own)
        self._shared: dict[str, list[Any]] = {name: [] for name in schema.names if name not in own}
        self._writer = pq.ParquetWriter(self._draft, schema, compression="zstd", use_dictionary=_dictionaries(schema))
        self.rows: list[tuple[Any, ...]] = []
        """Rows to be written: the number of a kind, then the own columns in their order."""
        self.written = 0
        self.damaged = 0

    def kind(self, **shared: Any) -> int:
        """Give the number of a new kind of row."""
        for name, values in self._shared.items():
            values.append(shared[name])
        return len(next(iter(self._shared.values()))) - 1

    def flush_if_full(self) -> None:
        """Write a row group when there are rows enough for one."""
        if len(self.rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        try:
            self._write(self.rows)
        except pa.ArrowInvalid:  # a time that is none, or text that is no UTF-8
            whole = [row for row in self.rows if self._fits(row)]
            self.damaged += len(self.rows) - len(whole)
            self._write(whole)
        self.rows.clear()

    def _fits(self, row: tuple[Any, ...]) -> bool:
        try:
            self._columns([row])
        except pa.ArrowInvalid:
            return False
        return True

    def _write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._writer.write_table(self._columns(rows))
            self.written += len(rows)

    def _columns(self, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
        numbers, *own = zip(*rows, strict=True)
        kinds = pa.array(numbers, pa.int32())
        columns = {n: _column(v, self._schema.field(n).type) for n, v in zip(self._own, own, strict=True)}
        for name, values in self._shared.items():
            columns[name] = _spread(values, kinds, self._schema.field(name).type)
        return pa.table([columns[name] for name in self._schema.names], schema=self._schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._flush()
            self._writer.close()
            if error is None:
                self._draft.replace(self._path)
        finally:
            self._draft.unlink(missing_ok=True)


def _dictionaries(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


def _column(values: Sequence[Any], to: pa.DataType) -> pa.Array:
    if not pa.types.is_timestamp(to):
        return pa.array(values, to)
    return pa.array(values, pa.string()).cast(pa.timestamp("ns", tz="UTC")).cast(to, safe=False)


def _spread(values: Sequence[Any], kinds: pa.Array, to: pa.DataType) -> pa.Array:
    """One value per row, from one value per kind of row."""
    if not pa.types.is_dictionary(to):
        return pa.array(values, to).take(kinds)
    encoded = pa.array(values, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(kinds), encoded.dictionary).cast(to)


def samples_table(path: Path) -> Table:
    """Begin a samples.parquet; own columns are time (RFC 3339), duration_s, waiting_s, start_delay_s, request_id."""
    return Table(path, SAMPLES, own=("time", "duration_s", "waiting_s", "start_delay_s", "request_id"))


def points_table(path: Path) -> Table:
    """Begin a points.parquet; own columns are time (RFC 3339), value, request_id."""
    return Table(path, POINTS, own=("time", "value", "request_id"))
