"""A Python that has exactly what a `requirements.lock` pins: the running one, or one that is made and kept."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lab import processes
from lab.errors import EngineError, LabError

_LOCK, _MADE, _LONGEST_S = "requirements.lock", ".made", 1800.0


def python_for(code: Path, running: Path, folder: Path, *, marker: str, say: Callable[[str], None]) -> Path:
    """Give the Python that serves `code`: this one where its lock is that of `running`, or it has none.

    Another one is made below `folder` once, by the digest of the lock. `marker` is what pip's process carries. Raises
    EngineError where it cannot be made.
    """
    wanted, own = _content(code), _content(running)
    if wanted is None or wanted == own:
        return Path(sys.executable)
    place = folder / hashlib.sha256(wanted).hexdigest()[:16]
    if not (place / _MADE).exists():
        say(f"its {_LOCK} is another one: making a Python of its own (once, a minute or two)")
        _make(place, code / _LOCK, marker=marker)
    return place / "bin" / "python"


def _content(code: Path) -> bytes | None:
    try:
        return (code / _LOCK).read_bytes()
    except OSError:
        return None


def _make(place: Path, lock: Path, *, marker: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    log = place.with_suffix(".log")
    log.unlink(missing_ok=True)
    python = str(place / "bin" / "python")
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
    try:
        for argv in ((sys.executable, "-m", "venv", str(place)), (python, *install)):
            _run(argv, log, marker=marker)
        (place / _MADE).touch()
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _run(argv: tuple[str, ...], log: Path, *, marker: str) -> None:
    """Run a program to its end. Raises EngineError with the end of what it said."""
    env = {"PIP_REQUIRE_VIRTUALENV": "0", "PYTHONPATH": os.devnull}
    try:
        child = processes.start(argv, marker=marker, output=log, env=env)
    except LabError as error:
        raise EngineError(str(error)) from error
    process = processes.identify(child.pid)
    try:
        has_ended = processes.wait_until(lambda: child.poll() is not None, timeout_s=_LONGEST_S, interval_s=0.2)
    finally:
        processes.stop_group(process)
    if not has_ended or child.returncode:
        raise EngineError(f"the packages of the lock cannot be installed; the end of {log}:\n{processes.tail(log)}")
