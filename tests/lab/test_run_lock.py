"""One run at a time: a second one is told who holds the lock, and a killed one holds it no longer."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.errors import RunDirError, RunLockedError
from lab.run_lock import exclusive, holder

HOLD = """
import sys
from pathlib import Path
from lab.run_lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@contextmanager
def another_run(home: Path) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", HOLD, str(home)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def test_a_second_run_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with another_run(tmp_path) as first:
        assert holder(tmp_path) == first.pid
        with pytest.raises(RunLockedError, match=f"pid {first.pid}"), exclusive(tmp_path):
            pass


def test_a_killed_run_holds_the_lock_no_longer(tmp_path: Path) -> None:
    with another_run(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert holder(tmp_path) is None
    with exclusive(tmp_path):
        pass


def test_the_lock_is_free_before_and_after_and_in_another_home(tmp_path: Path) -> None:
    assert holder(tmp_path / "a") is None
    with exclusive(tmp_path / "a"), exclusive(tmp_path / "b"):
        pass
    assert holder(tmp_path / "a") is None


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunDirError, match="LAB_HOME"), exclusive(tmp_path / "file" / "home"):
        pass
