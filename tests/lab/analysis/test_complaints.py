"""Alike complaints are counted together, different ones stay apart."""

from collections.abc import Sequence

import pyarrow as pa

from lab.analysis.complaints import complaints
from lab.collectors.log_index import INDEX
from lab.model import Complaint


def an_index(rows: Sequence[tuple[float | None, str, int | None, str | None, str | None]]) -> pa.Table:
    """Of rows of time (s), service, status, request id and complaint."""
    columns = {
        "time": pa.array([None if row[0] is None else int(row[0] * 1e6) for row in rows], type=pa.int64()),
        "service": pa.array([row[1] for row in rows]),
        "status": pa.array([row[2] for row in rows], type=pa.int16()),
        "request_id": pa.array([row[3] for row in rows], type=pa.string()),
        "complaint": pa.array([row[4] for row in rows], type=pa.string()),
    }
    arrays = [columns.get(f.name, pa.nulls(len(rows), pa.string())).cast(f.type) for f in INDEX]
    return pa.table(arrays, schema=INDEX)


def found(*rows: tuple[float | None, str, int | None, str | None, str | None]) -> dict[str, int]:
    return {
        f"{each.service}: {each.template} {each.status or ''}".strip(): each.count
        for each in complaints(an_index(rows))
    }


def test_what_differs_only_in_numbers_ids_and_addresses_is_one() -> None:
    assert found(
        (1, "backend", None, None, "no answer after 3 s for a@b.org 65e6a1b2c3d4e5f607182930 from 127.0.0.1:8811"),
        (2, "backend", None, None, "no answer after 12.5 s for c.d@e.org 75e6a1b2c3d4e5f607182931 from 127.0.0.1:9"),
    ) == {"backend: no answer after <NUMBER> s for <EMAIL> <ID> from <ADDRESS>": 2}


def test_services_and_statuses_stay_apart() -> None:
    assert found(
        (1, "backend", 503, None, "request POST /analyze"),
        (2, "backend", 500, None, "request POST /analyze"),
        (3, "ai_core", 503, None, "request POST /analyze"),
        (4, "backend", 503, None, "request POST /analyze"),
    ) == {
        "backend: request POST /analyze 503": 2,
        "backend: request POST /analyze 500": 1,
        "ai_core: request POST /analyze 503": 1,
    }


def test_the_first_is_shown_and_the_first_that_names_a_request() -> None:
    (one,) = complaints(
        an_index(
            [
                (9, "b", None, "r-9", "late by 9 s"),
                (3, "b", None, None, "late by 3 s"),
                (5, "b", None, "r-5", "late by 5 s"),
            ]
        )
    )
    assert one == Complaint(
        service="b", template="late by <NUMBER> s", count=3, first_at=3.0, first="late by 3 s", request_id="r-5"
    )


def test_what_complains_of_nothing_does_not_count() -> None:
    assert found((1, "backend", 200, "r", None)) == {}


def test_a_complaint_without_a_time_counts() -> None:
    assert found((None, "backend", None, None, "the disk is full")) == {"backend: the disk is full": 1}
