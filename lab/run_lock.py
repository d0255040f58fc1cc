"""One run at a time from one home: two would measure each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lab.errors import RunDirError, RunLockedError


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home's run lock; the kernel lets go of it when this process ends, however it does.

    Raises RunLockedError with the other's pid when a run is going on.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / "run.lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLockedError(
            f"another run is going on (pid {holder(home) or 'unknown'}); wait for it, or end it with Ctrl-C or kill"
        ) from error
    except OSError as error:
        raise RunDirError(f"{home}: cannot be written: {error.strerror}; set LAB_HOME to one that can") from error
    try:
        _pid_file(home).write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        _pid_file(home).unlink(missing_ok=True)
        lock.release()


def holder(home: Path) -> int | None:
    """Give the pid of the run that goes on; None when there is none."""
    try:
        with FileLock(home / "run.lock").acquire(timeout=0):
            return None
    except Timeout:
        pass
    except OSError:
        return None
    try:
        return int(_pid_file(home).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _pid_file(home: Path) -> Path:
    return home / "run.pid"
