"""Logs: what belongs to a run, what a line says of itself, and where it stands."""

import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lab.collectors import log_index, logs


def kept(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


def test_only_what_was_logged_since_the_run_began_is_kept(tmp_path: Path, folder: Path) -> None:
    live = {"backend": tmp_path / "backend.log", "ai_core": tmp_path / "ai_core.log"}
    live["backend"].write_text("before\n")
    begins = logs.ends(live)
    with live["backend"].open("a") as file:
        file.write('{"msg": "during"}\n')
    logs.collect(live, begins, folder)
    assert kept(folder / "backend.jsonl.gz") == '{"msg": "during"}\n'
    assert [path.name for path in folder.iterdir()] == ["backend.jsonl.gz"]


def test_a_resumed_run_keeps_the_lines_of_the_services_that_it_had_before(tmp_path: Path, folder: Path) -> None:
    live = {"backend": tmp_path / "backend.log"}
    live["backend"].write_text("first\n")
    logs.collect(live, {}, folder)
    before = logs.ends({"backend": folder / "backend.jsonl.gz"})
    live["backend"].write_text("second\n")
    for _ in range(2):  # a controller that was killed while it did so does it again
        logs.collect(live, {}, folder, kept=before)
    assert list(logs.raw_lines(folder / "backend.jsonl.gz")) == [b"first", b"second"]


def test_lines_longer_than_a_piece_that_is_read_stay_whole(tmp_path: Path, folder: Path) -> None:
    long = "x" * 3_000_000
    (tmp_path / "backend.log").write_text(f"{long}\nBearer abcdefghijkl\nthe last one has no end")
    logs.collect({"backend": tmp_path / "backend.log"}, {}, folder)
    lines = [line.decode() for line in logs.raw_lines(folder / "backend.jsonl.gz")]
    assert lines == [long, "Bearer ***", "the last one has no end"]


def test_of_a_file_that_was_cut_off_there_is_what_there_is(folder: Path) -> None:
    path = folder / "backend.jsonl.gz"
    whole = gzip.compress(b"".join(b"line %d of many\n" % n for n in range(100_000)))
    path.write_bytes(whole[: len(whole) // 2])
    lines = list(logs.raw_lines(path))
    assert 10_000 < len(lines) < 100_000
    assert lines[0] == b"line 0 of many"


def test_a_services_line_says_whose_it_is_how_grave_and_how_long() -> None:
    line = logs.parse(
        '{"time":"2026-01-01T00:00:01.500Z","level":"error","service":"backend","message":"request",'
        '"requestId":"r-1","analysisId":"a-1","route":"/analyze","method":"POST","status":503,"duration_ms":1500.5}',
        service="file",
    )
    assert (line.time, line.service, line.level) == (1767225601.5, "backend", "error")
    assert (line.request_id, line.analysis_id, line.status, line.duration_s) == ("r-1", "a-1", 503, 1.5005)
    assert line.complaint == "request POST /analyze"


def test_mongods_line_says_the_same_in_its_own_words() -> None:
    line = logs.parse(
        '{"t":{"$date":"2026-01-01T00:00:00.000+00:00"},"s":"W","msg":"Slow query",'
        '"attr":{"durationMillis":120,"command":{"comment":"r-2"}}}',
        service="mongo",
    )
    assert (line.time, line.service, line.level) == (1767225600.0, "mongo", "warning")
    assert (line.request_id, line.duration_s, line.complaint) == ("r-2", 0.12, "Slow query")


def test_a_line_that_is_no_json_says_nothing_of_itself() -> None:
    line = logs.parse("Traceback (most recent call last):", service="backend")
    assert (line.time, line.service, line.level, line.request_id, line.duration_s) == (None, "backend", "", None, None)
    assert line.complaint is None


def test_of_a_slow_query_it_is_told_which() -> None:
    text = '{"level":"warning","message":"slow query","command":"find","collection":"reports","shape":{"filter":{}}}'
    assert logs.parse(text, service="backend").complaint == "slow query find reports"


def test_a_complaint_is_made_of_words_whatever_else_there_is() -> None:
    line = logs.parse('{"level":"error","message":"no","detail":{"a":[1]},"command":["x"],"kind":7}', service="x")
    assert line.complaint == "no 7"


def test_of_an_exception_the_last_line_is_told() -> None:
    line = logs.parse(
        '{"level":"error","message":"a request broke","exception":"Traceback\\n  x\\nKeyError: 3\\n"}', service="b"
    )
    assert line.complaint == "a request broke KeyError: 3"


@pytest.mark.parametrize(
    "text", ['{"level":7}', '{"status":"200"}', '{"duration_ms":"long"}', '{"requestId":{}}', "[]", ""]
)
def test_what_cannot_be_what_it_claims_is_not_there(text: str) -> None:
    line = logs.parse(text, service="x")
    assert (line.request_id, line.status, line.duration_s) == (None, None, None)


def test_every_line_of_every_file_is_in_the_index(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "backend.log").write_text(
        '{"time":"2026-01-01T00:00:01Z","level":"info","service":"backend","requestId":"r-1","duration_ms":3}\n'
        "of a traceback\n"
    )
    (folder / "slow_queries.jsonl").write_text('{"time":"2026-01-01T00:00:02Z","service":"mongo","requestId":"r-1"}\n')
    log_index.collect({"backend": tmp_path / "backend.log"}, {}, folder)
    rows = pq.read_table(folder / "index.parquet", columns=["file", "line", "service", "request_id", "duration_s"])
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("backend.jsonl.gz", 0, "backend", "r-1", 0.003),
        ("backend.jsonl.gz", 1, "backend", None, None),
        ("slow_queries.jsonl", 0, "mongo", "r-1", None),
    ]
    times = pq.read_table(folder / "index.parquet")["time"].to_pylist()
    assert times[0] == times[1]  # a line without a time belongs behind the one before it


def test_an_index_of_nothing_has_no_rows(folder: Path) -> None:
    log_index.build([], folder / "index.parquet")
    assert pq.read_table(folder / "index.parquet").num_rows == 0
