"""A CSV as features and a target."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_core_stub.jobs import TableError
from service_kit.csv_columns import Column, NotATableError, read_columns

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`features` is rows x names, with NaN for empty cells; `target` has one finite number per row."""

    names: tuple[str, ...]
    features: Floats
    target: Floats


def read_table(csv: str, target: str) -> Table:
    """The numeric columns of `csv`. Raises TableError where there is nothing to learn."""
    try:
        columns = read_columns(csv)
    except NotATableError as error:
        raise TableError(str(error)) from error
    learned = _target(columns, target)
    features = [column for column in columns if column.numbers is not None and column.name != target]
    if not features:
        raise TableError("no numeric column is left beside the target")
    return Table(
        names=tuple(column.name for column in features),
        features=np.array([column.numbers for column in features], dtype=np.float64).T.copy(),
        target=learned,
    )


def _target(columns: tuple[Column, ...], name: str) -> Floats:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise TableError(f"there is no column {name!r}")
    if found.numbers is None:
        raise TableError(f"the target {name!r} is not numeric")
    if found.empty:
        raise TableError(f"the target {name!r} has empty cells")
    if found.constant:
        raise TableError(f"the target {name!r} is the same in every row")
    return np.array(found.numbers, dtype=np.float64)
