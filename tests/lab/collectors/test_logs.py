"""Logs: what belongs to a run, and which lines speak of one request, in time order through the services."""

from pathlib import Path

from lab.collectors import logs


def test_only_what_was_logged_since_the_run_began_is_kept(tmp_path: Path) -> None:
    live = {"backend": tmp_path / "backend.log", "ai_core": tmp_path / "ai_core.log"}
    live["backend"].write_text("before\n")
    begins = logs.ends(live)
    with live["backend"].open("a") as file:
        file.write('{"msg": "during"}\n')
    folder = tmp_path / "run"
    folder.mkdir()
    logs.collect(live, begins, folder)
    assert (folder / "backend.jsonl").read_text() == '{"msg": "during"}\n'
    assert [path.name for path in folder.iterdir()] == ["backend.jsonl"]


def a_line(second: int, service: str, request_id: str) -> logs.LogLine:
    text = f'{{"time":"2026-01-01T00:00:0{second}.500Z","service":"{service}","requestId":"{request_id}"}}'
    return logs.parse(text, service="file")


def test_a_requests_lines_come_in_time_order_whatever_service_wrote_them() -> None:
    lines = [a_line(3, "backend", "r-1"), a_line(2, "ai_core", "r-1"), a_line(1, "backend", "r-1")]
    assert [line.service for line in logs.of_request(lines, "r-1")] == ["backend", "ai_core", "backend"]


def test_an_id_is_not_found_inside_a_longer_one() -> None:
    lines = [a_line(1, "backend", "r-10"), a_line(1, "backend", "x-r-1"), a_line(1, "backend", "r-1")]
    assert [line.fields["requestId"] for line in logs.of_request(lines, "r-1")] == ["r-1"]


def test_mongods_time_is_read_and_a_line_that_is_no_json_has_none() -> None:
    mongod = logs.parse('{"t":{"$date":"2026-01-01T00:00:00.000+00:00"},"s":"I","msg":"x"}', service="mongo")
    assert mongod.time == 1767225600.0
    assert mongod.service == "mongo"
    assert logs.parse("Traceback (most recent call last):", service="backend").time is None
