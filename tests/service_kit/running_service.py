"""A service, or a mongod, as a child process of a test, with its log and with nothing left afterwards."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from lab import processes
from lab.engines.ports import free_ports

PATIENCE_S = 60


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a test may want of a child: where it answers, what it has logged, which processes it is."""

    url: str
    child: "subprocess.Popen[bytes]"
    log: Path
    marker: str

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["requestId"] == request_id]

    def members(self) -> list[psutil.Process]:
        return processes.marked(self.marker)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        return self.child.wait(PATIENCE_S)

    def metric(self, sample: str) -> float:
        """A sample of /metrics by its name and labels as they are written there; 0 where there is none yet."""
        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(argv: Sequence[str], *, url: str, log: Path, env: Mapping[str, str]) -> Iterator[Running]:
    marker = f"test-{uuid.uuid4().hex}"
    child = processes.start(argv, marker=marker, output=log, env=env, dies_with_parent=True)
    try:
        yield Running(url=url, child=child, log=log, marker=marker)
    finally:
        child.terminate()
        processes.wait_until(lambda: child.poll() is not None, timeout_s=PATIENCE_S)
        # workers notice the end of their service; they are not its last act
        processes.wait_until(lambda: not processes.marked(marker), timeout_s=PATIENCE_S)
        left = processes.marked(marker)
        processes.stop_marked(marker, grace_s=0)
        assert left == [], f"processes were left: {left}; the log ends:\n{processes.tail(log)}"


@contextmanager
def running_service(
    module: str, folder: Path, env: Mapping[str, str], *, port: int | None = None, ready: str = "/healthz"
) -> Iterator[Running]:
    """`python -m module` on a free port of 127.0.0.1, once it answers at `ready`."""
    port = port or free_ports(1)[0]
    url, log = f"http://127.0.0.1:{port}", folder / f"{module}-{port}-{uuid.uuid4().hex[:6]}.log"
    given = {"HOST": "127.0.0.1", "PORT": str(port), "OMP_NUM_THREADS": "1", **env}
    argv = [sys.executable, "-m", module]
    # a service that is killed leaves its temporary files; their folder is short, since sockets lie in it
    with TemporaryDirectory() as scratch, started(argv, url=url, log=log, env={"TMPDIR": scratch, **given}) as service:
        processes.wait_until(lambda: answers(url + ready) or service.child.poll() is not None, timeout_s=PATIENCE_S)
        assert answers(url + ready), processes.tail(log)
        yield service
