"""Backends, the real k6, and programs that stand in its place."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.load.k6 import K6, K6Load, find_k6
from tests.k6.fixtures import backend, closed_url

__all__ = ["backend", "closed_url"]


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[str]:
    """A marker for the processes of a test, none of which may be left."""
    own = f"load-test-{tmp_path.name}-{id(tmp_path):x}"
    yield own
    left = [process.pid for process in processes.marked(own)]
    processes.stop_marked(own, grace_s=1)
    assert left == [], "processes were left"


@pytest.fixture
def k6() -> K6Load:
    """The real k6."""
    return K6Load(find_k6())


@pytest.fixture
def make_k6(tmp_path: Path) -> Callable[[str], K6Load]:
    """Make a program that is started in the place of k6; `pipe` and `argv` are there for its code."""

    def make(code: str) -> K6Load:
        path = tmp_path / "k6"
        path.write_text(
            f"#!{sys.executable}\nimport sys, time\nargv = sys.argv\n"
            "pipe = next(text for text in argv if text.startswith('json=')).removeprefix('json=')\n" + code
        )
        path.chmod(0o755)
        return K6Load(K6(path=path, version="1.1.0", source="PATH"))

    return make
