"""What every engine that starts services does alike: one suite over local processes and over containers."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import TypeAdapter

from lab.engines import standing
from lab.errors import ConfigError, EngineError, PortBusyError
from lab.model import Target
from tests.lab.engines.bench import FAILS, IMAGE, NEVER_READY, Bench

CONTROLLER = """
import sys
from pathlib import Path
from pydantic import TypeAdapter
from lab.engines import ENGINES
from lab.model import Target
engine = ENGINES[sys.argv[2]](Path(sys.argv[1]))
target = TypeAdapter(Target).validate_json(sys.argv[3])
engine.up(target, without=["prometheus", "grafana"], on_event=lambda event: print(event, flush=True))
"""


MakeBench = Callable[[], Bench]


@pytest.fixture(
    params=["process", pytest.param("compose", marks=pytest.mark.needs_engine(IMAGE))],
)
def a_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeBench]:
    """Makes benches of one engine; nothing of any of them may be left."""
    made: list[Bench] = []

    def make() -> Bench:
        made.append(Bench(request.param, tmp_path / f"home-{len(made)}", tmp_path))
        return made[-1]

    yield make
    for bench in made:
        bench.engine.down()
        assert bench.left() == []


@pytest.fixture
def bench(a_bench: MakeBench) -> Bench:
    return a_bench()


def get(url: str, path: str = "/") -> dict[str, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path)
        told: dict[str, str] = json.loads(connection.getresponse().read())
        return told
    finally:
        connection.close()


def test_up_gives_services_that_answer_with_their_version(bench: Bench) -> None:
    target = bench.target()
    environment = bench.up(target)
    assert [(s.name, s.version) for s in environment.services] == [("back", "1.2.3"), ("front", "1.2.3")]
    assert environment.engine == bench.name
    assert environment.entry_url == environment.url_of("front") == f"http://127.0.0.1:{target.services[1].port}"
    assert get(environment.entry_url)["version"] == "1.2.3"
    assert bench.engine.find() == environment
    assert standing(bench.home).name == bench.name
    assert [(h.name, h.running, h.answering, h.why) for h in bench.engine.health(environment)] == [
        ("back", True, True, ""),
        ("front", True, True, ""),
    ]
    assert all((h.rss_bytes or 0) > 1e6 for h in bench.engine.health(environment))


def test_a_service_gets_the_environment_of_the_target_and_finds_the_others(bench: Bench) -> None:
    environment = bench.up(bench.target(word="a $word with $$ and ${braces"))
    told = get(environment.url_of("back"))
    assert told["word"] == "a $word with $$ and ${braces"
    assert len(told["secret"]) >= 32
    assert get(environment.entry_url, "/other")["other"] == told["word"]


def test_up_again_gives_what_runs_and_refuses_what_is_another(bench: Bench) -> None:
    target = bench.target()
    environment = bench.up(target)
    assert bench.up(target) == environment
    with pytest.raises(ConfigError, match="of target small, not other"):
        bench.up(bench.target(name="other"))
    with pytest.raises(ConfigError, match="its front is at"):
        bench.up(target, ports={"front": 9})


def test_free_ports_are_taken_where_that_is_asked_for(bench: Bench) -> None:
    target = bench.target()
    environment = bench.up(target, auto_ports=True)
    assert {urlsplit(s.url).port for s in environment.services}.isdisjoint({s.port for s in target.services})
    assert get(environment.entry_url)["version"] == "1.2.3"


def test_a_port_that_is_taken_is_named_before_anything_is_started(
    bench: Bench, listener: Callable[..., tuple[int, int]]
) -> None:
    pid, port = listener()
    with pytest.raises(PortBusyError, match=rf"port {port} \(front\) is taken by pid {pid}"):
        bench.up(ports={"front": port})
    assert bench.left() == []
    assert bench.engine.find() is None


def test_a_service_that_ends_is_told_while_it_is_watched_with_the_end_of_its_log(
    bench: Bench, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    target = bench.target()
    environment = bench.up(target)
    with bench.engine.watch(environment) as losses:
        assert losses() == ()
        with pytest.raises((http.client.HTTPException, OSError)):
            get(environment.url_of("back"), "/die")
        eventually(lambda: bool(losses()))
        (loss,) = losses()
    assert loss.service == "back"
    assert "the last words" in loss.log
    states = {h.name: h for h in bench.engine.health(environment)}
    assert (states["back"].running, states["front"].running) == (False, True)
    with pytest.raises(EngineError, match="the environment is not whole"):
        bench.up(target)


def test_a_service_that_is_killed_is_lost(bench: Bench, eventually: Callable[[Callable[[], bool]], None]) -> None:
    environment = bench.up()
    with bench.engine.watch(environment) as losses:
        bench.kill(environment, "front")
        eventually(lambda: bool(losses()))
        assert "killed" in losses()[0].how
    with bench.engine.watch(environment) as losses:  # what was lost before is lost
        assert [loss.service for loss in losses()] == ["front"]


def test_logs_are_brought_once_each(bench: Bench) -> None:
    environment = bench.up()
    get(environment.url_of("back"), "/first")
    bench.engine.bring_logs(environment)
    get(environment.url_of("back"), "/second")
    bench.engine.bring_logs(environment)
    bench.engine.bring_logs(environment)
    lines = environment.log_files()["back"].read_text().splitlines()
    assert [lines.count(text) for text in ("serving", "answered /first", "answered /second")] == [1, 1, 1]


def test_a_service_that_does_not_start_is_reported_with_the_end_of_its_log(bench: Bench) -> None:
    with pytest.raises(EngineError, match=r"(?s)back.*no such thing"):
        bench.up(bench.target(code=FAILS))
    assert bench.engine.find() is None


def test_a_service_that_does_not_get_ready_is_reported_with_the_end_of_its_log(bench: Bench) -> None:
    with pytest.raises(EngineError, match=r"(?s)back is not (ready|healthy) after 2 s.*not yet"):
        bench.up(bench.target(code=NEVER_READY, ready_timeout_s=2.0))
    assert bench.engine.find() is None


def test_what_failed_is_cleared_away_by_the_next_up(bench: Bench) -> None:
    with pytest.raises(EngineError):
        bench.up(bench.target(code=FAILS))
    assert get(bench.up().entry_url)["version"] == "1.2.3"


def test_down_ends_everything_and_says_what(bench: Bench) -> None:
    bench.up()
    told: list[str] = []
    stopped = bench.engine.down(told.append)
    assert sorted(stopped.services) == ["back", "front"]
    assert bench.left() == []
    assert bench.engine.find() is None
    assert bench.engine.down(told.append).nothing
    assert told[-1] == "nothing was running"
    assert not (bench.home / "environment.json").exists()


def test_down_works_without_a_record(bench: Bench) -> None:
    bench.up()
    (bench.home / "environment.json").write_text("{", encoding="ascii")
    standing(bench.home).down()
    assert bench.left() == []


def test_two_labs_stand_beside_one_another(a_bench: MakeBench) -> None:
    one, other = a_bench(), a_bench()
    here, there = one.up(one.target(word="here")), other.up(other.target(word="there"))
    one.engine.down()
    assert get(there.url_of("back"))["word"] == "there"
    assert here.id != there.id


def controller(bench: Bench) -> "subprocess.Popen[str]":
    target = TypeAdapter(Target).dump_json(bench.target(code=NEVER_READY)).decode()
    return subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, str(bench.home), bench.name, target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_start(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    while line and "started" not in line:
        line = process.stdout.readline()
    assert "started" in line


def test_ctrl_c_while_coming_up_leaves_nothing(bench: Bench) -> None:
    process = controller(bench)
    wait_for_start(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert bench.left() == []


def test_a_lab_that_is_killed_while_coming_up_is_cleared_away_by_down(bench: Bench) -> None:
    process = controller(bench)
    wait_for_start(process)
    process.kill()
    process.communicate()
    assert bench.left() != []
    standing(bench.home).down()
    assert bench.left() == []


def test_nothing_is_asked_of_the_services_while_a_run_only_listens(bench: Bench) -> None:
    """Asking for losses is cheap: load is measured meanwhile."""
    environment = bench.up()
    with bench.engine.watch(environment) as losses:
        begun = time.process_time()
        for _ in range(100):
            assert losses() == ()
        assert (time.process_time() - begun) / 100 < 0.02
