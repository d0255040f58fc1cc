"""CSV text as columns, by one rule of what is a number on both sides of an upload."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

MIN_ROWS = 10


class NotATableError(ValueError):
    """The text is no table that can be learned from; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: `numbers` has a float per row, NaN for an empty cell, or is None where a cell is no finite number."""

    name: str
    rows: int
    numbers: Sequence[float] | None
    empty: int

    @property
    def constant(self) -> bool:
        """Whether a numeric column is the same in every row that has a number."""
        return len({number for number in self.numbers or () if not math.isnan(number)}) <= 1


def read_columns(text: str) -> tuple[Column, ...]:
    """The columns of comma-separated `text` whose first line names them; blank lines do not count.

    Raises NotATableError for ragged rows, missing or repeated names, and fewer than MIN_ROWS rows.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise NotATableError(f"the text is no CSV: {error}") from error
    if not rows:
        raise NotATableError("there is nothing in it")
    header = [name.strip() for name in rows[0]]
    _check_header(header)
    _check_rows(rows, len(header))
    return tuple(_column(name, cells) for name, cells in zip(header, zip(*rows[1:], strict=True), strict=True))


def _check_header(header: list[str]) -> None:
    if not all(header):
        raise NotATableError(f"column {header.index('') + 1} has no name in the first line")
    if _is_row_of_numbers(header):
        raise NotATableError("the first line has numbers where the columns' names should be")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise NotATableError(f"two columns are named {twice[0][:80]!r}")


def _is_row_of_numbers(header: list[str]) -> bool:
    return _numbers(header) is not None


def _check_rows(rows: list[list[str]], width: int) -> None:
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != width:
            raise NotATableError(f"row {number} has {len(row)} cells, and the first line names {width} columns")
    if len(rows) - 1 < MIN_ROWS:
        raise NotATableError(f"it has {len(rows) - 1} rows, and needs at least {MIN_ROWS}")


def _column(name: str, cells: Sequence[str]) -> Column:
    return Column(name=name, rows=len(cells), numbers=_numbers(cells), empty=cells.count(""))


def _numbers(cells: Sequence[str]) -> list[float] | None:
    whole = "".join(cells)
    # float() takes 1_000 and digits of every script, which no other reader of CSV does
    if "_" in whole or not whole.isascii():
        return None
    try:
        given = [float(cell) for cell in cells if cell]
    except ValueError:
        return None
    if not all(map(math.isfinite, given)):
        return None
    if len(given) == len(cells):
        return given
    numbers = iter(given)
    return [next(numbers) if cell else math.nan for cell in cells] if given else None
