"""What py-spy costs the service that it looks at: ai_core analysing at a steady rate, profiled and not, in turns.

Each mode is measured in blocks of off, on, on, off, so that a drift of the machine cancels. Prints, per mode, the CPU
of ai_core's processes on against off and the P95 of analyses on against off, as ratios with 95 % intervals (Student's t
over the blocks, on logarithms), and what py-spy itself used. With `--all` the two samplers beside it (lock, idle) are
on too, as they are by default.

    python benchmarks/profilers.py [--blocks 4] [--seconds 10] [--rate 4] [--hz 50 100 200] [--how free pausing native]
                                   [--all]
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.intervals import interval
from lab import processes
from lab.config.targets import load_target
from lab.engines import ProcessEngine
from lab.model import Subject
from lab.profilers.pyspy import PySpy
from lab.profilers.python_process import cpu_seconds

_MARKER = f"lab-benchmark-{os.getpid()}"


@dataclass(frozen=True)
class Measured:
    """Of one turn: CPU seconds of the service per analysis, P95 in seconds, the cores of the service and of py-spy."""

    cpu_s: float
    p95_s: float
    cores: float
    profiler_cores: float


@dataclass(frozen=True)
class Mode:
    """How py-spy looks."""

    rate_hz: int
    how: str

    def __str__(self) -> str:
        return f"{self.rate_hz} Hz, {self.how}"


def a_table(seed: int) -> str:
    """Give a CSV of numbers that no other seed gives."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(400, 10))
    target = values[:, 0] * 2 + values[:, 1] * values[:, 2] + random.normal(scale=0.1, size=400)
    names = ",".join([*(f"x{number}" for number in range(10)), "target"])
    return "\n".join(
        [names, *(",".join(f"{value:.5f}" for value in (*row, y)) for row, y in zip(values, target, strict=True))]
    )


async def analyse(url: str, *, rate: float, seconds: float, seed: int) -> list[float]:
    """Ask for analyses at a steady rate, and give how long each took from the moment at which it was due."""
    took: list[float] = []

    async def one(number: int, due: float) -> None:
        body = {"analysisId": f"an-{seed + number}", "csv": a_table(seed + number), "target": "target"}
        async with session.post(f"{url}/analyze", json=body) as answer:
            await answer.read()
            if answer.status == 200:
                took.append(time.monotonic() - due)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        begun = time.monotonic()
        for number in range(round(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(number, due))
    return took


@contextmanager
def profiled(mode: Mode | None, pid: int, folder: Path, *, with_waiting: bool) -> Iterator[list[float]]:
    """Profile in the block; the list gets the CPU seconds that the samplers used."""
    used: list[float] = []
    if mode is None:
        yield used
        return
    over = threading.Event()
    spy = PySpy(
        rate_hz=mode.rate_hz,
        native=mode.how == "native",
        pausing=mode.how != "free",
        with_waiting=with_waiting,
    )
    subject = Subject(service="ai_core", pid=pid, folder=folder, stem="cost", marker=_MARKER)
    thread = threading.Thread(target=spy.take, args=(subject,), kwargs={"seconds": 3600, "is_ended": over.is_set})
    thread.start()
    time.sleep(3)  # reading symbols, done once, is no part of the rate
    before = _sampler_cpu()
    try:
        yield used
    finally:
        used.append(_sampler_cpu() - before)
        over.set()
        thread.join()


def _sampler_cpu() -> float:
    total = 0.0
    for sampler in processes.marked(_MARKER):
        try:
            total += sum(sampler.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


def turn(mode: Mode | None, where: tuple[int, str], asked: argparse.Namespace, *, seed: int, folder: Path) -> Measured:
    """Drive one stretch of load."""
    pid, url = where
    with profiled(mode, pid, folder, with_waiting=asked.all) as used:
        before, begun = cpu_seconds(pid) or 0.0, time.monotonic()
        took = asyncio.run(analyse(url, rate=asked.rate, seconds=asked.seconds, seed=seed))
        elapsed = time.monotonic() - begun
        cpu = (cpu_seconds(pid) or 0.0) - before
    if not took:
        raise SystemExit("no analysis was answered; lower --rate")
    return Measured(cpu / len(took), float(np.quantile(took, 0.95)), cpu / elapsed, sum(used) / elapsed)


def ratio(pairs: list[tuple[float, float]]) -> str:
    """Give the mean of on over off with its 95 % interval, as a change in per cent."""
    logs = [float(np.log(on / off)) for on, off in pairs]
    if len(logs) < 2:
        return f"{np.expm1(logs[0]):+.1%} (one block)"
    mean, low, high = (float(np.expm1(value)) for value in interval(logs))
    return f"{mean:+.1%} ({low:+.1%} to {high:+.1%})"


def measure(pid: int, url: str, asked: argparse.Namespace, folder: Path) -> Table:
    """Measure every mode, block after block, and give the table."""
    modes = [Mode(hz, how) for hz in asked.hz for how in asked.how]
    found: dict[Mode, list[tuple[Measured, ...]]] = {mode: [] for mode in modes}
    seed = 1_000_000
    turn(None, (pid, url), asked, seed=0, folder=folder)  # warms up
    for _ in range(asked.blocks):
        for mode in modes:
            block = []
            for each in (None, mode, mode, None):
                seed += 10_000
                block.append(turn(each, (pid, url), asked, seed=seed, folder=folder))
            found[mode].append(tuple(block))
    table = Table(title=f"{asked.rate:g} analyses/s, {asked.blocks} blocks of 4 × {asked.seconds:g} s")
    for column in ("py-spy", "CPU of ai_core", "P95", "cores of ai_core without", "cores of py-spy"):
        table.add_column(column)
    for mode, blocks in found.items():
        cpu = [(on1.cpu_s + on2.cpu_s, off1.cpu_s + off2.cpu_s) for off1, on1, on2, off2 in blocks]
        p95 = [((on1.p95_s * on2.p95_s) ** 0.5, (off1.p95_s * off2.p95_s) ** 0.5) for off1, on1, on2, off2 in blocks]
        own = statistics.fmean(each.profiler_cores for block in blocks for each in block[1:3])
        without = statistics.fmean(each.cores for block in blocks for each in (block[0], block[3]))
        table.add_row(str(mode), ratio(cpu), ratio(p95), f"{without:.3f}", f"{own:.3f}")
    return table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=4.0)
    parser.add_argument("--hz", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument(
        "--how", nargs="+", default=["free", "pausing", "native"], choices=["free", "pausing", "native"]
    )
    parser.add_argument("--all", action="store_true", help="with the samplers of the lock and of idle time")
    asked = parser.parse_args()
    target = load_target("stubs")
    alone = replace(
        target,
        entry="ai_core",
        services=tuple(service for service in target.services if service.name == "ai_core"),
    )
    with tempfile.TemporaryDirectory(prefix="lab-profilers-") as folder:
        engine = ProcessEngine(Path(folder) / "home")
        try:
            environment = engine.up(alone, auto_ports=True, without=["grafana", "prometheus"])
            process = environment.services[0].process
            assert process
            Console(width=120).print(measure(process.pid, environment.entry_url, asked, Path(folder)))
        finally:
            engine.down()


if __name__ == "__main__":
    main()
