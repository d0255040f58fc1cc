"""What is a dataset and what is not: POST /datasets, at a real backend."""

import hashlib
from typing import Any

import httpx
import pytest

from tests.service_kit.running_service import Running
from tests.sut.conftest import StartBackend
from tests.sut.user import User, a_table

pytestmark = pytest.mark.e2e

ROWS = "\n".join(f"{i},{i * i}" for i in range(12))


def test_a_csv_body_is_stored(user: User) -> None:
    table = a_table(rows=20, features=3)
    answer = user.upload(table)
    assert answer.status_code == 201
    assert answer.json() == {
        "datasetId": answer.json()["datasetId"],
        "rows": 20,
        "columns": 4,
        "sha256": hashlib.sha256(table).hexdigest(),
    }


def test_a_file_of_a_form_is_the_same_dataset(user: User) -> None:
    as_file = user.post("/datasets", files={"file": ("table.csv", a_table(), "text/csv")}, data={"note": "mine"})
    assert as_file.status_code == 201
    assert as_file.json() == user.upload(a_table()).json()


def test_the_same_bytes_of_two_users_are_two_datasets(user: User, stranger: User) -> None:
    assert user.dataset() == user.dataset()
    assert user.dataset() != stranger.dataset()


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(user: User) -> None:
    table = b"\xef\xbb\xbf" + a_table(rows=20).replace(b"\n", b"\r\n")
    assert user.upload(table).json()["rows"] == 20
    assert user.analyze(user.dataset(table), target="x0").status_code == 202


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "there is nothing in it"),
        ("\n\n", "there is nothing in it"),
        ("a,b\n", "it has 0 rows, and needs at least 10"),
        ("a,b\n" + "1,2\n" * 9, "it has 9 rows"),
        (f"a,b\n{ROWS}\n1,2,3\n", "row 13 has 3 cells, and the first line names 2 columns"),
        (f"a,a\n{ROWS}", "two columns are named 'a'"),
        (f"a,\n{ROWS}", "column 2 has no name"),
        (ROWS, "numbers where the columns' names should be"),
        ("a,b\n" + "x,y\n" * 12, "no column is numeric"),
        (f'a,b\n{ROWS}\n"1,2', "the text is no CSV"),
        (b"a,b\n\xff\xfe", "byte 5 is not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(user: User, table: str | bytes, says: str) -> None:
    answer = user.upload(table if isinstance(table, bytes) else table.encode())
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": a_table()}, 415),
        ({"json": {"csv": "a,b"}}, 415),
        ({"data": {"file": "a,b"}, "files": {"other": b"x"}}, 422),
        ({"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}}, 422),
        ({"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422),
    ],
)
def test_a_body_of_another_kind_is_refused(user: User, options: dict[str, Any], status: int) -> None:
    answer = user.post("/datasets", **options)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("beyond", [1, 20_000, 3_000_000])
def test_a_dataset_over_the_limit_is_refused_and_one_at_the_limit_is_not(
    start_backend: StartBackend, ai_core: Running, beyond: int
) -> None:
    limit = 20_000
    backend = start_backend(AI_CORE_URL=ai_core.url, SUT_BODY_LIMIT_BYTES=str(limit))
    table = a_table()
    full = table + b"\n" * (limit - len(table))
    with httpx.Client(base_url=backend.url, timeout=60) as client:
        user = User.registered(client)
        assert user.upload(full).status_code == 201
        assert user.post("/datasets", files={"file": full}).status_code == 201
        assert user.upload(full + b"\n" * beyond).status_code == 413
        assert user.post("/datasets", files={"file": full + b"\n" * beyond}).status_code == 413
        assert user.upload(full).status_code == 201
