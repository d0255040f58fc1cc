from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab import processes
from lab.engines import ProcessEngine
from lab.engines.mongod import find_mongod
from lab.engines.ports import free_ports
from lab.engines.readiness import http_readiness
from lab.engines.state import home_marker
from lab.errors import ConfigError, EngineError, PortBusyError
from lab.model import OBSERVERS, Service, Target

MakeService = Callable[..., Service]
MakeTarget = Callable[..., Target]

PRINTS_AND_DIES = "print('the disk is on fire'); raise SystemExit(3)"
NEVER_READY = (
    "import http.server, sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_error(503)\n"
    "    def log_message(self, *parts): pass\n"
    "print('waiting for a database', flush=True)\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
)
TELLS_ITS_ENVIRONMENT = (
    "import http.server, json, os, sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.end_headers()\n"
    "        self.wfile.write(json.dumps({'version': os.environ['TOLD']}).encode())\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
)


def test_up_gives_services_that_answer_with_their_versions_logs_and_pids(
    engine: ProcessEngine, a_target: MakeTarget
) -> None:
    events: list[str] = []
    environment = engine.up(a_target(), on_event=events.append)
    (service,) = environment.services
    assert http_readiness(service.url).ready
    assert service.version == "1.2.3"
    assert service.process
    assert processes.is_running(service.process)
    assert service.log
    assert "serving" in service.log.read_text()
    assert environment.entry_url == service.url
    assert [event.partition(" after")[0] for event in events] == [
        "left out: prometheus (not on PATH), grafana (not on PATH)",
        f"web: started on port {service.url.rpartition(':')[2]} (pid {service.process.pid})",
        "web: ready",
    ]


def test_another_engine_of_the_same_home_finds_the_environment(
    engine: ProcessEngine, a_target: MakeTarget, home: Path
) -> None:
    environment = engine.up(a_target())
    assert ProcessEngine(home).find() == environment


def test_nothing_is_found_before_up_and_after_down(engine: ProcessEngine, a_target: MakeTarget) -> None:
    assert engine.find() is None
    engine.up(a_target())
    engine.down()
    assert engine.find() is None


def test_a_second_up_gives_what_runs_and_starts_nothing(engine: ProcessEngine, a_target: MakeTarget) -> None:
    target = a_target()
    first = engine.up(target)
    events: list[str] = []
    assert engine.up(target, on_event=events.append) == first
    assert events == []


def test_a_second_up_with_auto_ports_gives_what_runs(engine: ProcessEngine, a_target: MakeTarget) -> None:
    target = a_target()
    assert engine.up(target) == engine.up(target, auto_ports=True)


def test_a_second_up_of_another_target_is_refused_and_leaves_the_first(
    engine: ProcessEngine, a_target: MakeTarget
) -> None:
    environment = engine.up(a_target(name="one"))
    with pytest.raises(ConfigError, match=r"it is of target one, not two\..*`lab down`"):
        engine.up(a_target(name="two"))
    assert engine.health(environment)[0].ok


def test_a_second_up_of_a_changed_target_is_refused(engine: ProcessEngine, a_target: MakeTarget) -> None:
    target = a_target()
    engine.up(target)
    with pytest.raises(ConfigError, match="of target small, as it was before its file changed"):
        engine.up(replace(target, description="new"))


def test_a_second_up_on_another_port_is_refused(engine: ProcessEngine, a_target: MakeTarget) -> None:
    target = a_target()
    environment = engine.up(target)
    with pytest.raises(ConfigError, match=f"its web is at {environment.entry_url}, not on port 9"):
        engine.up(target, ports={"web": 9})


def test_ports_asked_for_replace_those_of_the_target(engine: ProcessEngine, a_target: MakeTarget) -> None:
    (port,) = free_ports(1)
    assert engine.up(a_target(), ports={"web": port}).entry_url == f"http://127.0.0.1:{port}"


def test_auto_ports_go_round_a_busy_port(
    engine: ProcessEngine,
    a_service: MakeService,
    a_target: MakeTarget,
    listener: Callable[..., tuple[int, int]],
) -> None:
    _, busy = listener()
    environment = engine.up(a_target(a_service(port=busy)), auto_ports=True)
    assert environment.entry_url != f"http://127.0.0.1:{busy}"
    assert engine.health(environment)[0].ok


def test_a_busy_port_is_told_with_its_holder_before_anything_starts(
    engine: ProcessEngine,
    a_service: MakeService,
    a_target: MakeTarget,
    home: Path,
    listener: Callable[..., tuple[int, int]],
) -> None:
    pid, busy = listener()
    events: list[str] = []
    with pytest.raises(PortBusyError, match=rf"port {busy} \(last\) is taken by pid {pid} \(python"):
        engine.up(a_target(a_service("first"), a_service("last", port=busy)), on_event=events.append)
    assert events == []
    assert not (home / "logs").exists()
    assert engine.find() is None


def test_a_port_held_by_another_lab_names_its_home(engine: ProcessEngine, a_target: MakeTarget, tmp_path: Path) -> None:
    target = a_target()
    other = ProcessEngine(tmp_path / "other", grace_s=5)
    other.up(target)
    try:
        with pytest.raises(PortBusyError, match=f"an environment of this lab in {tmp_path / 'other'}"):
            engine.up(target)
    finally:
        other.down()


def test_every_problem_of_a_target_and_its_ports_is_told_before_anything_starts(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    target = a_target(a_service(env=(("URL", "{databse.url}"),)), replace(a_service("empty"), argv=()))
    with pytest.raises(ConfigError) as raised:
        engine.up(target, ports={"wbe": 1})
    assert [problem.partition(" (")[0] for problem in raised.value.problems] == [
        "small: empty: the process engine starts every service, and this one has no argv",
        "small: web: {databse.url} is unknown",
        "small: --ports wbe=1: no service is named 'wbe'",
    ]
    assert not (home / "environment.json").exists()


def test_placeholders_are_filled_in_and_the_named_service_is_ready_before(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget
) -> None:
    env = (("TOLD", "{first.url} {first.port} {second.port} {port}"),)
    events: list[str] = []
    environment = engine.up(
        a_target(a_service("first"), a_service("second"), a_service("last", code=TELLS_ITS_ENVIRONMENT, env=env)),
        without=OBSERVERS,
        on_event=events.append,
    )
    ports = {service.name: service.url.rpartition(":")[2] for service in environment.services}
    expected = f"http://127.0.0.1:{ports['first']} {ports['first']} {ports['second']} {ports['last']}"
    assert environment.services[2].version == expected
    order = [event.partition(" (")[0].partition(" after")[0].partition(" on")[0] for event in events]
    assert order == [
        "first: started",
        "second: started",
        "first: ready",
        "second: ready",
        "last: started",
        "last: ready",
    ]


def test_a_secret_is_new_for_each_environment_and_kept_in_no_file(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    target = a_target(a_service(code=TELLS_ITS_ENVIRONMENT, env=(("TOLD", "x"), ("TOKEN_SECRET", "{secret}"))))
    environment = engine.up(target)
    assert environment.services[0].process
    secret = psutil.Process(environment.services[0].process.pid).environ()["TOKEN_SECRET"]
    assert len(secret) == 64
    assert all(secret not in path.read_text() for path in home.rglob("*") if path.is_file())


def test_a_service_that_dies_at_start_is_told_with_its_exit_code_and_log(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    with pytest.raises(EngineError, match=r"(?s)web has died: process \d+ ended with exit code 3.*disk is on fire"):
        engine.up(a_target(a_service("first"), a_service(code=PRINTS_AND_DIES)))
    assert processes.marked(home_marker(home)) == []
    assert engine.find() is None


def test_a_death_is_noticed_while_an_earlier_service_is_awaited(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget
) -> None:
    slow = a_service("slow", code=NEVER_READY, ready_timeout_s=100.0)
    with pytest.raises(EngineError, match="web has died"):
        engine.up(a_target(slow, a_service(code=PRINTS_AND_DIES)))


def test_a_service_that_never_gets_ready_is_told_with_its_answer_and_log_and_ended(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    with pytest.raises(
        EngineError, match=r"(?s)web is not ready after 4 s: http://\S+ answers 503\n.*waiting for a database"
    ):
        engine.up(a_target(a_service(code=NEVER_READY, ready_timeout_s=4.0)))
    assert processes.marked(home_marker(home)) == []


def test_a_service_that_does_not_listen_is_told_so(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget
) -> None:
    with pytest.raises(EngineError, match=r"web is not ready after 0.5 s: http://\S+ does not answer"):
        engine.up(a_target(a_service(code="import time; time.sleep(600)", ready_timeout_s=0.5)))


def test_a_program_that_is_missing_is_told_with_the_service(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget
) -> None:
    with pytest.raises(EngineError, match="web: cannot start 'no-such-program'"):
        engine.up(a_target(a_service("first"), a_service(argv=("no-such-program",))))


def test_a_failing_listener_of_events_ends_what_was_started(
    engine: ProcessEngine, a_target: MakeTarget, home: Path
) -> None:
    def broken_pipe(event: str) -> None:
        raise BrokenPipeError(event)

    with pytest.raises(BrokenPipeError):
        engine.up(a_target(), on_event=broken_pipe)
    assert processes.marked(home_marker(home)) == []


def test_health_tells_memory_and_answers_of_a_service_that_is_well(engine: ProcessEngine, a_target: MakeTarget) -> None:
    (found,) = engine.health(engine.up(a_target()))
    assert found.ok
    assert found.why == ""
    assert found.rss_bytes
    assert found.rss_bytes > 1_000_000


def test_health_tells_how_a_service_ended(engine: ProcessEngine, a_target: MakeTarget) -> None:
    environment = engine.up(a_target())
    assert environment.services[0].process
    psutil.Process(environment.services[0].process.pid).kill()
    assert processes.wait_until(lambda: not engine.health(environment)[0].running, timeout_s=10)
    (found,) = engine.health(environment)
    assert (found.running, found.answering, found.exit_code) == (False, False, -9)
    assert "was killed by SIGKILL" in found.why


def test_health_tells_of_a_service_that_runs_and_does_not_answer(engine: ProcessEngine, a_target: MakeTarget) -> None:
    environment = engine.up(a_target())
    assert environment.services[0].process
    psutil.Process(environment.services[0].process.pid).suspend()
    (found,) = engine.health(environment)
    assert (found.running, found.answering) == (True, False)
    assert "does not answer" in found.why


def test_up_refuses_an_environment_with_a_dead_service_and_shows_its_log(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget
) -> None:
    target = a_target(a_service("first"), a_service())
    environment = engine.up(target)
    assert environment.services[1].process
    psutil.Process(environment.services[1].process.pid).kill()
    assert processes.wait_until(lambda: not engine.health(environment)[1].running, timeout_s=10)
    with pytest.raises(EngineError, match=r"(?s)web has died: .*SIGKILL.*serving.*`lab down && lab up`") as raised:
        engine.up(target)
    assert "first" not in str(raised.value)


def test_down_ends_services_in_reverse_order_and_keeps_their_logs(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    engine.up(a_target(a_service("first"), a_service("second")))
    events: list[str] = []
    stopped = engine.down(events.append)
    assert stopped.services == ("second", "first")
    assert events == ["second: ended", "first: ended"]
    assert sorted(path.name for path in (home / "logs").iterdir()) == ["first.log", "second.log"]
    assert not (home / "environment.json").exists()


def test_down_with_nothing_there_is_fine_and_says_so(engine: ProcessEngine, a_target: MakeTarget) -> None:
    events: list[str] = []
    assert engine.down(events.append).nothing
    engine.up(a_target())
    assert not engine.down().nothing
    assert engine.down(events.append).nothing
    assert events == ["nothing was running"] * 2


def test_logs_begin_anew_with_each_up(engine: ProcessEngine, a_target: MakeTarget, home: Path) -> None:
    target = a_target()
    for _ in range(2):
        engine.up(target)
        engine.down()
    assert (home / "logs" / "web.log").read_text().count("serving") == 1


def test_a_home_that_cannot_be_made_says_which_setting_helps(tmp_path: Path, a_target: MakeTarget) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"cannot be written: .*; set LAB_HOME"):
        ProcessEngine(tmp_path / "file" / "home").up(a_target())


def test_without_any_mongod_nothing_starts_and_every_way_is_told(
    home: Path, a_service: MakeService, a_target: MakeTarget
) -> None:
    target = a_target(Service(name="mongo", kind="mongod", port=free_ports(1)[0]), a_service())
    engine = ProcessEngine(home, environ={"PATH": ""}, mongo=lambda environ: find_mongod(environ, wheel=lambda: None))
    with pytest.raises(EngineError, match=r"no mongod works here: no mongod on PATH; no wheel .*MONGO_URL"):
        engine.up(target)
    assert not (home / "logs").exists()
