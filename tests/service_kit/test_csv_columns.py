import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.csv_columns import MIN_ROWS, NotATableError, read_columns

ROWS = [[str(i), str(i * i)] for i in range(12)]


def text_of(header: list[str], rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([header, *rows])
    return stream.getvalue()


def numbers_of(cells: list[str]) -> list[float] | None:
    rows = [[cell] for cell in (cells * MIN_ROWS)[: max(MIN_ROWS, len(cells))]]
    column = read_columns(text_of(["name", "rest"], [[*row, "x"] for row in rows]))[0]
    return None if column.numbers is None else list(column.numbers)


def test_columns_have_their_names_and_numbers() -> None:
    first, second = read_columns(text_of([" a", "b "], ROWS))
    assert (first.name, second.name) == ("a", "b")
    assert list(second.numbers or ()) == [float(i * i) for i in range(12)]
    assert (first.rows, first.empty, first.constant) == (12, 0, False)


@pytest.mark.parametrize("cell", ["1", "-1.5", "+2", "1e3", " 7 ", ".5", "5."])
def test_this_is_a_number(cell: str) -> None:
    assert numbers_of([cell]) is not None


@pytest.mark.parametrize("cell", ["a", "1_000", "٣", "nan", "inf", "-Infinity", "0x10", "1,5", "1e999", "—"])
def test_this_is_none(cell: str) -> None:
    assert numbers_of(["1", cell]) is None


def test_an_empty_cell_is_a_gap_in_a_column_of_numbers_and_not_its_end() -> None:
    numbers = numbers_of(["1", "", "3"])
    assert numbers is not None
    assert math.isnan(numbers[1])
    assert numbers[2] == 3


def test_a_column_of_gaps_alone_has_no_numbers() -> None:
    assert numbers_of([""]) is None


def test_a_gap_does_not_make_a_constant_column_vary() -> None:
    rows = [["7" if i % 2 else "", "x"] for i in range(12)]
    column = read_columns(text_of(["a", "b"], rows))[0]
    assert (column.constant, column.empty) == (True, 6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing in it"),
        ("\n\r\n", "nothing in it"),
        (text_of(["a", "b"], ROWS[:9]), "has 9 rows, and needs at least 10"),
        (text_of(["a", "b"], [*ROWS, ["1"]]), "row 13 has 1 cells, and the first line names 2 columns"),
        (text_of(["a", "a"], ROWS), "two columns are named 'a'"),
        (text_of(["a", " a "], ROWS), "two columns are named 'a'"),
        (text_of(["a", " "], ROWS), "column 2 has no name"),
        (text_of(["1", "2.5"], ROWS), "numbers where the columns' names should be"),
        ('a,b\n"1', "no CSV"),
        ("a,b\n" + "x" * 200_000, "no CSV"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(NotATableError, match=says):
        read_columns(text)


@given(st.text())
def test_any_text_is_a_table_or_a_refusal(text: str) -> None:
    try:
        columns = read_columns(text)
    except NotATableError:
        return
    assert all(column.rows >= MIN_ROWS for column in columns)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=MIN_ROWS, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_finite_number_comes_back_as_it_was(numbers: list[float], end: str) -> None:
    column = read_columns(f"a{end}" + "".join(f"{number!r}{end}" for number in numbers))[0]
    assert list(column.numbers or ()) == numbers
