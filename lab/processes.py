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
            return subprocess.Popen(
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
        return _same(found, process) and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _same(found: psutil.Process, process: ProcessId) -> bool:
    # the kernel counts in ticks of 10 ms, and the boot time that they are added to is rounded
    return abs(found.create_time() - process.started_at) < 1.0


def marked(marker: str) -> list[psutil.Process]:
    """Every process of this user that carries `marker` in its environment, workers included."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARKER) == marker:
                found.append(process)
    return found


def stop_group(process: ProcessId, *, grace_s: float = 10.0, first: signal.Signals = signal.SIGTERM) -> bool:
    """End a process and its whole group: `first`, wait up to `grace_s`, then SIGKILL. True when there was one to end.

    Does nothing when the pid belongs to another process by now. Reaps the process where it is a child of this one.
    """
    if not is_running(process):
        return False
    members = _group(process.pid)
    _signal_group(process.pid, first)
    _, alive = psutil.wait_procs(members, timeout=grace_s)
    if alive:
        _signal_group(process.pid, signal.SIGKILL)
        psutil.wait_procs(alive, timeout=5.0)
    return True


def stop_marked(marker: str, *, grace_s: float = 5.0) -> int:
    """End whatever still carries `marker` (workers whose leader was killed, say); gives how many there were."""
    found = marked(marker)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5.0)
    return len(found)


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
