"""How a service begins and ends, as a real process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab import processes
from lab.engines.ports import free_ports

pytestmark = pytest.mark.e2e

SERVICE = """
import asyncio, os, sys
from typing import ClassVar
from pydantic import Field
from service_kit.serving import run, serve
from service_kit.settings import Settings

class Example(Settings):
    prefix: ClassVar[str] = "EXAMPLE_"
    slow_start_s: float = Field(0, alias="EXAMPLE_SLOW_START_S")

async def app(scope, receive, send):
    if scope["path"] == "/hangs":
        await asyncio.sleep(600)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})

async def main(settings):
    try:
        print("starts", flush=True)
        await asyncio.sleep(settings.slow_start_s)
        await serve(app, settings)
    finally:
        print("cleaned up", flush=True)

run("example", Example, main, os.environ)
"""


class Child:
    """A service of a few lines."""

    def __init__(self, **env: str) -> None:
        (self.port,) = free_ports(1)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE],
            env={**os.environ, "PORT": str(self.port), "PYTHONPATH": str(Path.cwd()), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return httpx.get(self.url).text == "here"
        except httpx.TransportError:
            return False

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def child() -> Iterator[type[Child]]:
    """Starts services; none is left."""
    started: list[Child] = []

    class Kept(Child):
        def __init__(self, **env: str) -> None:
            super().__init__(**env)
            started.append(self)

    yield Kept
    for service in started:
        service.process.kill()
        service.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_after_cleaning_up(child: type[Child], number: signal.Signals) -> None:
    service = child()
    assert processes.wait_until(service.answers, timeout_s=60)
    service.process.send_signal(number)
    assert service.ended() == (0, "starts\ncleaned up\n", "")


def test_a_signal_while_it_starts_ends_it_likewise(child: type[Child]) -> None:
    service = child(EXAMPLE_SLOW_START_S="600")
    assert service.process.stdout is not None
    assert service.process.stdout.readline() == "starts\n"
    service.process.terminate()
    code, out, _ = service.ended()
    assert (code, out) == (0, "cleaned up\n")


def test_a_request_that_hangs_does_not_hold_it_up(child: type[Child]) -> None:
    service = child()
    assert processes.wait_until(service.answers, timeout_s=60)
    hanging = subprocess.Popen(
        [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen('{service.url}/hangs')"],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert processes.wait_until(lambda: connections(service.port) > 0, timeout_s=60)
        service.process.terminate()
        # 600 s if it waited for the request
        assert service.ended()[0] == 0
    finally:
        hanging.kill()
        hanging.wait()


def connections(port: int) -> int:
    """Established connections to a port."""
    needle = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return sum(needle in " ".join(line.split()[1:2]) + " " and line.split()[3] == "01" for line in lines[1:])


def test_settings_that_cannot_be_used_end_it_with_2_and_all_the_reasons(child: type[Child]) -> None:
    code, out, err = child(PORT="none", EXAMPLE_MORE="1").ended()
    assert (code, out) == (2, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["example", "example"]
    assert "EXAMPLE_MORE is no setting" in err
    assert "PORT: " in err
