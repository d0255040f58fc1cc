"""An engine with a home of its own, and small targets that it can run as processes and as containers."""

import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from lab import containers, processes
from lab.engines import ComposeEngine, Engine, ProcessEngine
from lab.engines.ports import free_ports
from lab.engines.state import home_marker
from lab.model import Environment, Service, Target

IMAGE = "python:3.11-slim-bookworm"
SAYS = """
import http.server, json, os, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        other = os.environ.get("OTHER")
        if self.path == "/die":
            print("the last words", flush=True)
            os._exit(3)
        told = {"version": "1.2.3", "word": os.environ.get("WORD", ""), "secret": os.environ.get("SECRET", "")}
        if other and self.path == "/other":
            told["other"] = json.load(urllib.request.urlopen(other))["word"]
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        print("answered", self.path, flush=True)  # first: who has the answer may look for the line at once
        self.wfile.write(body)
    def log_message(self, *_):
        pass
print("serving", flush=True)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
NEVER_READY = "import time; print('not yet', flush=True); time.sleep(600)"
FAILS = "print('no such thing', flush=True); raise SystemExit(7)"


@dataclass
class Bench:
    """An engine with a home of its own, and targets that it can run. `name` is the engine's."""

    name: str
    home: Path
    folder: Path
    made: list[Path] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        return ComposeEngine(self.home) if self.name == "compose" else ProcessEngine(self.home, environ={"PATH": ""})

    def target(
        self, *, code: str = SAYS, word: str = "hello", ready_timeout_s: float = 60.0, name: str = "small"
    ) -> Target:
        """Two services: `front` knows `back`; both say what their environment holds."""
        env = (("HOST", "{host}"), ("PORT", "{port}"))
        back_port, front_port = free_ports(2)
        back = Service(
            name="back",
            kind="http",
            argv=("{python}", "-c", code),
            port=back_port,
            env=(*env, ("WORD", word), ("SECRET", "{secret}")),
            health_path="/",
            ready_timeout_s=ready_timeout_s,
        )
        front = Service(
            name="front",
            kind="http",
            argv=("{python}", "-c", SAYS),
            port=front_port,
            env=(*env, ("OTHER", "{back.url}")),
            health_path="/",
            ready_timeout_s=60.0,
        )
        compose = self._compose_file(name, code)
        return Target(name=name, description="", entry="front", services=(back, front), compose=compose)

    def _compose_file(self, name: str, code: str) -> Path:
        ask = r"exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET / HTTP/1.0\r\n\r\n' >&3"
        check = f"{ask} && head -n 1 <&3 | grep -q ' 200 '"
        health = {"test": ["CMD", "bash", "-c", check], "interval": "1s", "timeout": "5s", "retries": 300}

        def service(port_variable: str, program: str, needs: dict[str, object]) -> dict[str, object]:
            return {
                "image": IMAGE,
                "init": True,
                "command": ["python", "-c", program.replace("$", "$$")],
                "ports": [f"127.0.0.1:${{{port_variable}:-0}}:8000"],
                "healthcheck": health,
                **needs,
            }

        content = {
            "services": {
                "back": service("LAB_BACK_PORT", code, {}),
                "front": service("LAB_FRONT_PORT", SAYS, {"depends_on": {"back": {"condition": "service_healthy"}}}),
            }
        }
        path = self.folder / f"{name}-{len(self.made)}.compose.json"
        self.made.append(path)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def up(self, target: Target | None = None, **options: object) -> Environment:
        return self.engine.up(target or self.target(), without=["prometheus", "grafana"], **options)  # type: ignore[arg-type]  # of the test

    def left(self) -> list[str]:
        """What is left of this home: processes, and what the engine of containers has."""
        marker = home_marker(self.home)
        found = [f"pid {process.pid}" for process in processes.marked(marker)]
        if self.name == "compose":
            label = {"label": f"{containers.PROJECT_LABEL}={marker}"}
            with containers.connected() as client:
                found += [f"container {c.name}" for c in client.containers.list(all=True, filters=label)]
                found += [f"network {n.name}" for n in client.networks.list(filters=label)]
                found += [f"volume {v.name}" for v in client.volumes.list(filters=label)]
        return found

    def kill(self, environment: Environment, name: str) -> None:
        """Have a service end as the kernel would end it."""
        service = next(s for s in environment.services if s.name == name)
        if service.container is not None:
            with containers.connected() as client:
                client.containers.get(service.container.id).kill()
        elif service.process is not None:
            os.kill(service.process.pid, signal.SIGKILL)
