"""What tests of the scripts and of those who drive them share: a fake backend, and an address where none is."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.k6.backend_process import Backend, running_backend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """A backend of the test's own."""
    with running_backend(tmp_path) as own:
        yield own


@pytest.fixture
def closed_url() -> Iterator[str]:
    """A URL whose port is taken, so that nobody else may listen there, and does not answer."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
