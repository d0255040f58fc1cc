"""What containers cost: to build and bring up, in their health checks, and in the latency of the same load.

Prints the size of every image, how long `up` and `down` take; with --build how long the stubs' images take from
nothing; with --checks the cores that the engine and an idle environment use with its health checks as they are, with
one a second each, and with none; with --load the latency of the same load through local processes, through containers,
and from k6 on this machine to containers, in turns, with 95 % intervals of the ratios (Student's t over the rounds).
Needs a Docker engine with the images of compose.yaml.

    python benchmarks/containers.py [--build] [--checks] [--load] [--rounds 6] [--seconds 20] [--rate 100]
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
from intervals import interval
from rich.console import Console
from rich.table import Table

from lab import containers, rundir
from lab.assets import ASSETS
from lab.config.targets import load_scenario, load_target
from lab.engines import ComposeEngine, ProcessEngine
from lab.engines.state import home_marker
from lab.load import k6_container
from lab.load.k6 import K6Load, find_k6
from lab.load.k6_samples import convert
from lab.model import Environment, Phase, PhaseKind, Target

_SETTLE_S = 5.0
_ENGINE = ("dockerd", "containerd")
"""Programs of the engine, by what their names begin with: what runs a check belongs to one of them."""

_IDLE_S = 25.0
OUT = Console(width=120)


def timed(step: Callable[[], object]) -> float:
    """Give how many seconds a step takes."""
    begun = time.monotonic()
    step()
    return time.monotonic() - begun


def show_setup(folder: Path) -> None:
    """Print how long everything takes, and how large the images are."""
    target, engine = load_target("stubs"), ComposeEngine(folder / "setup")
    table = Table(title="containers, from the checkout to healthy and back")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for name in ("up, images from the build cache", "up, images here"):
        told: list[str] = []
        seconds = timed(lambda told=told: engine.up(target, auto_ports=True, on_event=told.append))  # type: ignore[misc]  # bound here
        built = next(line for line in told if line.startswith("images built"))
        table.add_row(f"{name} ({built})", f"{seconds:.1f}")
        if "cache" in name:
            engine.down()
    with containers.connected() as client:
        of = {
            c.labels[containers.SERVICE_LABEL]: c.image for c in containers.of_project(client, home_marker(engine.home))
        }
        sizes = {name: (image.attrs["Size"] if image else 0) / 1e6 for name, image in of.items()}
    table.add_row("down, volumes too", f"{timed(engine.down):.1f}")
    OUT.print(table)
    images = Table(title="images")
    images.add_column("service")
    images.add_column("MB", justify="right")
    for name, size in sorted(sizes.items()):
        images.add_row(name, f"{size:.0f}")
    OUT.print(images)


def show_build() -> None:
    """Print how long the images of the stubs take from nothing: packages come from their index."""
    table = Table(title="build without a cache")
    table.add_column("service")
    table.add_column("seconds", justify="right")
    for service in ("sut", "ai_core_stub"):
        argv = ["docker", "build", "--quiet", "--no-cache", "--file", f"{service}/Dockerfile", "."]
        begun = time.monotonic()
        subprocess.run(argv, cwd=ASSETS, check=True, stdout=subprocess.DEVNULL)
        table.add_row(service, f"{time.monotonic() - begun:.1f}")
    OUT.print(table)


def checked_otherwise(folder: Path, change: Callable[[str], str]) -> Target:
    """Give the target with other health checks, in a compose file of its own."""
    target = load_target("stubs")
    assert target.compose is not None
    text = target.compose.read_text(encoding="utf-8")
    here = target.compose.parent
    text = re.sub(r"(?<=[\s{:-])\./", f"{here}/", text).replace("context: .,", f"context: {here},")
    path = folder / "compose.yaml"
    path.write_text(change(text), encoding="utf-8")
    return replace(target, compose=path)


def cpu_seconds(environment: Environment) -> float:
    """Give the CPU seconds so far of the engine, with what it has started and waited for, and of the containers."""
    total = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if process.info["name"].startswith(_ENGINE) and process.info["cpu_times"]:
            times = process.info["cpu_times"]
            total += times.user + times.system + times.children_user + times.children_system
    with containers.connected() as client:
        for container in environment.containers().values():
            total += containers.stats(client, container.id)["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    return total


def idle_cores(engine: ComposeEngine, target: Target) -> float:
    """Give the cores that engine and containers use while the environment has nothing to do."""
    environment = engine.up(target, auto_ports=True)
    try:
        time.sleep(_SETTLE_S)
        before, begun = cpu_seconds(environment), time.monotonic()
        time.sleep(_IDLE_S)
        return (cpu_seconds(environment) - before) / (time.monotonic() - begun)
    finally:
        engine.down()


def show_checks(folder: Path, rounds: int) -> None:
    """Print what health checks cost."""
    variants = {
        "none": lambda text: text.replace("sleep 20", "sleep 600").replace("timeout: 30s", "timeout: 900s"),
        "as they are": lambda text: text,
        "every second": lambda text: text.replace("[ ! -e /tmp/.healthy ] || sleep 20;", ""),
    }
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name in list(variants)[:: 1 if number % 2 else -1]:
            place = folder / f"checks-{number}-{name.replace(' ', '-')}"
            place.mkdir()
            found[name].append(idle_cores(ComposeEngine(place / "home"), checked_otherwise(place, variants[name])))
    table = Table(title=f"engine and five idle containers, {rounds} rounds of {_IDLE_S:g} s")
    for column in ("health checks", "cores", "more than none (95 %)"):
        table.add_column(column, justify="left" if column == "health checks" else "right")
    for name, values in found.items():
        more = [one - none for one, none in zip(values, found["none"], strict=True)]
        cost, low, high = interval(more)
        told = "–" if name == "none" else f"{cost:+.3f} ({low:+.3f} to {high:+.3f})"
        table.add_row(name, f"{statistics.fmean(values):.3f}", told)
    OUT.print(table)


def quantiles(
    load: K6Load, environment: Environment, number: int, asked: argparse.Namespace, folder: Path
) -> list[float]:
    """Drive the load once; gives P50 and P95 of its requests in seconds."""
    scenario = load_scenario("report_retrieval")
    phase = Phase(name="load", kind=PhaseKind.SUSTAIN, rate_per_s=asked.rate, duration_s=asked.seconds)
    run = rundir.create(folder / "runs", f"{number}", now=datetime.now(UTC))
    load.drive(
        phase,
        scenario,
        base_url=environment.entry_url,
        seed=14,
        out=run.load,
        marker=environment.id,
        on_progress=lambda _: None,
        settings={"RUN": str(number)},
    )
    convert(run.load, ["load"], run.samples, run.points)
    durations = pq.read_table(run.samples, columns=["duration_s"])["duration_s"].to_numpy()
    return [float(np.quantile(durations, q)) for q in (0.5, 0.95)]


def show_load(folder: Path, asked: argparse.Namespace) -> None:
    """Print the latency of the same load through each of the three."""
    target = load_target("stubs")
    local, contained = ProcessEngine(folder / "local"), ComposeEngine(folder / "contained")
    try:
        here = local.up(target, auto_ports=True, without=["prometheus", "grafana"])
        there = contained.up(target, auto_ports=True, without=["prometheus", "grafana"])
        assert there.project is not None
        inside = k6_container.find(there.project, {s.url: s.inside_url for s in there.services})
        modes = {
            "local processes": (K6Load(find_k6()), here),
            "containers, k6 in one": (K6Load(inside), there),
            "containers, k6 here": (K6Load(find_k6()), there),
        }
        found: dict[str, list[list[float]]] = {name: [] for name in modes}
        for number in range(asked.rounds + 1):
            order = list(modes)[number % 3 :] + list(modes)[: number % 3]
            for place, name in enumerate(order):
                values = quantiles(*modes[name], 1 + number * 3 + place, asked, folder)
                if number:  # the first round warms up
                    found[name].append(values)
    finally:
        contained.down()
        local.down()
    table = Table(title=f"report_retrieval, {asked.rate:g} requests/s, {asked.rounds} rounds of {asked.seconds:g} s")
    for column in ("what", "P50, ms", "against local processes (95 %)", "P95, ms", "against local processes (95 %)"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, values in found.items():
        cells = []
        for q in (0, 1):
            ratios = [
                float(np.log(one[q] / base[q])) for one, base in zip(values, found["local processes"], strict=True)
            ]
            middle, low, high = (float(np.exp(value)) for value in interval(ratios))
            cells.append(f"{statistics.fmean(one[q] for one in values) * 1000:.2f}")
            cells.append("–" if name == "local processes" else f"{middle:.2f} ({low:.2f} to {high:.2f})")
        table.add_row(name, *cells)
    OUT.print(table)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", action="store_true", help="build without a cache too")
    parser.add_argument("--checks", action="store_true", help="what health checks cost (about six minutes)")
    parser.add_argument("--load", action="store_true", help="latency against local processes (about eight minutes)")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=100.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-containers-") as name:
        folder = Path(name)
        show_setup(folder)
        if asked.build:
            show_build()
        if asked.checks:
            show_checks(folder, asked.rounds)
        if asked.load:
            show_load(folder, asked)


if __name__ == "__main__":
    main()
