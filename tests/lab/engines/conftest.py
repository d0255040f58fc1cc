"""Services made of a few lines, controllers in processes of their own, and a home that must be empty at the end."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from lab import processes
from lab.engines import ProcessEngine, scratch
from lab.engines.ports import free_ports
from lab.engines.state import home_marker
from lab.model import Service, Target

WEB = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"version": "1.2.3"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
print("serving", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

CONTROLLER = """
import sys
from pathlib import Path
from pydantic import TypeAdapter
from lab.engines import ProcessEngine
from lab.model import Target
engine = ProcessEngine(Path(sys.argv[1]), lock_wait_s=float(sys.argv[3]))
target = TypeAdapter(Target).validate_json(sys.argv[2])
environment = engine.up(target, without=["prometheus", "grafana"], on_event=lambda event: print(event, flush=True))
print(environment.id, flush=True)
"""

MakeService = Callable[..., Service]
MakeTarget = Callable[..., Target]
StartController = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A lab's home; the test fails when a process of it is left."""
    folder = tmp_path / "home"
    yield folder
    marker = home_marker(folder)
    left = [f"{process.pid} {process.cmdline()}" for process in processes.marked(marker)]
    processes.stop_marked(marker, grace_s=1)
    scratch.remove(scratch.scratch_of(marker))
    assert left == [], "processes were left"


@pytest.fixture
def engine(home: Path) -> Iterator[ProcessEngine]:
    """An engine without MONGO_URL; what it left running is ended."""
    engine = ProcessEngine(home, environ={"PATH": ""}, grace_s=5)
    yield engine
    engine.down()


@pytest.fixture
def a_service() -> MakeService:
    """A small HTTP service; `code` makes another program of it."""

    def make(name: str = "web", *, code: str = WEB, argv: tuple[str, ...] = (), **fields: object) -> Service:
        values: dict[str, object] = {"port": free_ports(1)[0], "health_path": "/", "ready_timeout_s": 20.0, **fields}
        return Service(name=name, kind="http", argv=argv or ("{python}", "-c", code, "{port}"), **values)  # type: ignore[arg-type]  # the fields of the test

    return make


@pytest.fixture
def a_target(a_service: MakeService) -> MakeTarget:
    """A target of these services; of one small HTTP service when none are named."""

    def make(*services: Service, name: str = "small") -> Target:
        parts = services or (a_service(),)
        return Target(name=name, description="", entry=parts[-1].name, services=parts)

    return make


@pytest.fixture
def a_controller(home: Path) -> Iterator[StartController]:
    """Runs `up` in a Python of its own, printing each event, so that it can be killed."""
    started: list[subprocess.Popen[str]] = []

    def start(target: Target, *, lock_wait_s: float = 15.0, **options: object) -> "subprocess.Popen[str]":
        text = TypeAdapter(Target).dump_json(target).decode()
        controller: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER, str(home), text, str(lock_wait_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,  # type: ignore[call-overload]  # of Popen
        )
        started.append(controller)
        return controller

    yield start
    for controller in started:
        controller.kill()
        controller.communicate()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for something that must come to be, with patience for a busy machine."""

    def wait(ready: Callable[[], bool]) -> None:
        assert processes.wait_until(ready, timeout_s=30), "it did not come to be within 30 s"

    return wait


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Callable[..., tuple[int, int]]]:
    """A foreign process that listens on a port; gives its pid and the port."""
    started: list[subprocess.Popen[bytes]] = []

    def start(env: Mapping[str, str] | None = None, host: str = "127.0.0.1") -> tuple[int, int]:
        code = (
            "import socket, sys, time; s = socket.socket(); s.bind((sys.argv[2], 0)); s.listen(); "
            "f = open(sys.argv[1], 'w'); f.write(str(s.getsockname()[1])); f.close(); time.sleep(600)"
        )
        told = tmp_path / f"port-{len(started)}"
        started.append(subprocess.Popen([sys.executable, "-c", code, str(told), host], env=env))
        deadline = time.monotonic() + 30
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return started[-1].pid, int(told.read_text())

    yield start
    for process in started:
        process.kill()
        process.wait()
