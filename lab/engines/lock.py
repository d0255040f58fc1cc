"""One command at a time brings an environment up or down."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from lab.errors import EngineError

_FILE = "environment.lock"
_HOLDER = "environment.lock.json"


@contextlib.contextmanager
def held(home: Path, command: str, *, wait_s: float) -> Iterator[None]:
    """Hold the home's lock as `command`; the kernel lets go of it when this process ends, however it ends.

    Raises EngineError that names the holder when it is not free after `wait_s`, or when the home cannot be written.
    """
    lock = FileLock(home / _FILE)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise EngineError(f"{_who(home)} is at work on the environment in {home}; wait until it has ended") from error
    except OSError as error:
        raise EngineError(f"{home} cannot be written: {error.strerror}; set LAB_HOME to a folder that can") from error
    holder = home / _HOLDER
    try:
        holder.write_bytes(orjson.dumps({"pid": os.getpid(), "command": command, "since": time.time()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(home: Path) -> str:
    try:
        holder = orjson.loads((home / _HOLDER).read_bytes())
        return f"`{holder['command']}` (pid {holder['pid']}, since {time.time() - holder['since']:.0f} s)"
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return "another `lab` command"
