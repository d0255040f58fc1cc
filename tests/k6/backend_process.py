"""The fake backend as a process of its own, on a free port."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab.processes import wait_until

_PROGRAM = Path(__file__).with_name("fake_backend.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A fake backend that answers."""

    url: str

    def commit(self, **faults: float) -> None:
        """From now on, commit these faults and no others (the fields of `Faults`)."""
        httpx.post(f"{self.url}/_faults", json=faults).raise_for_status()

    def seen(self) -> list[dict[str, str]]:
        """Every request so far, in order: method, path, request_id, sha256 of the body."""
        requests: list[dict[str, str]] = httpx.get(f"{self.url}/_seen").raise_for_status().json()
        return requests


@contextmanager
def running_backend(folder: Path) -> Iterator[Backend]:
    """Give a backend that is ready; it is gone after the block."""
    port_file = folder / "port"
    child = subprocess.Popen([sys.executable, str(_PROGRAM), str(port_file)])
    try:
        assert wait_until(port_file.exists, timeout_s=30)
        yield Backend(url=f"http://127.0.0.1:{port_file.read_text()}")
    finally:
        child.kill()
        child.wait()
