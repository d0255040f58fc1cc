"""Starting and ending child processes: the only module of the lab that does either.

Every child leads a session and process group of its own, so that a Ctrl-C in the terminal reaches the lab alone and
ending a service ends its workers too. A child is named by pid *and* start time (`ProcessId`), since pids are reused.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.errors import LabError
from lab.model import ProcessId

MARKER = "LAB_ENVIRONMENT_ID"
"""The environment variable that every process started by the lab carries, and its workers inherit."""

# Linux's PR_SET_PDEATHSIG; set in the child by an exec'd shim, because code between fork and exec may deadlock in a
# process with threads
_DIES_WITH_PARENT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) or os._exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
)

# a Popen that is collected while its process runs warns and loses the exit code, and services outlive what started them
_CHILDREN: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a short program said: stdout and stderr together, as they came."""

    exit_code: int
    output: str


def start(
    argv: Sequence[str],
    *,
    marker: str,
    output: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    dies_with_parent: bool = False,
) -> "subprocess.Popen[bytes]":
    """Start `argv` in a session of its own, its output appended to the file `output`.

    `env` is added to this process's environment; `marker` goes into it as LAB_ENVIRONMENT_ID. With `dies_with_parent`
    (Linux; call it from the main thread) the kernel kills the child when this process dies, however it dies.

    Raises LabError when the program cannot be started.
    """
    command = list(argv)
    if dies_with_parent and sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _DIES_WITH_PARENT, str(os.getpid()), *command]
    try:
        with output.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {}), MARKER: marker},
                cwd=cwd,
                start_new_session=True,
            )
    except OSError as error:
        raise LabError(f"cannot start {argv[0]!r}: {error}; is it installed? `lab doctor` shows what is") from error
    _CHILDREN[child.pid] = child
    return child


def ask(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> Answer:
    """Run a short program, such as `docker version`, and give what it says.

    `env` is added to this process's environment. Raises LabError when it cannot be started, or has not ended after
    `timeout_s`; then it and its group are killed.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise LabError(f"cannot start {argv[0]!r}: {error.strerror}") from error
    try:
        output, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{argv[0]!r} did not answer within {timeout_s:g} s") from error
    finally:
        _abandon(child)
    return Answer(exit_code=child.returncode, output=output.decode(errors="replace").strip())


def _abandon(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is None:
        _signal_group(child.pid, signal.SIGKILL)
        _CHILDREN[child.pid] = child  # one that waits for a dead disk cannot be reaped yet
    if child.stdout is not None:
        child.stdout.close()


def exit_code(process: ProcessId) -> int | None:
    """How a process that this one started has ended (negative: the signal that ended it).

    None while it runs, and where another process started it.
    """
    child = _CHILDREN.get(process.pid)
    return None if child is None else child.poll()


def identify(pid: int) -> ProcessId:
    """The identity of a process that runs now. Raises LabError when there is none with this pid."""
    try:
        return ProcessId(pid=pid, started_at=psutil.Process(pid).create_time())
    except psutil.Error as error:
        raise LabError(f"process {pid} has ended") from error


def is_running(process: ProcessId) -> bool:
    """Whether that very process still runs (a zombie does not)."""
    try:
        found = psutil.Process(process.pid)
        return _same(found, process) and _is_alive(found)
    except psutil.Error:
        return False


def _same(found: psutil.Process, process: ProcessId) -> bool:
    # the kernel counts in ticks of 10 ms, and the boot time that they are added to is rounded
    return abs(found.create_time() - process.started_at) < 1.0


def marked(marker: str) -> list[psutil.Process]:
    """Every process of this user that carries `marker`, or a marker below it, in its environment, workers included.

    Markers form a tree by dots: `lab-1f2e` finds `lab-1f2e.8a` too.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and _is_below(process.environ().get(MARKER, ""), marker):
                found.append(process)
    return [process for process in found if _is_alive(process)]


def _is_below(carried: str, marker: str) -> bool:
    # without the first condition an empty marker would name every process that the lab has nothing to do with
    return bool(marker) and (carried == marker or carried.startswith(f"{marker}."))


def stop_group(process: ProcessId, *, grace_s: float = 10.0, first: signal.Signals = signal.SIGTERM) -> bool:
    """End a process and its whole group: `first`, wait up to `grace_s`, then SIGKILL. True when there was one to end.

    Does nothing when the pid belongs to another process by now. Reaps the process where it is a child of this one,
    whose Popen keeps the true exit code.
    """
    if not is_running(process):
        return False
    members = _group(process.pid)
    _signal_group(process.pid, first)
    _signal_group(process.pid, signal.SIGCONT)  # one that is stopped meets its signal only when it goes on
    if _wait_for_end(members, timeout_s=grace_s):
        _signal_group(process.pid, signal.SIGKILL)
        _wait_for_end(members, timeout_s=5.0)
    return True


def stop_marked(marker: str, *, grace_s: float = 5.0) -> int:
    """End whatever still carries `marker` (workers whose leader was killed, say); gives how many there were.

    Looks again until nothing is found, since a process may start another one while it is being ended.
    """
    ended: set[psutil.Process] = set()
    for _ in range(5):
        found = marked(marker)
        if not found:
            break
        ended |= set(found)
        _stop_each(found, grace_s)
    return len(ended)


def _stop_each(found: Sequence[psutil.Process], grace_s: float) -> None:
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    alive = _wait_for_end(found, timeout_s=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait_for_end(alive, timeout_s=5.0)


def _wait_for_end(found: Sequence[psutil.Process], *, timeout_s: float) -> list[psutil.Process]:
    # not psutil.wait_procs: it reaps children of this process, and their Popen would then report an exit code of 0
    alive = list(found)

    def gone() -> bool:
        for child in list(_CHILDREN.values()):
            child.poll()
        alive[:] = [process for process in alive if _is_alive(process)]
        return not alive

    wait_until(gone, timeout_s=timeout_s, interval_s=0.02)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        # a leader may be a zombie while its threads end, and they hold its ports and files until they have
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.Error:
        return False


def _group(leader: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == leader:
                members.append(process)
    return members


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def tail(path: Path, *, lines: int = 15) -> str:
    """The end of a log file, or a sentence saying that there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"(no log at {path})"
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


def wait_until(
    ready: Callable[[], bool],
    *,
    timeout_s: float,
    interval_s: float = 0.05,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Ask `ready` until it says yes (True) or `timeout_s` has passed (False)."""
    deadline = clock() + timeout_s
    while not ready():
        if clock() >= deadline:
            return False
        sleep(interval_s)
    return True
