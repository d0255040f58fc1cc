"""One request's lines: from the logs of what runs now, or from those that a run kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import request_trail, rundir
from lab.config.settings import Settings
from lab.errors import ConfigError
from lab.model import Environment, RunningService

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def line(service: str, second: float, request_id: str | None = None) -> str:
    stamp = datetime.fromtimestamp(NOON.timestamp() + second, UTC).isoformat(timespec="milliseconds")
    named = f',"requestId":"{request_id}"' if request_id else ""
    return f'{{"time":"{stamp}","service":"{service}"{named}}}'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")


@pytest.fixture
def kept(settings: Settings) -> rundir.RunDir:
    """A run in which r-1 went through both services, and r-10 through the backend alone."""
    run = rundir.create(settings.artifacts, "mixed-smoke", now=NOON)
    run.write_record({"run_id": run.run_id, "state": "finished"})
    write(run.logs / "backend.jsonl", [line("backend", 3, "r-1"), line("backend", 1, "r-10")])
    write(run.logs / "ai_core.jsonl", [line("ai_core", 2, "r-1")])
    row = {
        "time": datetime.fromtimestamp(NOON.timestamp() + 4, UTC),
        "phase": "sustain",
        "scenario": "upload_analyze",
        "route": "POST /analyze",
        "status": 202,
        "duration_s": 3.5,
        "waiting_s": 3.25,
        "error": None,
        "request_id": "r-1",
    }
    pq.write_table(pa.Table.from_pylist([row]), run.samples)
    return run


def write(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def running(log: Path) -> Environment:
    backend = RunningService(name="backend", url="http://127.0.0.1:1", version="1", process=None, log=log)
    return Environment(
        id="e1", engine="process", target="stubs", entry_url="", mongo_url="", started_at=0.0, services=(backend,)
    )


@pytest.mark.usefixtures("kept")
def test_a_request_is_followed_from_the_generator_through_every_service_in_time_order(settings: Settings) -> None:
    found = request_trail.lines(settings, None, run_name="latest", request_id="r-1", service=None)
    assert [entry.service for entry in found] == ["k6", "ai_core", "backend"]
    assert found[0].fields["route"] == "POST /analyze"
    assert found[0].time == NOON.timestamp() + 0.5  # when it was sent, not when it was answered


@pytest.mark.usefixtures("kept")
def test_only_the_lines_of_one_service_are_given_when_one_is_named(settings: Settings) -> None:
    found = request_trail.lines(settings, None, run_name=None, request_id=None, service="backend")
    assert [entry.time for entry in found] == [NOON.timestamp() + 1, NOON.timestamp() + 3]


def test_what_runs_now_is_asked_before_the_latest_run(kept: rundir.RunDir, settings: Settings, tmp_path: Path) -> None:
    environment = running(write(tmp_path / "backend.jsonl", [line("backend", 9, "r-now")]))
    (now,) = request_trail.lines(settings, environment, run_name=None, request_id="r-now", service=None)
    assert now.time == NOON.timestamp() + 9
    earlier = request_trail.lines(settings, environment, run_name=None, request_id="r-10", service=None)
    assert [entry.text for entry in earlier] == [(kept.logs / "backend.jsonl").read_text().splitlines()[1]]


def test_a_line_without_a_time_stays_behind_the_one_before_it(settings: Settings, tmp_path: Path) -> None:
    log = write(tmp_path / "backend.jsonl", [line("backend", 1), "Traceback (most recent call last):", line("b", 2)])
    found = request_trail.lines(settings, running(log), run_name=None, request_id=None, service=None)
    assert found[1].text.startswith("Traceback")


@pytest.mark.usefixtures("kept")
def test_an_unknown_service_is_said_with_those_that_there_are(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"'backnd'.*ai_core, backend"):
        request_trail.lines(settings, None, run_name="latest", request_id=None, service="backnd")
