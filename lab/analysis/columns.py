"""The Parquet files of a run as numpy columns: texts as codes into a tuple of names, times as epoch seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lab.analysis.quantiles import Bools, Floats

Codes = npt.NDArray[np.int32]
NONE = -1
"""The code of a text that is not there."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts: `codes[i]` is the place of row i's text in `names`, or NONE."""

    codes: Codes
    names: tuple[str, ...]

    def name(self, code: int) -> str:
        """Give the text of a code; "" for NONE."""
        return "" if code == NONE else self.names[code]

    def equals(self, text: str) -> Bools:
        """Which rows hold this text."""
        code = self.names.index(text) if text in self.names else NONE - 1
        found: Bools = self.codes == code
        return found

    def __getitem__(self, rows: Any) -> "Texts":
        """Give some of the rows."""
        return Texts(self.codes[rows], self.names)


def read(path: Path, columns: list[str], rows: list[tuple[str, str, Any]] | None = None) -> dict[str, Any]:
    """Read columns: Texts for dictionaries, numpy arrays for the rest. An absent file gives {}.

    `rows` are conditions as pyarrow takes them, which every row that is given holds.
    """
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=columns, filters=rows)
    return {name: _column(table.column(name)) for name in columns}


def texts_at(path: Path, column: str, rows: npt.NDArray[np.int64]) -> list[str]:
    """Give the texts of a plain column in some rows; "" where there is none."""
    if not len(rows):
        return []
    taken = pq.read_table(path, columns=[column]).column(column).take(pa.array(rows))
    return [text or "" for text in taken.to_pylist()]


def groups(*columns: Codes) -> Iterator[tuple[tuple[int, ...], npt.NDArray[np.int64]]]:
    """Give each combination of codes that occurs, with its rows in their order."""
    if not columns or not len(columns[0]):
        return
    order = np.lexsort(columns[::-1])
    changed = np.zeros(len(order) - 1, dtype=bool)
    for column in columns:
        changed |= np.diff(column[order]) != 0
    for rows in np.split(order, np.flatnonzero(changed) + 1):
        yield tuple(int(column[rows[0]]) for column in columns), rows


def _column(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        whole = column.unify_dictionaries().combine_chunks()
        whole = whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
        codes = whole.indices.fill_null(NONE).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
        return Texts(codes, tuple(whole.dictionary.to_pylist()))
    if pa.types.is_timestamp(column.type):
        microseconds: Floats = column.cast(pa.int64()).to_numpy() / 1e6
        return microseconds
    return column.to_numpy()
