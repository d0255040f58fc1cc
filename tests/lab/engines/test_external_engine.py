"""Services that already run: found, remembered and forgotten, and never started, stopped or asked without leave."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab import processes
from lab.engines import AUTO, ExternalEngine, ProcessEngine, choose, standing
from lab.engines.state import home_marker
from lab.errors import ConfigError, EngineError
from lab.model import Limits, Service, Target

METRICS = "process_cpu_seconds_total 3\nprocess_resident_memory_bytes 4\nfds 5\nprocess_start_time_seconds 6\n"


@contextmanager
def a_service(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[str, list[str]]]:
    """Serve these answers by path; gives the URL, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def a_target(url: str, **fields: object) -> Target:
    service = Service(name="api", kind="http", url=url, health_path="/health", metrics_path="/metrics")
    return replace(Target(name="mine", description="", entry="api", services=(service,)), **fields)  # type: ignore[arg-type]  # the fields of the test


HEALTHY = {"/health": (200, '{"version": "2.7.1"}'), "/metrics": (200, METRICS)}


@pytest.fixture
def engine(home: Path) -> ExternalEngine:
    return ExternalEngine(home)


def test_what_answers_is_found_remembered_and_forgotten_and_goes_on(engine: ExternalEngine) -> None:
    with a_service(HEALTHY) as (url, _):
        environment = engine.up(a_target(f"{url}/"))
        assert (environment.engine, environment.target, environment.entry_url) == ("external", "mine", url)
        (service,) = environment.services
        assert (service.url, service.version, service.process, service.log) == (url, "2.7.1", None, None)
        assert service.metrics_url == f"{url}/metrics"
        assert engine.find() == environment
        assert [state.ok for state in engine.health(environment)] == [True]
        assert isinstance(standing(engine.home), ExternalEngine)
        events: list[str] = []
        assert engine.down(events.append).nothing
        assert events == ["forgotten; nothing was stopped: api"]
        assert engine.find() is None
        assert list(engine.home.glob("environment.json*")) == []
        assert engine.up(a_target(url)).entry_url == url  # it still answers


def test_up_again_gives_what_is_there_and_refuses_another_target(engine: ExternalEngine) -> None:
    with a_service(HEALTHY) as (url, _):
        first = engine.up(a_target(url))
        assert engine.up(a_target(url)) == first
        with pytest.raises(ConfigError, match="services of target mine, another one, are in use already; `lab down`"):
            engine.up(a_target(url, name="other"))
        with pytest.raises(ConfigError, match="as it was before its file, or what is allowed, changed"):
            engine.up(a_target(url, database="app"))
        assert engine.find() == first


def test_what_cannot_be_collected_is_said_for_each_service(engine: ExternalEngine) -> None:
    with a_service(HEALTHY) as (url, _):
        target = a_target(url, metrics=(("process_resident_memory_bytes", "rss"),))
        silent = Service(name="quiet", kind="http", url=url, health_path="/health")
        events: list[str] = []
        environment = engine.up(replace(target, services=(*target.services, silent)), on_event=events.append)
    api, quiet, figures, emptied = environment.unwatched
    assert api == "api: memory, open files, threads and sockets of its process; its log"
    assert quiet.startswith("quiet: everything that a /metrics would tell, CPU, memory, open files, restarts, threads")
    assert figures.startswith("the database: its figures and slow queries")
    assert emptied.startswith("the database is not emptied")
    assert events == [f"not collected: {sentence}" for sentence in environment.unwatched]


def test_services_that_do_not_answer_are_all_named_and_nothing_is_remembered(engine: ExternalEngine) -> None:
    with a_service({"/health": (503, "")}) as (url, _):
        gone = Service(name="gone", kind="http", url="http://127.0.0.1:1", health_path="/")
        mongo = Service(name="mongo", kind="mongod", url="mongodb://root:hunter2@127.0.0.1:1")
        target = a_target(url)
        with pytest.raises(EngineError) as caught:
            engine.up(replace(target, services=(*target.services, gone, mongo)))
    told = str(caught.value)
    assert f"api: {url}/health answers 503" in told
    assert "gone: http://127.0.0.1:1/ does not answer" in told
    assert "mongo: MongoDB does not answer" in told
    assert "start them, or correct the file of target mine" in told
    assert "hunter2" not in told
    assert engine.find() is None


def test_a_redirect_is_no_sign_of_health(engine: ExternalEngine) -> None:
    with a_service({"/health": (302, "")}) as (url, _), pytest.raises(EngineError, match="answers 302"):
        engine.up(a_target(url))


def test_a_service_that_stops_answering_is_told_by_health_and_is_no_loss(engine: ExternalEngine) -> None:
    with a_service(HEALTHY) as (url, _):
        environment = engine.up(a_target(url))
    with engine.watch(environment) as losses:
        assert losses() == ()
    (state,) = engine.health(environment)
    assert not state.ok
    assert "does not answer" in state.why
    assert engine.up(a_target(url)) == environment  # it may be back in a moment


@pytest.mark.parametrize(
    "url", ["http://perf.example.org:9", "http://0.0.0.0:9", "http://127.0.0.1@perf.example.org:9", "mongodb://a,b"]
)
def test_a_host_without_leave_is_refused_before_anything_is_sent_to_any_service(
    engine: ExternalEngine, url: str
) -> None:
    with a_service(HEALTHY) as (own, asked):
        target = a_target(own, allowed_hosts=("perf.example.org",))
        other = Service(name="other", kind="http", url=url, health_path="/")
        with pytest.raises(ConfigError, match="other: "):
            engine.up(replace(target, services=(*target.services, other)))
        assert asked == []


def test_ports_limits_and_targets_without_urls_are_refused_together(engine: ExternalEngine) -> None:
    target = Target(name="t", description="", entry="a", services=(Service(name="a", kind="http", argv=("x",)),))
    with pytest.raises(ConfigError) as caught:
        engine.up(target, ports={"a": 1}, limits=[Limits(service="a", cpus=1)])
    no_url, ports, limits = caught.value.problems
    assert "t: a has no url, and the external engine starts nothing" in no_url
    assert "--ports is for services that the lab starts" in ports
    assert "a already runs, and cannot be held to a limit" in limits
    with pytest.raises(ConfigError, match="--ports"):
        engine.up(a_target("http://127.0.0.1:1"), auto_ports=True)


def test_the_engine_follows_from_the_target_and_no_other_one_is_taken_for_it(home: Path) -> None:
    target = a_target("http://127.0.0.1:1")
    assert isinstance(choose(home, AUTO, target), ExternalEngine)
    with pytest.raises(ConfigError, match="the services of target mine already run; use --engine external"):
        choose(home, "process", target)


def test_down_ends_a_k6_that_a_killed_run_left_and_nothing_else(engine: ExternalEngine, tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with a_service(HEALTHY) as (url, _):
            environment = engine.up(a_target(url))
        argv = [sys.executable, "-c", "import time; time.sleep(600)"]
        stray = processes.start(argv, marker=environment.id, output=tmp_path / "log")
        assert environment.id.startswith(f"{home_marker(engine.home)}.")
        events: list[str] = []
        assert engine.down(events.append).strays == 1
        assert events == ["ended 1 process of this lab", "forgotten; nothing was stopped: api"]
        assert stray.wait(timeout=10) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_down_without_anything_says_so_and_a_damaged_record_is_forgotten(engine: ExternalEngine) -> None:
    events: list[str] = []
    engine.down(events.append)
    (engine.home / "environment.json").write_text("{")
    engine.down(events.append)
    assert events[0] == "nothing was running"
    assert "is damaged" in events[1]
    assert engine.find() is None


def test_the_process_engine_does_not_take_what_the_external_one_remembers_for_its_own(
    engine: ExternalEngine, home: Path
) -> None:
    with a_service(HEALTHY) as (url, _):
        environment = engine.up(a_target(url))
        with pytest.raises(ConfigError, match="an environment of the external engine runs"):
            choose(home, "process", a_target(url))
        ProcessEngine(home, environ={}).down()
        assert engine.health(environment)[0].ok
