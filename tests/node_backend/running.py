"""The Node backend as a process of its own, and a target file that says where it is."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab.processes import wait_until

_PROGRAM = Path(__file__).with_name("server.mjs")

ROUTES = {
    "POST /register": "POST /api/v1/auth/signup",
    "POST /login": "POST /api/v1/auth/login",
    "POST /datasets": "POST /api/v1/datasets",
    "POST /analyze": "POST /api/v1/analyses",
    "GET /report/{id}": "GET /api/v1/reports/{id}",
    "GET /reports/{userId}": "GET /api/v1/users/{userId}/reports",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBackend:
    """A Node backend that answers; `process` is its own."""

    url: str
    process: "subprocess.Popen[bytes]"

    def redirect(self) -> None:
        """From now on, answer every request of the API with a redirect."""
        httpx.post(f"{self.url}/control/redirect").raise_for_status()

    def answers(self) -> bool:
        """Whether it runs and is ready."""
        return self.process.poll() is None and httpx.get(f"{self.url}/status").status_code == 200

    def metrics(self) -> str:
        """What it tells of itself."""
        return httpx.get(f"{self.url}/internal/metrics").raise_for_status().text

    def target(self, folder: Path, *, url: str = "", more: str = "", with_metrics: bool = True) -> str:
        """Write a target file for it; `more` goes before its tables."""
        metrics_path = "/internal/metrics" if with_metrics else ""
        routes = "\n".join(f'"{ours}" = "{own}"' for ours, own in ROUTES.items())
        path = folder / "node.toml"
        path.write_text(
            f'name = "node"\nentry = "api"\nbacklog = ["analyze_queue_depth"]\n{more}\n'
            f'[services.api]\nkind = "http"\nurl = "{url or self.url}"\nhealth_path = "/status"\n'
            f'metrics_path = "{metrics_path}"\n\n[routes]\n{routes}\n\n'
            '[metrics]\nanalyze_queue_depth = "jobs_waiting"\nhttp_requests_total = "app_requests_total"\n',
            encoding="utf-8",
        )
        return str(path)


@contextmanager
def running_node_backend(folder: Path, *, redirect_to: str = "") -> Iterator[NodeBackend]:
    """Give a backend that is ready; it is gone after the block, and nobody else has ended it before."""
    port_file = folder / "node-port"
    port_file.unlink(missing_ok=True)
    child = subprocess.Popen(["node", str(_PROGRAM), str(port_file), *([redirect_to] if redirect_to else [])])
    try:
        assert wait_until(port_file.exists, timeout_s=30)
        yield NodeBackend(url=f"http://127.0.0.1:{port_file.read_text()}", process=child)
    finally:
        child.kill()
        child.wait()
