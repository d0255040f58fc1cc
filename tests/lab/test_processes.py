import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab import processes
from lab.errors import LabError

SLEEPS = "import time; print('ready', flush=True); time.sleep(600)"
IGNORES_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
ENDS_AT_INT = "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); " + SLEEPS
HAS_A_WORKER = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}], start_new_session={{own}}); {SLEEPS}"
)

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def marker() -> Iterator[str]:
    """A marker of this test alone; the test fails when a process that carries it is left."""
    own = f"test-{uuid.uuid4().hex}"
    yield own
    left = [process.pid for process in processes.marked(own)]
    processes.stop_marked(own, grace_s=0)
    assert left == [], "processes were left"


@pytest.fixture
def started(marker: str, tmp_path: Path) -> Start:
    """Starts a Python program and waits until it has printed `lines` lines."""

    def start(code: str, *, lines: int = 1, **options: object) -> "subprocess.Popen[bytes]":
        log = tmp_path / "log"
        log.write_bytes(b"")
        argv = [sys.executable, "-c", code]
        child = processes.start(argv, marker=str(options.pop("marker", marker)), output=log, **options)  # type: ignore[arg-type]  # the options of the test
        assert processes.wait_until(lambda: log.read_bytes().count(b"\n") >= lines, timeout_s=30)
        return child

    return start


def test_a_child_leads_its_own_session_and_carries_the_marker(started: Start, marker: str) -> None:
    child = started(SLEEPS)
    assert os.getsid(child.pid) == child.pid
    assert [process.pid for process in processes.marked(marker)] == [child.pid]
    processes.stop_marked(marker)


def test_output_is_appended_and_the_environment_is_added_to(started: Start, marker: str, tmp_path: Path) -> None:
    started("import os, sys; print(os.environ['ADDED'], file=sys.stderr); " + SLEEPS, env={"ADDED": "x"}, lines=2)
    processes.stop_marked(marker)
    assert sorted((tmp_path / "log").read_text().split()) == ["ready", "x"]


def test_a_program_that_is_missing_is_an_error_that_names_it(tmp_path: Path, marker: str) -> None:
    with pytest.raises(LabError, match=r"cannot start 'no-such-program'.*lab doctor"):
        processes.start(["no-such-program"], marker=marker, output=tmp_path / "log")


def test_a_child_dies_with_its_parent_however_that_dies(marker: str, tmp_path: Path) -> None:
    parent_code = (
        "import sys, time; from pathlib import Path; from lab import processes\n"
        f"child = processes.start([sys.executable, '-c', {SLEEPS!r}], marker={marker!r}, "
        "output=Path(sys.argv[1]), dies_with_parent=True)\n"
        "print(child.pid, flush=True); time.sleep(600)\n"
    )
    log = tmp_path / "log"
    argv = [sys.executable, "-c", parent_code, str(log)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = processes.identify(int(parent.stdout.readline()))
        assert processes.wait_until(lambda: log.exists() and b"ready" in log.read_bytes(), timeout_s=30)
        assert processes.is_running(child)
        parent.kill()
    assert processes.wait_until(lambda: not processes.is_running(child), timeout_s=30)


def test_a_process_that_ended_is_neither_running_nor_identified(started: Start) -> None:
    child = started(SLEEPS)
    identity = processes.identify(child.pid)
    assert processes.is_running(identity)
    child.kill()
    assert processes.wait_until(lambda: not processes.is_running(identity), timeout_s=30)
    child.wait()
    with pytest.raises(LabError, match="has ended"):
        processes.identify(child.pid)


def test_another_process_with_the_same_pid_is_not_running_and_not_stopped(started: Start, marker: str) -> None:
    child = started(SLEEPS)
    other = replace(processes.identify(child.pid), started_at=1.0)
    assert not processes.is_running(other)
    assert not processes.stop_group(other)
    assert child.poll() is None
    processes.stop_marked(marker)


def test_stopping_a_group_ends_its_workers(started: Start, marker: str) -> None:
    child = started(HAS_A_WORKER.format(own=False), lines=2)
    assert len(processes.marked(marker)) == 2
    assert processes.stop_group(processes.identify(child.pid))
    assert processes.marked(marker) == []


def test_the_first_signal_is_a_choice_and_the_exit_code_is_kept(started: Start) -> None:
    child = started(ENDS_AT_INT)
    identity = processes.identify(child.pid)
    assert processes.exit_code(identity) is None
    assert processes.stop_group(identity, first=signal.SIGINT)
    assert child.returncode == 7
    assert processes.exit_code(identity) == 7


def test_what_ignores_the_first_signal_is_killed_after_the_grace(started: Start) -> None:
    child = started(IGNORES_TERM)
    assert processes.stop_group(processes.identify(child.pid), grace_s=0.2)
    assert child.returncode == -signal.SIGKILL


def test_a_stopped_process_meets_its_signal(started: Start) -> None:
    child = started(SLEEPS)
    child.send_signal(signal.SIGSTOP)
    assert processes.stop_group(processes.identify(child.pid), grace_s=30)
    assert child.returncode == -signal.SIGTERM


def test_stopping_what_has_ended_says_that_there_was_nothing(started: Start) -> None:
    child = started(SLEEPS)
    identity = processes.identify(child.pid)
    assert processes.stop_group(identity)
    assert not processes.stop_group(identity)


def test_workers_of_a_killed_leader_are_found_by_the_marker(started: Start, marker: str) -> None:
    child = started(HAS_A_WORKER.format(own=True), lines=2)
    child.kill()
    child.wait()
    assert processes.stop_marked(marker) == 1


def test_markers_form_a_tree(started: Start, marker: str) -> None:
    child = started(SLEEPS, marker=f"{marker}.below")
    assert [process.pid for process in processes.marked(marker)] == [child.pid]
    assert processes.marked(marker[:-1]) == []
    assert processes.stop_marked(f"{marker}.beside") == 0
    assert processes.stop_marked(marker) == 1


def test_an_empty_marker_finds_nothing_lest_it_find_everything(started: Start, marker: str) -> None:
    started(SLEEPS)
    assert processes.marked("") == []
    processes.stop_marked(marker)


def test_what_another_process_started_has_no_known_exit_code() -> None:
    assert processes.exit_code(processes.identify(os.getppid())) is None


def test_a_short_program_is_asked_for_its_output_and_exit_code() -> None:
    answer = processes.ask([sys.executable, "-c", "print('7.1'); raise SystemExit(3)"], timeout_s=60)
    assert (answer.output, answer.exit_code) == ("7.1", 3)


def test_a_program_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        f"import os, subprocess, sys; worker = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]); "
        "f = open(sys.argv[1], 'w'); f.write(f'{os.getpid()} {worker.pid}'); f.close(); worker.wait()"
    )
    with pytest.raises(LabError, match="did not answer within 3 s"):
        processes.ask([sys.executable, "-c", code, str(pids)], timeout_s=3)
    both = [int(pid) for pid in pids.read_text().split()]
    assert processes.wait_until(lambda: not any(is_alive(pid) for pid in both), timeout_s=30)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_that_is_missing_cannot_be_asked() -> None:
    with pytest.raises(LabError, match="cannot start 'no-such-program'"):
        processes.ask(["no-such-program"], timeout_s=1)


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(str(line) for line in range(100_000)))
    assert processes.tail(log, lines=2) == "99998\n99999"


@pytest.mark.parametrize(("content", "expected"), [(None, "(no log at "), (b"", "(its log is empty)"), (b"\xff", "�")])
def test_a_log_that_is_missing_empty_or_no_text_has_a_tail_too(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    log = tmp_path / "log"
    if content is not None:
        log.write_bytes(content)
    assert processes.tail(log).startswith(expected)


def test_waiting_ends_when_the_time_is_over_and_asks_once_more_than_it_sleeps() -> None:
    now = iter([0.0, 1.0, 2.0, 3.0])
    asked: list[int] = []
    slept: list[float] = []

    def never() -> bool:
        asked.append(1)
        return False

    assert not processes.wait_until(never, timeout_s=3, interval_s=1, clock=lambda: next(now), sleep=slept.append)
    assert (len(asked), slept) == (3, [1, 1])


def test_waiting_with_no_time_asks_once() -> None:
    assert processes.wait_until(lambda: True, timeout_s=0)
