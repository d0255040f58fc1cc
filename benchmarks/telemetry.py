"""What telemetry costs: the same load without it, with the lab's own, and with Prometheus too, one after the other.

Prints the cores that everything together uses from the fourth second on, and the P95 of the API, per mode, and their
differences to no telemetry with 95 % intervals (Student's t over the rounds). The order of modes changes from round to
round, so that what drifts cancels. Needs prometheus on PATH for the third mode; takes about eight minutes.

    python benchmarks/telemetry.py [--rounds 6] [--seconds 20] [--rate 200] [--scenario report_retrieval]
"""

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
from intervals import interval
from rich.console import Console
from rich.table import Table

from lab import rundir
from lab.config.plans import load_plan
from lab.config.targets import load_scenario, load_target
from lab.engines import ProcessEngine
from lab.load.k6 import K6Load, find_k6
from lab.load.k6_samples import convert
from lab.model import Environment, Phase, PhaseKind, Plan, Progress, Scenario
from lab.watching import watching

MODES = ("none", "lab", "lab and Prometheus")
_SETTLE_S = 3.0
"""What is done once, such as connecting to the database, is not counted."""


@dataclass(frozen=True)
class Measured:
    """Of one drive: cores by process family, and the P95 of its requests in seconds."""

    cores: dict[str, float]
    p95_s: float

    @property
    def total(self) -> float:
        """The cores of all of them."""
        return sum(self.cores.values())


@contextmanager
def watched_by(
    mode: str, plan: Plan, scenario: Scenario, environment: Environment, run: rundir.RunDir
) -> Iterator[K6Load]:
    """Give what drives the load, with the mode's telemetry around it."""
    load = K6Load(find_k6())
    with ExitStack() as stack:
        if mode != MODES[2]:
            stack.enter_context(_stopped(environment))
        if mode != "none":
            hidden = environment if mode == MODES[2] else replace(environment, prometheus_folder=None)
            watch = stack.enter_context(watching(plan, scenario, load_target("stubs"), hidden, run))
            load = replace(load, remote_write=watch.remote_write)
        yield load


@contextmanager
def _stopped(environment: Environment) -> Iterator[None]:
    """Have Prometheus do nothing in the block."""
    servers = [s.process.pid for s in environment.services if s.name == "prometheus" and s.process]
    for pid in servers:
        psutil.Process(pid).suspend()
    try:
        yield
    finally:
        for pid in servers:
            psutil.Process(pid).resume()


def cpu_seconds(environment: Environment) -> dict[str, float]:
    """Give the CPU seconds so far of every service with its children, of this process, and of the k6s that ended."""
    found = {}
    for service in environment.services:
        assert service.process
        leader = psutil.Process(service.process.pid)
        members = [leader, *leader.children(recursive=True)]
        found[service.name] = sum(sum(member.cpu_times()[:2]) for member in members)
    own = os.times()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**found, "lab": own.user + own.system, "k6": children.ru_utime + children.ru_stime}


def drive(mode: str, number: int, asked: argparse.Namespace, environment: Environment, folder: Path) -> Measured:
    """Drive the load once."""
    scenario = load_scenario(asked.scenario)
    phase = Phase(name="load", kind=PhaseKind.SUSTAIN, rate_per_s=asked.rate, duration_s=asked.seconds)
    plan = replace(load_plan("smoke"), phases=(phase,))
    run = rundir.create(folder, f"{number}", now=datetime.now(UTC))
    run.write_record({"resumes": [], "incidents": []})
    marks = [(time.monotonic(), cpu_seconds(environment))]

    def look(progress: Progress) -> None:
        if len(marks) == 1 and progress.elapsed_s >= _SETTLE_S:
            marks.append((time.monotonic(), cpu_seconds(environment)))

    with watched_by(mode, plan, scenario, environment, run) as load:
        load.drive(
            phase,
            scenario,
            base_url=environment.entry_url,
            seed=14,
            out=run.load,
            marker=environment.id,
            on_progress=look,
            settings={"RUN": str(number)},
        )
        ended, after = time.monotonic(), cpu_seconds(environment)
    convert(run.load, ["load"], run.samples, run.points)
    durations = pq.read_table(run.samples, columns=["duration_s"])["duration_s"].to_numpy()
    shutil.rmtree(run.path)
    settled, before = marks[-1]
    cores = {name: (after[name] - before[name]) / (ended - settled) for name in after}
    # what k6 used is known when it has ended, so all of its time counts
    cores["k6"] = (after["k6"] - marks[0][1]["k6"]) / asked.seconds
    return Measured(cores, float(np.quantile(durations, 0.95)))


def show(rounds: dict[str, list[Measured]], asked: argparse.Namespace) -> None:
    """Print the tables."""
    out = Console(width=120)
    table = Table(title=f"{asked.scenario}, {asked.rate:g} requests/s, {asked.rounds} rounds of {asked.seconds:g} s")
    for column in ("telemetry", "cores in all", "more than none (95 %)", "P95, ms", "P95 against none (95 %)"):
        table.add_column(column, justify="left" if column == "telemetry" else "right")
    for mode, found in rounds.items():
        more = [each.total - none.total for each, none in zip(found, rounds["none"], strict=True)]
        ratio = [np.log(each.p95_s / none.p95_s) for each, none in zip(found, rounds["none"], strict=True)]
        cost, low, high = interval(more)
        middle, lower, upper = (float(np.exp(value)) for value in interval(ratio))
        is_none = mode == "none"
        table.add_row(
            mode,
            f"{statistics.fmean(each.total for each in found):.3f}",
            "–" if is_none else f"{cost:+.3f} ({low:+.3f} to {high:+.3f})",
            f"{statistics.fmean(each.p95_s for each in found) * 1000:.2f}",
            "–" if is_none else f"{middle:.3f} ({lower:.3f} to {upper:.3f})",
        )
    out.print(table)
    parts = Table(title="cores by process")
    parts.add_column("telemetry")
    names = list(rounds["none"][0].cores)
    for name in names:
        parts.add_column(name, justify="right")
    for mode, found in rounds.items():
        parts.add_row(mode, *(f"{statistics.fmean(each.cores[name] for each in found):.3f}" for name in names))
    out.print(parts)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--scenario", default="report_retrieval")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-telemetry-") as folder:
        engine = ProcessEngine(Path(folder) / "home")
        try:
            environment = engine.up(load_target("stubs"), auto_ports=True, without=["grafana"])
            modes = MODES if environment.prometheus_folder else MODES[:2]
            drive("none", 0, asked, environment, Path(folder) / "runs")  # warms up
            rounds: dict[str, list[Measured]] = {mode: [] for mode in modes}
            for number in range(asked.rounds):
                turn = [*modes[number % len(modes) :], *modes[: number % len(modes)]]
                for place, mode in enumerate(turn if number % 2 else turn[::-1]):
                    name = 1 + number * len(modes) + place
                    rounds[mode].append(drive(mode, name, asked, environment, Path(folder) / "runs"))
            show(rounds, asked)
        finally:
            engine.down()


if __name__ == "__main__":
    main()
