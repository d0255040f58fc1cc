import hashlib

import pytest

from service_kit.csv_columns import NotATableError
from sut.datasets import ColumnSummary, Table, why_not_learnable

LINES = "".join(f"{i},town,{i % 2 or ''}\n" for i in range(12))


def a_column(name: str, *, numeric: bool = True, empty: int = 0, constant: bool = False) -> ColumnSummary:
    return ColumnSummary(name=name, numeric=numeric, empty=empty, constant=constant)


def test_a_table_knows_its_columns_and_the_hash_of_its_bytes() -> None:
    data = f"a,place,b\n{LINES}".encode()
    table = Table.read(data)
    assert table.rows == 12
    assert table.sha256 == hashlib.sha256(data).hexdigest()
    assert table.columns == (a_column("a"), a_column("place", numeric=False), a_column("b", empty=6, constant=True))


def test_a_table_without_a_number_is_none() -> None:
    with pytest.raises(NotATableError, match="no column is numeric"):
        Table.read(b"a,b\n" + b"x,y\n" * 12)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ((a_column("x"), a_column("y")), None),
        ((a_column("x", constant=True), a_column("y")), None),
        ((a_column("x", empty=3), a_column("y")), None),
        ((a_column("x"), a_column("z")), "there is no column 'y'"),
        ((a_column("x"), a_column("y", numeric=False)), "the target 'y' is not numeric"),
        ((a_column("x"), a_column("y", empty=1)), "the target 'y' has empty cells"),
        ((a_column("x"), a_column("y", constant=True)), "the target 'y' is the same in every row"),
        ((a_column("x", numeric=False), a_column("y")), "no numeric column is left beside the target 'y'"),
        ((a_column("y"),), "no numeric column is left beside the target 'y'"),
    ],
)
def test_a_target_is_learnable_or_there_is_a_reason(columns: tuple[ColumnSummary, ...], why: str | None) -> None:
    assert why_not_learnable(columns, "y") == why
