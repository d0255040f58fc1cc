"""Which rules fire: stages every bottleneck of the catalogue in a short real run, and prints what the rules made of it.

Each stage brings the stubs up as local processes with the settings or the fault switches that cause its bottleneck (or
does it beside them), drives half a minute to a minute and a half of load through k6, and concludes the run as `lab run`
does. The first stage is an undisturbed system. The last column names what else was seen: a bottleneck has company, and
on a shared machine so has the whole run.

    python benchmarks/playbooks.py [RULE ...] [--keep FOLDER] [--markdown]
"""

import argparse
import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table

from lab import rundir  # after the path
from lab.conclude import conclude
from lab.errors import ExitCode
from lab.model import Diagnosis
from lab.playbooks import RULES

_DRIVEN = (ExitCode.PASSED, ExitCode.FAILED, ExitCode.INVALID)
_PLAN = """
name = "staged"
description = "A short run in which one thing is wrong"
seed = 14
rate_per_s = {rate}
thresholds = [{{ expect = "p95(http_req_duration) < 1s" }}]

[[phases]]
name = "warmup"
kind = "warmup"
rate_per_s = 10
duration_s = 8

[[phases]]
name = "load"
kind = "{kind}"
duration_s = {seconds}
"""
OUT = Console(width=160)


@contextlib.contextmanager
def neighbour(_folder: Path) -> Iterator[None]:
    """Keep one and a half cores busy beside the run."""
    children = [multiprocessing.Process(target=_spin, args=(share,)) for share in (1.0, 0.5)]
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.join()


def _spin(share: float) -> None:
    """Compute for a share of the time, until it is killed."""
    while True:
        begun = time.monotonic()
        while time.monotonic() - begun < 0.1 * share:
            pass
        time.sleep(0.1 * (1 - share))


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[None]:
    """Write to the disk of the run without a pause, each piece through to the device."""
    children = [multiprocessing.Process(target=_write, args=(folder / f"written-{number}",)) for number in range(6)]
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.join()


def _write(path: Path) -> None:
    """Write the same 16 MB over and over, 256 kB at a time, until it is killed."""
    piece = os.urandom(1 << 18)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_DSYNC, 0o600)
    while True:
        os.lseek(descriptor, 0, os.SEEK_SET)
        for _ in range(64):
            os.write(descriptor, piece)


Beside = Callable[[Path], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How a bottleneck is caused. `target` sets the services' environment, `plan` keys of the plan."""

    told: str
    scenario: str = "mixed"
    rate: float = 25
    kind: str = "sustain"
    seconds: int = 30
    target: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    beside: Beside = lambda _folder: contextlib.nullcontext()


STAGES = {
    "": Stage(told="nothing is wrong"),
    "ai_core_cpu": Stage(told="models of 300 trees instead of 30", target=("ai_core.env.AI_CORE_TREES=300",)),
    "slow_explainer": Stage(told="the explainer `kernel`", rate=15, plan=("journeys.explainer=kernel",)),
    "queue_full": Stage(
        told="models of 300 trees, and a queue of 4",
        target=("ai_core.env.AI_CORE_TREES=300", "backend.env.SUT_ANALYZE_QUEUE_LIMIT=4"),
    ),
    "pool_exhausted": Stage(
        told="a pool of 1 connection",
        scenario="report_retrieval",
        rate=200,
        target=("backend.env.SUT_MONGO_POOL_SIZE=1",),
    ),
    "database_slow": Stage(
        told="no index on reports", rate=40, seconds=40, target=("backend.env.SUT_FAULT_NO_INDEX=1",)
    ),
    "memory_leak": Stage(
        told="20 GB/h are lost in ai_core",
        kind="soak",
        seconds=80,
        rate=20,
        target=("ai_core.env.AI_CORE_FAULT_LEAK_MB_PER_H=20000",),
    ),
    "event_loop_blocked": Stage(
        told="the loop is held up 150 ms twice a second", target=("backend.env.SUT_FAULT_BLOCK_MS=150",)
    ),
    "connection_churn": Stage(told="connections are closed after 1 ms", target=("backend.env.SUT_MONGO_IDLE_MS=1",)),
    "io_bound": Stage(told="six processes write through to the same disk", beside=writer),
    "generator_bound": Stage(told="3 virtual users", rate=80, plan=("journeys.max_vus=3",)),
    "noisy_neighbour": Stage(told="two processes compute for 1.5 cores", beside=neighbour),
    "garbage_collection": Stage(
        told="a million objects, collected twice a second", target=("backend.env.SUT_FAULT_GC_OBJECTS=1000000",)
    ),
}


def staged(stage: Stage, folder: Path) -> Diagnosis:
    """Drive one stage, unless its run is there; gives what the rules find. Raises CalledProcessError."""
    if not (folder / "runs" / "latest").exists():
        drive(stage, folder)
    return conclude(rundir.find(folder / "runs", "latest")).diagnosis


def plan_of(stage: Stage) -> str:
    """Give the TOML of a stage's plan."""
    return _PLAN.format(rate=stage.rate, kind=stage.kind, seconds=stage.seconds)


def drive(stage: Stage, folder: Path) -> None:
    """Bring the system up, drive the load and take the system down."""
    folder.mkdir(parents=True)
    plan = folder / "staged.toml"
    plan.write_text(plan_of(stage), encoding="utf-8")
    argv = [sys.executable, "-m", "lab", "run", stage.scenario, "--plan", str(plan), "--up", "--engine", "process"]
    argv += ["--ports", "auto"]
    argv += [part for each in stage.target for part in ("--target-set", f"services.{each}")]
    argv += [part for each in stage.plan for part in ("--set", each)]
    environ = os.environ | {"LAB_HOME": str(folder / "home"), "LAB_ARTIFACTS": str(folder / "runs")}
    with stage.beside(folder), (folder / "lab.log").open("wb") as log:
        code = subprocess.run(argv, env=environ, stdout=log, stderr=log, check=False).returncode
    if code not in _DRIVEN:
        sys.stderr.write((folder / "lab.log").read_text(encoding="utf-8"))
        raise subprocess.CalledProcessError(code, argv)


def row(rule: str, stage: Stage, found: Diagnosis) -> tuple[str, ...]:
    """Give what one stage came to."""
    shown = {playbook.rule: playbook for playbook in found.playbooks}
    own = shown.get(rule)
    others = [
        f"`{name}` {playbook.symptom.share:.0%}, {playbook.symptom.confidence}"
        for name, playbook in shown.items()
        if name != rule
    ]
    fired = "" if not rule else "yes" if own else "NO"
    share = f"{own.symptom.share:.0%}" if own else "–"
    return (
        f"`{rule}`" if rule else "none",
        stage.told,
        fired,
        share,
        own.symptom.confidence if own else "–",
        "; ".join(others) or "–",
    )


def main() -> None:
    """Stage, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only these (default: all, and an undisturbed run)")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep the runs here; those that are there already are concluded again, not driven",
    )
    parser.add_argument("--markdown", action="store_true", help="print the rows for docs/playbooks.md too")
    asked = parser.parse_args()
    found = []
    unknown = set(asked.rules) - set(RULES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(RULES)}")
    table = Table(title="stages, and what the rules made of them")
    for column in ("rule", "staged by", "fired", "explains", "confidence", "also seen"):
        table.add_column(column, overflow="fold")
    with tempfile.TemporaryDirectory(prefix="lab-playbooks-") as name:
        folder = asked.keep or Path(name)
        for rule, stage in STAGES.items():
            if not asked.rules or rule in asked.rules:
                cells = row(rule, stage, staged(stage, folder / (rule or "undisturbed")))
                OUT.print(" | ".join(cells))
                table.add_row(*cells)
                found.append(cells)
    OUT.print(table)
    if asked.markdown:
        sys.stdout.writelines(f"| {' | '.join(cells)} |\n" for cells in found)


if __name__ == "__main__":
    main()
