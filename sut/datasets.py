"""Uploaded tables as they are stored."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from service_kit import trace
from service_kit.csv_columns import Column, NotATableError, read_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSummary:
    """What is known of a column without its cells."""

    name: str
    numeric: bool
    empty: int
    constant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An upload that is a table; `sha256` is of the bytes as they came."""

    csv: str
    sha256: str
    rows: int
    columns: tuple[ColumnSummary, ...]

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Understand an upload. Raises NotATableError, also where no column is numeric."""
        csv = _text(data)
        columns = read_columns(csv)
        if all(column.numbers is None for column in columns):
            raise NotATableError("no column is numeric")
        return cls(
            csv=csv,
            sha256=hashlib.sha256(data).hexdigest(),
            rows=columns[0].rows,
            columns=tuple(_summary(column) for column in columns),
        )


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotATableError(f"byte {error.start + 1} is not UTF-8") from error


def _summary(column: Column) -> ColumnSummary:
    numeric = column.numbers is not None
    return ColumnSummary(name=column.name, numeric=numeric, empty=column.empty, constant=numeric and column.constant)


def why_not_learnable(columns: Sequence[ColumnSummary], target: str) -> str | None:
    """Why no model of `target` can be made from the other columns, in a sentence; None where it can."""
    found = next((column for column in columns if column.name == target), None)
    if found is None:
        return f"there is no column {target!r}"
    if not found.numeric:
        return f"the target {target!r} is not numeric"
    if found.empty:
        return f"the target {target!r} has empty cells"
    if found.constant:
        return f"the target {target!r} is the same in every row"
    if not any(column.numeric for column in columns if column is not found):
        return f"no numeric column is left beside the target {target!r}"
    return None


class Datasets:
    """The collection of tables. The same bytes of the same user are one dataset, however often they are uploaded."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def add(self, user_id: str, table: Table) -> str:
        """Store a table, and give the dataset's id."""
        # the id says that it is the same, so no index is needed and an upload can be repeated safely
        dataset_id = hashlib.sha256(f"{user_id}:{table.sha256}".encode()).hexdigest()[:32]
        document = {"_id": dataset_id, "userId": user_id, "createdAt": datetime.now(UTC), **asdict(table)}
        try:
            await self._collection.insert_one(document, comment=trace.request_id())
        except DuplicateKeyError:
            return dataset_id
        return dataset_id

    async def columns(self, dataset_id: str, user_id: str) -> tuple[ColumnSummary, ...] | None:
        """A dataset's columns; None where the user has no such dataset."""
        mine = {"_id": dataset_id, "userId": user_id}
        found = await self._collection.find_one(mine, {"columns": 1}, comment=trace.request_id())
        return tuple(ColumnSummary(**column) for column in found["columns"]) if found else None

    async def csv(self, dataset_id: str) -> str | None:
        """A dataset's text; None where it is gone."""
        found = await self._collection.find_one({"_id": dataset_id}, {"csv": 1}, comment=trace.request_id())
        return str(found["csv"]) if found else None
