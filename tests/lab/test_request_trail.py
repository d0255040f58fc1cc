"""Which log lines are found: from the logs of what runs now, or from those that a run kept."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import request_trail, rundir
from lab.config.settings import Settings
from lab.errors import ConfigError
from lab.load.tables import SAMPLES
from lab.model import Environment, RunningService
from lab.request_trail import Asked, Found

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def line(service: str, second: float, request_id: str | None = None, **fields: object) -> str:
    stamp = datetime.fromtimestamp(NOON.timestamp() + second, UTC).isoformat(timespec="milliseconds")
    named = {"requestId": request_id} if request_id else {}
    return orjson.dumps({"time": stamp, "service": service, **named, **fields}).decode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")


def a_request(request_id: str, second: float, duration_s: float, *, error: str | None = None) -> dict[str, object]:
    return {
        "time": datetime.fromtimestamp(NOON.timestamp() + second, UTC),
        "phase": "sustain",
        "scenario": "upload_analyze",
        "route": "POST /analyze",
        "method": "POST",
        "status": 503 if error else 202,
        "duration_s": duration_s,
        "waiting_s": duration_s / 2,
        "start_delay_s": 0.0,
        "error": error,
        "extra_poll": False,
        "request_id": request_id,
    }


@pytest.fixture
def kept(settings: Settings) -> rundir.RunDir:
    """A run: r-1 led to the analysis a-1 and was slow in the database too, r-10 failed, r-2 was quick."""
    run = rundir.create(settings.artifacts, "mixed-smoke", now=NOON)
    run.write_record({"run_id": run.run_id, "state": "finished"})
    backend = [
        line("backend", 3, "r-1", analysisId="a-1", route="/analyze", duration_ms=3400),
        line("backend", 1, "r-10", level="error", message="request", route="/analyze", status=503, duration_ms=2),
        line("backend", 5, "r-2", duration_ms=4),
        line("backend", 6, level="warning", message="the queue holds 61 analyses"),
        line("backend", 7, level="warning", message="the queue holds 64 analyses"),
    ]
    pack(run.logs / "backend.jsonl.gz", backend)
    pack(run.logs / "ai_core.jsonl.gz", [line("ai_core", 2, "r-1", analysisId="a-1", duration_ms=900)])
    write(run.slow_queries, [line("mongo", 2.5, "r-1", planSummary="COLLSCAN", duration_ms=350)])
    rows = [a_request("r-1", 4, 3.5), a_request("r-10", 1.1, 0.01, error="http_503"), a_request("r-2", 5, 0.01)]
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLES), run.samples)
    return run


def pack(path: Path, lines: Sequence[str]) -> None:
    path.write_bytes(gzip.compress("".join(f"{text}\n" for text in lines).encode()))


def write(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def running(log: Path) -> Environment:
    backend = RunningService(name="backend", url="http://127.0.0.1:1", version="1", process=None, log=log)
    return Environment(
        id="e1", engine="process", target="stubs", entry_url="", mongo_url="", started_at=0.0, services=(backend,)
    )


def told(found: Found) -> list[tuple[str, object]]:
    return [(entry.service, entry.fields.get("requestId")) for entry in found.lines]


@pytest.mark.usefixtures("kept")
def test_a_request_is_followed_from_the_generator_through_every_service_in_time_order(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(request_id="r-1"), run_name="latest").lines
    assert [entry.service for entry in found] == ["k6", "ai_core", "mongo", "backend"]
    assert found[0].fields["route"] == "POST /analyze"
    assert found[0].time == NOON.timestamp() + 0.5  # when it was sent, not when it was answered


@pytest.mark.usefixtures("kept")
def test_an_analysis_is_followed_through_the_requests_that_led_to_it(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(analysis_id="a-1"), run_name="latest")
    assert told(found) == [("k6", "r-1"), ("ai_core", "r-1"), ("mongo", "r-1"), ("backend", "r-1")]


@pytest.mark.usefixtures("kept")
def test_what_was_slow_is_found_in_the_generator_and_in_every_service(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(slow_s=0.3), run_name="latest")
    assert told(found) == [("k6", "r-1"), ("ai_core", "r-1"), ("mongo", "r-1"), ("backend", "r-1")]
    assert told(request_trail.find(settings, None, Asked(slow_s=1.0, service="backend"), run_name=None)) == [
        ("backend", "r-1")
    ]
    assert request_trail.find(settings, None, Asked(slow_s=9.0), run_name=None).lines == ()


@pytest.mark.usefixtures("kept")
def test_complaints_are_found_and_alike_ones_counted(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(bad=True), run_name="latest")
    assert told(found) == [("backend", "r-10"), ("k6", "r-10"), ("backend", None), ("backend", None)]
    assert [(each.count, each.template, each.status) for each in found.complaints] == [
        (2, "the queue holds <NUMBER> analyses", None),
        (1, "request /analyze", 503),
    ]
    assert found.complaints[0].first == "the queue holds 61 analyses"


@pytest.mark.usefixtures("kept")
def test_only_the_lines_of_one_service_are_given_when_one_is_named(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(service="ai_core"), run_name=None)
    assert told(found) == [("ai_core", "r-1")]


@pytest.mark.usefixtures("kept")
def test_the_last_lines_are_given_where_only_so_many_are_wanted(settings: Settings) -> None:
    found = request_trail.find(settings, None, Asked(bad=True, last=2), run_name="latest")
    assert [entry.fields.get("message") for entry in found.lines] == [
        "the queue holds 61 analyses",
        "the queue holds 64 analyses",
    ]
    assert sum(each.count for each in found.complaints) == 3  # of all of them


@pytest.mark.usefixtures("kept")
def test_an_id_is_not_found_inside_a_longer_one(settings: Settings) -> None:
    assert told(request_trail.find(settings, None, Asked(request_id="r-10"), run_name=None)) == [
        ("backend", "r-10"),
        ("k6", "r-10"),
    ]
    assert request_trail.find(settings, None, Asked(request_id="r-"), run_name=None).lines == ()


def test_what_runs_now_is_asked_before_the_latest_run(kept: rundir.RunDir, settings: Settings, tmp_path: Path) -> None:
    environment = running(write(tmp_path / "backend.log", [line("backend", 9, "r-now")]))
    (now,) = request_trail.find(settings, environment, Asked(request_id="r-now"), run_name=None).lines
    assert now.time == NOON.timestamp() + 9
    earlier = request_trail.find(settings, environment, Asked(request_id="r-2"), run_name=None)
    assert told(earlier) == [("k6", "r-2"), ("backend", "r-2")]
    assert kept.log_index.exists()


def test_a_line_without_a_time_stays_behind_the_one_before_it(settings: Settings, tmp_path: Path) -> None:
    log = write(tmp_path / "backend.log", [line("backend", 1), "Traceback (most recent call last):", line("b", 2)])
    found = request_trail.find(settings, running(log), Asked(), run_name=None)
    assert found.lines[1].text.startswith("Traceback")


@pytest.mark.usefixtures("kept")
def test_an_unknown_service_is_said_with_those_that_there_are(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"'backnd'.*ai_core, backend"):
        request_trail.find(settings, None, Asked(service="backnd"), run_name="latest")
