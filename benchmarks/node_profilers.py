"""What the profilers of Node cost the process that they look into (docs/profiling-node.md).

`python benchmarks/node_profilers.py` gives a process a steady load and takes its CPU per piece of work with each
profiler and without, in rounds that take turns. `--snapshot` takes heap snapshots of a heap of small objects instead.
"""

import argparse
import asyncio
import mmap
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from lab.analysis.v8_heap import constructors
from lab.engines.ports import free_ports
from lab.model import Subject
from lab.profilers import Profiler
from lab.profilers.inspector import connected
from lab.profilers.node_cpu import NodeCpuProfiler
from lab.profilers.node_heap import NodeHeapProfiler, NodeHeapSnapshotter

_WORK = """
const kept = new Map(); let done = 0;
function work(i) {
  const rows = [];
  for (let k = 0; k < 2000; k++) rows.push({ i, k, name: 'x' + k });
  kept.set(i % 50, rows);
  return JSON.stringify(rows.slice(0, 200)).length;
}
setInterval(() => { for (let j = 0; j < 10; j++) work(done++); }, 20);
"""
_ROWS = """
const done = Number(process.argv[2]), kept = [];
class Row { constructor(i) { this.i = i; this.name = 'name-' + i; this.tags = [i, i + 1]; this.next = null; } }
for (let i = 0; i < done; i++) kept.push(new Row(i));
"""
_SERVE = """
require('http').createServer((_, answer) => answer.end(String(done)))
  .listen(Number(process.argv[1]), '127.0.0.1', () => console.log('up'));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Node process that is inspected, and answers with how much it has done."""

    process: psutil.Process
    url: str
    subject: Subject

    def done(self) -> int:
        """Pieces of work so far."""
        with urllib.request.urlopen(self.url) as answer:  # noqa: S310  # a port that this process has chosen
            return int(answer.read())

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(program: str, folder: Path, *arguments: str) -> Iterator[Node]:
    """Give a process that works; it is gone after the block."""
    port, inspector = free_ports(2)
    argv = ["node", f"--inspect=127.0.0.1:{inspector}", "-e", program + _SERVE, str(port), *arguments]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            url = f"http://127.0.0.1:{inspector}"
            subject = Subject(service="node", pid=child.pid, folder=folder, stem="cost", inspector_url=url)
            yield Node(process=psutil.Process(child.pid), url=f"http://127.0.0.1:{port}", subject=subject)
        finally:
            child.kill()


def cost(folder: Path, *, rounds: int, seconds: float) -> None:
    """Print the CPU per piece of work with each profiler against that without, as of the same round."""
    profilers: dict[str, Profiler] = {
        "node-cpu, 100 a second": NodeCpuProfiler(),
        "node-cpu, 1000 a second": NodeCpuProfiler(interval_us=1000),
        "node-heap, 32 KB": NodeHeapProfiler(),
        "node-heap, 512 KB": NodeHeapProfiler(interval_bytes=512 * 1024),
    }
    ratios: dict[str, list[float]] = {name: [] for name in profilers}
    shares: dict[str, list[float]] = {name: [] for name in profilers}
    with running(_WORK, folder) as node:
        time.sleep(seconds)  # V8 compiles what is hot
        for _ in range(rounds):
            off_ms, _ = _per_piece(node, lambda: time.sleep(seconds))
            for name, profiler in profilers.items():
                ms, per_s = _per_piece(node, lambda each=profiler: _take(each, node.subject, seconds))  # type: ignore[misc]
                ratios[name].append(ms / off_ms - 1)
                shares[name].append((ms - off_ms) / 1000 * per_s)
    for name, found in ratios.items():
        low, middle, high = min(found), statistics.median(found), max(found)
        share = statistics.median(shares[name])
        print(f"{name:24} {middle:+.0%} CPU per piece ({low:+.0%} to {high:+.0%}), {share:.3f} of a core")


def _take(profiler: Profiler, subject: Subject, seconds: float) -> None:
    profiler.take(subject, seconds=seconds, is_ended=lambda: False)


def _per_piece(node: Node, work: Callable[[], None]) -> tuple[float, float]:
    begun, cpu_s, done = time.monotonic(), node.cpu_s(), node.done()
    work()
    pieces, passed_s = node.done() - done, time.monotonic() - begun
    return (node.cpu_s() - cpu_s) / pieces * 1000, pieces / passed_s


def snapshot(folder: Path, rows: int) -> None:
    """Print what a snapshot of a heap of `rows` small objects takes: time, memory, disk, and reading it."""
    with running(_ROWS, folder, str(rows)) as node:
        used, resident = asyncio.run(_used(node)), node.process.memory_info().rss
        with _watched(node) as worst:
            NodeHeapSnapshotter().take(node.subject, seconds=0, is_ended=lambda: False)
    path = folder / "cost-heap.heapsnapshot"
    begun, own = time.monotonic(), psutil.Process().memory_info().rss
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        constructors(content)
    read_s, grown = time.monotonic() - begun, psutil.Process().memory_info().rss - own
    print(
        f"{rows} objects: heap {used / 1e6:.0f} MB, resident {resident / 1e6:.0f} MB and at most "
        f"{worst['resident'] / 1e6:.0f} MB, stood still {worst['answer_s']:.1f} s, "
        f"file {path.stat().st_size / 1e6:.0f} MB, read in {read_s:.1f} s with {grown / 1e6:.0f} MB"
    )


async def _used(node: Node) -> int:
    async with connected(node.subject.inspector_url) as session:
        return int((await session.ask("Runtime.getHeapUsage"))["usedSize"])


@contextmanager
def _watched(node: Node) -> Iterator[dict[str, float]]:
    worst, is_over = {"resident": 0.0, "answer_s": 0.0}, threading.Event()

    def answers() -> None:
        while not is_over.wait(0.01):
            begun = time.monotonic()
            node.done()
            worst["answer_s"] = max(worst["answer_s"], time.monotonic() - begun)

    def memory() -> None:
        while not is_over.wait(0.05):
            worst["resident"] = max(worst["resident"], node.process.memory_info().rss)

    threads = [threading.Thread(target=each) for each in (answers, memory)]
    for thread in threads:
        thread.start()
    try:
        yield worst
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def main() -> None:
    """Parse the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshot", action="store_true", help="heap snapshots instead")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        if options.snapshot:
            for rows in (100_000, 1_000_000):
                snapshot(Path(folder), rows)
        else:
            cost(Path(folder), rounds=options.rounds, seconds=options.seconds)


if __name__ == "__main__":
    main()
