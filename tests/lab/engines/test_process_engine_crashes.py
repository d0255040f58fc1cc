"""What is left after a kill, and that nothing is: each controller and each service here is a real process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab import processes
from lab.engines import ProcessEngine
from lab.engines.lock import held
from lab.engines.scratch import scratch_of
from lab.engines.state import home_marker, read_record, write_record
from lab.errors import EngineError
from lab.model import OBSERVERS, Service, Target

MakeService = Callable[..., Service]
MakeTarget = Callable[..., Target]
StartController = Callable[..., "subprocess.Popen[str]"]
Eventually = Callable[[Callable[[], bool]], None]

SLEEPS = "import time; print('sleeping', flush=True); time.sleep(600)"
IGNORES_TERM = (
    "import http.server, signal, sys\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)
HAS_WORKERS = (
    "import http.server, subprocess, sys\n"
    "for own in (False, True):\n"
    "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=own)\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with the lab, and must live."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def hanging_target(a_service: MakeService, a_target: MakeTarget) -> Target:
    """Comes up as far as its second service, which never gets ready."""
    return a_target(a_service("first"), a_service("stuck", code=SLEEPS, ready_timeout_s=100.0))


def read_until(controller: "subprocess.Popen[str]", text: str) -> None:
    assert controller.stdout
    seen = []
    for line in controller.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} was not printed: {''.join(seen)}")


@pytest.mark.parametrize("stage", ["first: started", "first: ready", "stuck: started"])
def test_a_ctrl_c_at_any_stage_of_up_leaves_nothing(
    stage: str, hanging_target: Target, a_controller: StartController, home: Path
) -> None:
    controller = a_controller(hanging_target)
    read_until(controller, stage)
    controller.send_signal(signal.SIGINT)
    output, _ = controller.communicate(timeout=60)
    assert "KeyboardInterrupt" in output
    assert processes.marked(home_marker(home)) == []
    assert not (home / "environment.json").exists()


def test_a_second_ctrl_c_kills_what_ignores_the_first(
    a_service: MakeService, a_target: MakeTarget, a_controller: StartController, home: Path, eventually: Eventually
) -> None:
    stubborn = a_service("stubborn", code=f"{IGNORES_TERM}")
    controller = a_controller(a_target(stubborn, a_service("stuck", code=SLEEPS, ready_timeout_s=100.0)))
    read_until(controller, "stubborn: ready")
    controller.send_signal(signal.SIGINT)
    marker = home_marker(home)
    eventually(
        lambda: len(processes.marked(marker)) == 1
    )  # the stuck one has ended, the stubborn one is being waited for
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=60)
    assert processes.marked(marker) == []
    assert not (home / "environment.json").exists()


def test_a_ctrl_c_during_down_kills_what_is_left_at_once(
    a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    ProcessEngine(home).up(a_target(a_service("stubborn", code=IGNORES_TERM), a_service("last")))
    code = (
        "import sys; from pathlib import Path; from lab.engines import ProcessEngine\n"
        "ProcessEngine(Path(sys.argv[1]), grace_s=100).down(lambda event: print(event, flush=True))"
    )
    argv = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as down:
        read_until(down, "last: ended")
        down.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in down.communicate(timeout=60)[0]
    assert processes.marked(home_marker(home)) == []
    assert not (home / "environment.json").exists()


@pytest.mark.parametrize("stage", ["first: started", "stuck: started"])
def test_down_cleans_after_a_controller_that_was_killed_during_up(
    stage: str,
    hanging_target: Target,
    a_controller: StartController,
    engine: ProcessEngine,
    home: Path,
) -> None:
    controller = a_controller(hanging_target)
    read_until(controller, stage)
    controller.kill()
    controller.wait()
    assert engine.find() is None
    assert processes.marked(home_marker(home)) != []
    assert "first" in engine.down().services
    assert processes.marked(home_marker(home)) == []


def test_up_ends_what_a_killed_up_left_and_starts_anew(
    hanging_target: Target, a_target: MakeTarget, a_controller: StartController, engine: ProcessEngine
) -> None:
    controller = a_controller(hanging_target)
    read_until(controller, "stuck: started")
    controller.kill()
    controller.wait()
    events: list[str] = []
    environment = engine.up(a_target(), on_event=events.append)
    assert events[:3] == ["ending what an earlier `lab up` left unfinished", "stuck: ended", "first: ended"]
    assert engine.health(environment)[0].ok


def test_the_environment_outlives_its_controller_and_another_one_ends_it(
    a_target: MakeTarget, a_controller: StartController, engine: ProcessEngine
) -> None:
    controller = a_controller(a_target())
    controller.communicate(timeout=60)
    assert controller.returncode == 0
    environment = engine.find()
    assert environment
    assert engine.health(environment)[0].ok
    assert engine.down().services == ("web",)


def test_a_pid_that_belongs_to_another_process_by_now_is_not_killed(
    engine: ProcessEngine, a_target: MakeTarget, home: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    environment = engine.up(a_target())
    engine_record = read_record(home)
    assert engine_record
    (service,) = environment.services
    assert service.process
    reused = replace(service, process=replace(service.process, pid=bystander.pid, started_at=1.0))
    forged = replace(environment, services=(reused,))
    write_record(home, replace(engine_record, environment=forged))
    (found,) = engine.health(forged)
    assert not found.running
    assert "its number belongs to another process by now" in found.why
    stopped = engine.down()
    assert bystander.poll() is None
    assert (stopped.services, stopped.strays) == ((), 1)  # the true service, found by its marker


def test_a_service_that_ignores_term_is_killed(home: Path, a_service: MakeService, a_target: MakeTarget) -> None:
    engine = ProcessEngine(home, grace_s=0.3)
    engine.up(a_target(a_service(code=IGNORES_TERM)), without=OBSERVERS)
    assert engine.down().services == ("web",)
    assert processes.marked(home_marker(home)) == []


def test_workers_of_a_killed_leader_are_ended_also_those_in_a_session_of_their_own(
    engine: ProcessEngine, a_service: MakeService, a_target: MakeTarget, home: Path, eventually: Eventually
) -> None:
    (service,) = engine.up(a_target(a_service(code=HAS_WORKERS))).services
    leader = service.process
    assert leader
    eventually(lambda: len(processes.marked(home_marker(home))) == 3)
    psutil.Process(leader.pid).kill()
    eventually(lambda: not processes.is_running(leader))  # a signal needs its time
    stopped = engine.down()
    assert (stopped.services, stopped.strays) == ((), 2)


@pytest.mark.parametrize("damage", [b"{ this is no", b""])
def test_down_works_with_a_damaged_record(
    engine: ProcessEngine, a_target: MakeTarget, home: Path, damage: bytes
) -> None:
    engine.up(a_target())
    (home / "environment.json").write_bytes(damage)
    with pytest.raises(EngineError, match="is damaged"):
        engine.find()
    with pytest.raises(EngineError, match="is damaged"):
        engine.up(a_target())
    events: list[str] = []
    assert engine.down(events.append).strays == 1
    assert re.search("environment.json is damaged", events[0])
    assert engine.find() is None


def test_down_works_when_the_record_is_gone(engine: ProcessEngine, a_target: MakeTarget, home: Path) -> None:
    engine.up(a_target())
    (home / "environment.json").unlink()
    assert engine.down().strays == 1


def test_down_ends_a_load_generator_that_a_killed_run_left(
    engine: ProcessEngine, a_target: MakeTarget, tmp_path: Path
) -> None:
    environment = engine.up(a_target())
    left = processes.start([sys.executable, "-c", SLEEPS], marker=environment.id, output=tmp_path / "k6.log")
    assert engine.down().strays == 1
    assert left.poll() == -signal.SIGTERM


def test_down_leaves_the_environment_of_another_home(
    engine: ProcessEngine, a_target: MakeTarget, tmp_path: Path
) -> None:
    engine.up(a_target())
    other = ProcessEngine(tmp_path / "other", grace_s=5)
    environment = other.up(a_target())
    try:
        engine.down()
        assert other.health(environment)[0].ok
    finally:
        other.down()


def test_two_ups_at_once_give_one_environment(
    a_target: MakeTarget, a_controller: StartController, engine: ProcessEngine
) -> None:
    target = a_target()
    controllers = [a_controller(target, lock_wait_s=60) for _ in range(2)]
    outputs = [controller.communicate(timeout=60)[0] for controller in controllers]
    assert [controller.returncode for controller in controllers] == [0, 0]
    assert sum("web: started" in output for output in outputs) == 1
    environment = engine.find()
    assert environment
    assert all(environment.id in output for output in outputs)


def test_an_up_beside_one_that_takes_long_says_who_is_at_work(
    hanging_target: Target, a_controller: StartController, home: Path
) -> None:
    first = a_controller(hanging_target)
    read_until(first, "stuck: started")
    with pytest.raises(EngineError, match=rf"`lab up` \(pid {first.pid}, since \d+ s\) is at work on the environment"):
        ProcessEngine(home, lock_wait_s=0.1).down()
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def test_the_lock_of_a_killed_holder_is_free(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from lab.engines.lock import held\n"
        "with held(Path(sys.argv[1]), 'lab up', wait_s=0): print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True) as holder:
        read_until(holder, "held")
        holder.kill()
    with held(home, "lab down", wait_s=5):
        assert str(os.getpid()) in (home / "environment.lock.json").read_text()
    assert not (home / "environment.lock.json").exists()


LEAVES_A_FILE = (
    "import http.server, sys, tempfile\n"
    "kept = tempfile.NamedTemporaryFile(delete=False)\n"
    "print(kept.name, flush=True)\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)


def test_temporary_files_of_a_killed_service_are_gone_after_down(
    a_service: MakeService, a_target: MakeTarget, engine: ProcessEngine
) -> None:
    (service,) = engine.up(a_target(a_service(code=LEAVES_A_FILE))).services
    assert service.process
    assert service.log
    left = Path(service.log.read_text().splitlines()[0])
    os.kill(service.process.pid, signal.SIGKILL)
    assert left.exists()
    engine.down()
    assert not left.exists()
    assert not left.parent.exists()


def test_a_folder_for_temporary_files_that_is_somebody_elses_is_refused(
    a_target: MakeTarget, engine: ProcessEngine, home: Path, tmp_path: Path
) -> None:
    folder = scratch_of(home_marker(home))
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(EngineError, match="is not this user's folder"):
            engine.up(a_target())
    finally:
        folder.unlink()
    assert tmp_path.exists()
