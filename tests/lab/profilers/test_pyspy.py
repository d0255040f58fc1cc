import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lab import processes
from lab.errors import ProfileError
from lab.model import Profile, Subject
from lab.profilers.pyspy import PySpy, find_pyspy

BUSY = """
import multiprocessing, threading, time
import numpy as np

def spin():
    total = 0
    for number in range(300000):
        total += number * number
    return total

def sort_in_c():
    return np.sort(np.random.rand(200000))

def work():
    while True:
        spin()
        sort_in_c()
        time.sleep(0.02)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, daemon=True).start()
    threading.Thread(target=time.sleep, args=(600,), daemon=True, name="waits; long").start()
    print("working", flush=True)
    work()
"""

BEGUN = 'echo "py-spy> Sampling process 100 times a second. Press Control-C to exit."\n'
FILE = 'for word; do [ "$last" = --output ] && out=$word; last=$word; done\n'
WRITES = (
    FILE + BEGUN + 'trap \'printf "process 7:\\"python x.py\\";thread (7): MainThread;work (x.py:3) 5\\n" > $out; '
    'echo "py-spy> Wrote raw flamegraph data to $out. Samples: 5 Errors: 2"; exit 0\' INT\n'
    "while :; do sleep 0.05; done\n"
)


def never() -> bool:
    return False


def marker_of(tmp_path: Path) -> str:
    """By what a test's samplers are found."""
    return f"lab-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where profiles go; the test fails when anything unfinished is left in it."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    yield folder
    assert [path.name for path in folder.iterdir() if path.name.endswith(".part")] == []


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """The test fails when one of its samplers still runs."""
    marker = marker_of(tmp_path)
    yield
    left = [process.cmdline() for process in processes.marked(marker)]
    processes.stop_marked(marker, grace_s=1)
    assert left == [], "a sampler was left"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts a Python program and gives its pid once it has said something."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str = BUSY) -> int:
        script = tmp_path / f"service_{len(started)}.py"
        script.write_text(code)
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        child = subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environ, start_new_session=True
        )
        started.append(child)
        assert child.stdout
        assert child.stdout.readline(), "it has not started"
        return child.pid

    yield run
    for child in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # workers too, whose leader a test may have killed
        child.communicate(timeout=20)


@pytest.fixture
def played(tmp_path: Path) -> Callable[[str], str]:
    """A PATH on which py-spy is this shell script."""

    def write(script: str) -> str:
        program = tmp_path / "bin" / "py-spy"
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    return write


SLEEPS = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


def subject(pid: int, folder: Path) -> Subject:
    marker = marker_of(folder.parent)
    return Subject(service="ai_core", pid=pid, folder=folder, stem="stress-ai_core", marker=marker)


def stacks_of(profile: Profile, folder: Path, kind: str = "folded") -> Counter[str]:
    name = dict(profile.files)[kind]
    lines = (line.rsplit(" ", 1) for line in (folder / name).read_text().splitlines())
    return Counter({stack: int(count) for stack, count in lines})


@pytest.mark.needs("py-spy")
def test_all_processes_are_seen_with_native_frames_names_and_what_they_wait_for(
    start: Callable[..., int], folder: Path
) -> None:
    pid = start()
    profile = PySpy().take(subject(pid, folder), seconds=4, is_ended=never)

    stacks = stacks_of(profile, folder)
    child = psutil.Process(pid).children()
    workers = {each.pid for each in child}
    assert profile.samples == stacks.total() > 0
    assert {pid} | workers <= set(profile.pids) | {each.pid for each in child if "tracker" in " ".join(each.cmdline())}
    assert any(f"process {pid} (" in stack and "thread " in stack and "(MainThread);" in stack for stack in stacks)
    assert any(stack.count("process ") == 2 and "work (" in stack for stack in stacks), "the worker is below its parent"
    assert any("sort_in_c (service_0.py:" in stack and ".so)" in stack for stack in stacks), "C code has names"
    assert any("spin (service_0.py:" in stack for stack in stacks_of(profile, folder, "gil"))
    waiting = stacks_of(profile, folder, "all")
    looks = sum(count for stack, count in waiting.items() if "(waits: long)" in stack)
    assert looks > 0, "a name with a semicolon stays one frame"
    # py-spy takes a thread that has just been woken for one that works now and then
    asleep = {stack.rpartition(";")[2] for stack in stacks if "(waits: long)" in stack}
    assert all(frame.startswith(("clock_nanosleep (", "0x0 (libc")) for frame in asleep), "what waits is seen to wait"
    assert profile.threads is not None
    assert profile.threads.gil_s > 0
    assert profile.threads.idle_s > 1
    assert 0 < profile.cpu_s <= 4 * (os.cpu_count() or 1) + 2
    assert profile.rate_hz == 20
    assert 4 <= profile.ended_at - profile.started_at < 20


@pytest.mark.needs("py-spy")
def test_a_profile_that_is_ended_early_keeps_what_was_seen(start: Callable[..., int], folder: Path) -> None:
    profiler = PySpy(native=False, with_waiting=False)
    end_at = time.monotonic() + 3
    profile = profiler.take(subject(start(), folder), seconds=600, is_ended=lambda: time.monotonic() >= end_at)
    assert profile.samples > 0
    assert [kind for kind, _ in profile.files] == ["folded"]
    assert profile.threads is None, "nobody has looked at what waits"


@pytest.mark.needs("py-spy")
def test_a_process_that_ends_under_the_profiler_leaves_what_was_seen_until_then(
    start: Callable[..., int], folder: Path
) -> None:
    pid = start()
    looking = threading.Timer(4, psutil.Process(pid).kill)
    looking.start()
    profile = PySpy(native=False, with_waiting=False).take(subject(pid, folder), seconds=60, is_ended=never)
    looking.join()
    assert profile.samples > 0
    assert profile.ended_at - profile.started_at < 30
    assert "the process ended after" in profile.note


def test_a_process_that_has_ended_is_named_as_such(folder: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(ProfileError, match=f"process {gone.pid} has ended"):
        PySpy().take(subject(gone.pid, folder), seconds=1, is_ended=never)
    assert list(folder.iterdir()) == []


def test_a_program_that_is_not_python_is_refused_before_anything_starts(folder: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        assert "(sleep 60) is not Python" in PySpy().suits(subject(other.pid, folder))
    finally:
        other.kill()
        other.wait()


def test_without_py_spy_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ProfileError, match="pip install py-spy"):
        find_pyspy(str(tmp_path))


@pytest.mark.needs("py-spy")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to play a full disk")
@pytest.mark.parametrize("name", ["stress-ai_core-cpu.raw.part", "stress-ai_core-cpu.folded.part"])
def test_a_full_disk_is_named_and_nothing_half_written_is_left(
    start: Callable[..., int], folder: Path, name: str
) -> None:
    # whatever is written to this file meets a full disk: what py-spy writes, and what the lab makes of it
    (folder / name).symlink_to("/dev/full")
    profiler = PySpy(native=False, with_waiting=False)
    with pytest.raises(ProfileError, match=r"(is full|No space left).*make room"):
        profiler.take(subject(start(), folder), seconds=1, is_ended=never)
    assert list(folder.iterdir()) == []


def test_a_profiler_that_never_begins_is_ended(
    start: Callable[..., int], folder: Path, played: Callable[[str], str]
) -> None:
    path = played("trap '' INT TERM\nwhile :; do sleep 0.1; done\n")
    profiler = PySpy(path_env=path, patience_s=1)
    with pytest.raises(ProfileError, match="did not begin within 1 s"):
        profiler.take(subject(start(SLEEPS), folder), seconds=1, is_ended=never)
    assert list(folder.iterdir()) == []


def test_a_profiler_that_does_not_stop_is_killed_and_the_service_that_it_had_stopped_goes_on(
    start: Callable[..., int], folder: Path, played: Callable[[str], str]
) -> None:
    pid = start(SLEEPS)
    path = played(f"trap '' INT\nkill -STOP {pid}\n{BEGUN}while :; do sleep 0.1; done\n")
    profiler = PySpy(path_env=path, patience_s=2)
    with pytest.raises(ProfileError, match=r"did not end within 2 s.*was killed"):
        profiler.take(subject(pid, folder), seconds=0.2, is_ended=never)
    assert processes.wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING, timeout_s=10)
    assert list(folder.iterdir()) == []


def test_without_native_frames_the_profile_is_taken_all_the_same_and_says_so(
    start: Callable[..., int], folder: Path, played: Callable[[str], str]
) -> None:
    refuses = 'case "$*" in *--native*) echo "error: unexpected argument \'--native\' found" >&2; exit 2;; esac\n'
    profiler = PySpy(path_env=played(refuses + WRITES))
    profile = profiler.take(subject(start(SLEEPS), folder), seconds=0.2, is_ended=never)
    assert "native frames could not be read (unexpected argument '--native' found)" in profile.note
    assert stacks_of(profile, folder) == {"process 7 (python x.py);thread 7 (MainThread);work (x.py:3)": 5}
    assert (profile.samples, profile.lost) == (5, 2)


def test_a_sampler_beside_the_first_one_that_fails_costs_only_its_own_answer(
    start: Callable[..., int], folder: Path, played: Callable[[str], str]
) -> None:
    fails = 'case "$*" in *--gil*) echo "Error: it broke" >&2; exit 1;; esac\n'
    profiler = PySpy(path_env=played(fails + WRITES))
    profile = profiler.take(subject(start(SLEEPS), folder), seconds=0.2, is_ended=never)
    assert {kind for kind, _ in profile.files} == {"folded", "all"}
    assert profile.threads is None
    assert "who holds the global lock could not be told" in profile.note


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Permission Denied: Try running again with elevated permissions", "may not be looked into.*SYS_PTRACE"),
        ("Error: No python processes found in process 7 or any of its subprocesses", "finds no Python.*no symbols"),
        ("Error: No space left on device (os error 28)", "is full; make room"),
        ("Error: something that nobody has seen", "something that nobody has seen"),
    ],
)
def test_what_py_spy_ends_with_becomes_a_reason_and_what_to_do(
    start: Callable[..., int], folder: Path, played: Callable[[str], str], says: str, told: str
) -> None:
    profiler = PySpy(path_env=played(f"echo '{says}' >&2\nexit 1\n"), native=False)
    with pytest.raises(ProfileError, match=told):
        profiler.take(subject(start(SLEEPS), folder), seconds=1, is_ended=never)
    assert list(folder.iterdir()) == []


def test_samples_that_py_spy_was_too_late_for_are_lost(
    start: Callable[..., int], folder: Path, played: Callable[[str], str]
) -> None:
    late = 'echo "py-spy> 1.50s behind in sampling, results may be inaccurate. Try reducing the sampling rate"\n'
    profiler = PySpy(path_env=played(late + WRITES), rate_hz=50)
    profile = profiler.take(subject(start(SLEEPS), folder), seconds=0.2, is_ended=never)
    assert profile.lost == 2 + 75
    assert "up to 1.5 s behind" in profile.note
