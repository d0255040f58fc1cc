"""What it costs ai_core to follow its allocations for /debug/heap (docs/profiling-node.md).

`python benchmarks/heap_following.py` takes the CPU of an analysis and of a small request without lab mode, in lab mode,
and while allocations are followed, each from a service of its own, in rounds that take turns.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from lab.engines.ports import free_ports

_WAYS = {"off": (False, False), "lab mode": (True, False), "followed": (True, True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AiCore:
    """A service with two workers."""

    url: str
    process: psutil.Process

    def ask(self, path: str, *, method: str = "GET", body: object = None) -> bytes:
        """Give its answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", method=method, data=data)  # noqa: S310  # our own port
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())

    def cpu_s(self) -> float:
        """CPU seconds of all its processes so far."""
        members = [self.process, *self.process.children(recursive=True)]
        return sum(member.cpu_times().user + member.cpu_times().system for member in members)


@contextmanager
def running(*, lab_mode: bool) -> Iterator[AiCore]:
    """Give a service that answers; it is gone after the block."""
    (port,) = free_ports(1)
    env = {"PORT": str(port), "AI_CORE_WORKERS": "2", "LAB_PROFILING": str(int(lab_mode))}
    argv = [sys.executable, "-m", "ai_core_stub"]
    with subprocess.Popen(argv, env={**os.environ, **env}, stdout=subprocess.DEVNULL) as child:
        service = AiCore(url=f"http://127.0.0.1:{port}", process=psutil.Process(child.pid))
        try:
            _wait(service)
            yield service
        finally:
            child.send_signal(signal.SIGTERM)


def _wait(service: AiCore) -> None:
    for _ in range(600):
        try:
            service.ask("/healthz")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("ai_core did not start")


def a_csv(rows: int, features: int, seed: int) -> str:
    """A table whose last column is a sum of the others."""
    draw = random.Random(seed)
    table = [[draw.uniform(-3, 3) for _ in range(features)] for _ in range(rows)]
    lines = [",".join(f"{cell:.3f}" for cell in (*row, sum(row))) for row in table]
    return "\n".join([",".join([*(f"x{i}" for i in range(features)), "y"]), *lines]) + "\n"


def measure(*, lab_mode: bool, followed: bool, analyses: int, requests: int) -> tuple[float, float, float]:
    """Give the CPU milliseconds of an analysis and of a small request, and the seconds of a snapshot."""
    with running(lab_mode=lab_mode) as service:

        def analyse(seed: int) -> None:
            body = {"analysisId": f"an-{seed}", "target": "y", "csv": a_csv(200, 8, seed)}
            service.ask("/analyze", method="POST", body=body)

        for seed in range(4):
            analyse(seed)
        if followed:
            service.ask("/debug/heap?seconds=600", method="PUT")
        begun = service.cpu_s()
        for seed in range(analyses):
            analyse(100 + seed)
        between = service.cpu_s()
        for _ in range(requests):
            service.ask("/healthz")
        ended, asked_at = service.cpu_s(), time.monotonic()
        if followed:
            service.ask("/debug/heap")
        snapshot_s = time.monotonic() - asked_at
    return (between - begun) / analyses * 1000, (ended - between) / requests * 1000, snapshot_s


def main() -> None:
    """Parse the options, measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--analyses", type=int, default=60)
    parser.add_argument("--requests", type=int, default=1500)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in _WAYS}
    for _ in range(options.rounds):
        for name, (lab_mode, followed) in _WAYS.items():
            figures = measure(
                lab_mode=lab_mode, followed=followed, analyses=options.analyses, requests=options.requests
            )
            found[name].append(figures)
    for name, rounds in found.items():
        analysis_ms, request_ms, snapshot_s = (statistics.median(each) for each in zip(*rounds, strict=True))
        told = f", a snapshot {snapshot_s:.2f} s" if name == "followed" else ""
        print(f"{name:10} an analysis {analysis_ms:.1f} ms of CPU, a small request {request_ms:.2f} ms{told}")


if __name__ == "__main__":
    main()
