"""Node services as processes of their own, with an inspector on a port of their own, and gone afterwards."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lab import processes
from lab.engines.ports import free_ports
from lab.model import Subject

_PROGRAM = Path(__file__).with_name("service.mjs")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeService:
    """A Node process that works; `port` is where its inspector is, or would be."""

    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    def subject(self, *, by_url: bool = False, stem: str = "peak-api") -> Subject:
        """The service as a profiler is told of it: by its pid alone, or by the URL of its inspector too."""
        url = f"http://127.0.0.1:{self.port}" if by_url else ""
        return Subject(service="api", pid=self.process.pid, folder=self.folder, stem=stem, inspector_url=url)

    def inspects(self) -> bool:
        """Whether its inspector is open."""
        listening = psutil.Process(self.process.pid).net_connections("tcp")
        return any(each.laddr.port == self.port for each in listening if each.status == psutil.CONN_LISTEN)


StartNode = Callable[..., NodeService]


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    """Starts services by their mode; with `inspect` the inspector is open from the begin."""
    started: list[subprocess.Popen[bytes]] = []
    folder = tmp_path / "profiles"
    folder.mkdir()

    def start(mode: str, *, inspect: bool = False, port: int | None = None) -> NodeService:
        port, ready = port or free_ports(1)[0], tmp_path / f"ready-{len(started)}"
        option = f"--inspect=127.0.0.1:{port}" if inspect else f"--inspect-port=127.0.0.1:{port}"
        with (tmp_path / f"node-{len(started)}.log").open("wb") as log:
            # what V8 compiles into its caller counts for the caller, and when it does so is up to it
            argv = ["node", "--no-turbo-inlining", "--no-use-osr", option, str(_PROGRAM), str(ready), mode]
            started.append(subprocess.Popen(argv, stdout=log, stderr=log))
        assert processes.wait_until(ready.exists, timeout_s=60)
        return NodeService(process=started[-1], port=port, folder=folder)

    yield start
    for child in started:
        workers = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
        for process in (child, *workers):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        child.wait()
        assert psutil.wait_procs(workers, timeout=30)[1] == [], "processes were left"
    assert list(folder.glob("*.part")) == [], "a half-written file was left"


@pytest.fixture
def a_subject(tmp_path: Path) -> Callable[..., Subject]:
    """A subject of which a test names what matters."""

    def make(*, pid: int = 0, inspector_url: str = "", lab_url: str = "") -> Subject:
        return Subject(
            service="api", pid=pid, folder=tmp_path, stem="peak-api", inspector_url=inspector_url, lab_url=lab_url
        )

    return make
