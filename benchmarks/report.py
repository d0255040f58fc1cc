"""What `report.html` costs: time and memory to make it from a run directory, its size, and how long it takes to draw.

Works on a copy of the run. `whole` is all that `lab report` does, from k6's output on; `page` is the page alone.
Drawing is counted from the opening of the file until every chart is drawn, as the page itself measures it, in Debian's
Chromium. CPU seconds stand beside the time, since they change less where others use the machine too; those of drawing
are those of the page's own thread. With --phase only that phase of the run is left, as if nothing else had been driven;
with --hours the longest steady phase is repeated until it lasts as long, for the
page and the drawing of a longer run.

    python benchmarks/report.py RUN_DIRECTORY [--phase soak] [--hours 3] [--openings 5]
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import sync_playwright
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from lab.analysis.capacity import capacity
from lab.conclude import conclude
from lab.config.plans import parse_plan
from lab.model import Evidence, Report, RunState, Scenario, Window
from lab.presenting import page_of
from lab.report.html import render
from lab.rundir import RunDir

_STEADY = ("sustain", "soak")


def evidence_of(run: RunDir, report: Report) -> Evidence:
    """Give what the page reads of a run that has been concluded."""
    record = run.read_record()
    return Evidence(
        run_id=run.run_id,
        state=RunState(record["state"]),
        plan=parse_plan(record["plan"], source="run.json"),
        scenario=TypeAdapter(Scenario).validate_python(record["scenario"]),
        cores=record["provenance"]["host"]["cores"],
        windows=report.analysis.windows,
        samples=run.samples,
        points=run.points,
        series={path.stem: path for path in sorted(run.series.glob("*.parquet"))},
        summaries={},
    )


def leave_only(name: str, run: RunDir) -> None:
    """Leave of a run (a copy) what one phase of it would have left."""
    record = run.read_record()
    plan = record["plan"]
    phases = [phase for phase in plan["phases"] if phase["name"] == name]
    if not phases:
        sys.exit(f"{run.run_id} has no phase {name!r}; it has: {', '.join(phase['name'] for phase in plan['phases'])}")
    held = [each for each in plan["thresholds"] if not each["phases"] or name in each["phases"]]
    thresholds = [each | {"phases": [name] if each["phases"] else []} for each in held]
    run.update_record(plan={**plan, "phases": phases, "thresholds": thresholds})
    run.write_windows([window for window in run.windows() if window.phase == name])
    run.write_steps([step for step in run.steps() if step.phase == name])


def measure(run: RunDir, hours: float | None) -> dict[str, float]:
    """Make the page; gives seconds, megabytes and the number of requests, by what they are of."""
    begun, used = time.perf_counter(), time.process_time()
    report = conclude(run)
    figures = {
        "whole, s": time.perf_counter() - begun,
        "whole, CPU s": time.process_time() - used,
        "whole, peak MB": peak_mb(),
    }
    evidence = evidence_of(run, report)
    planned = capacity(evidence, report.analysis.break_points)
    if hours:
        evidence, report = stretched(evidence, report, hours * 3600, run.path)
    begun, used = time.perf_counter(), time.process_time()
    page = render(page_of(run, report, evidence, planned))
    figures |= {"page, s": time.perf_counter() - begun, "page, CPU s": time.process_time() - used}
    figures["page, MB"] = len(page.encode()) / 1e6
    run.html.write_text(page, encoding="utf-8")
    requests = pq.ParquetFile(evidence.samples).metadata.num_rows
    return {"requests": requests, **figures, "peak MB": peak_mb()}


def peak_mb() -> float:
    """Give the most memory that this process has used so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def stretched(evidence: Evidence, report: Report, wanted_s: float, folder: Path) -> tuple[Evidence, Report]:
    """Give a run of nothing but the longest steady phase, repeated end to end."""
    steady = [window for window in evidence.windows if window.kind in _STEADY]
    if not steady:
        sys.exit(f"{folder}: has no phase with a steady rate that could be made longer")
    window = max(steady, key=lambda each: each.ended_at - each.started_at)
    length_s = window.ended_at - window.started_at
    times = int(np.ceil(wanted_s / length_s))
    long = replace(window, ended_at=window.started_at + times * length_s)
    files = {
        path: folder / f"long-{path.name}" for path in (evidence.samples, evidence.points, *evidence.series.values())
    }
    for path, target in files.items():
        repeat(path, target, window, times)
    phases = tuple(
        replace(phase, duration_s=times * length_s) for phase in evidence.plan.phases if phase.name == window.phase
    )
    plan = replace(evidence.plan, phases=phases)
    analysis = replace(report.analysis, windows=(long,), ramps=(), resiliences=(), break_points=())
    load = tuple(check for check in analysis.load if check.phase == window.phase)
    return (
        replace(
            evidence,
            plan=plan,
            windows=(long,),
            samples=files[evidence.samples],
            points=files[evidence.points],
            series={name: files[path] for name, path in evidence.series.items()},
        ),
        replace(report, plan=plan, analysis=replace(analysis, load=load)),
    )


def repeat(path: Path, target: Path, window: Window, times: int) -> None:
    """Write what a table has of a window, so many times after one another."""
    table = pq.read_table(path)
    seconds = table["time"].cast(pa.int64()).to_numpy() / 1e6
    rows = table.filter(pa.array((seconds >= window.started_at) & (seconds < window.ended_at)))
    length = pa.scalar(round((window.ended_at - window.started_at) * 1e6), pa.duration("us"))
    with pq.ParquetWriter(target, rows.schema) as writer:
        for _ in range(times):
            writer.write_table(rows)
            later = pa.compute.add(rows["time"], length)
            rows = rows.set_column(rows.schema.get_field_index("time"), rows.schema.field("time"), later)


def drawn(page: Path, openings: int) -> tuple[list[float], list[float]]:
    """Open a page several times, in a new window each.

    Gives the milliseconds until every chart was drawn, and those of CPU that the page's thread had used by then.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        taken, used = [], []
        for _ in range(openings):
            window = browser.new_page(viewport={"width": 1280, "height": 900})
            session = window.context.new_cdp_session(window)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            window.goto(page.as_uri())
            window.wait_for_selector("html[data-drawn-ms]", state="attached", timeout=60_000)
            taken.append(float(window.evaluate("document.documentElement.dataset.drawnMs")))
            told = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
            used.append(told["TaskDuration"] * 1000)
            window.close()
        browser.close()
    return taken, used


def main() -> None:
    """Measure in a process of its own, so that the peak is that of the report, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run directory; it is copied, and stays as it is")
    parser.add_argument("--phase", help="leave only this phase of it")
    parser.add_argument("--hours", type=float, help="make its longest steady phase as long as this")
    parser.add_argument("--openings", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(measure(RunDir(asked.run), asked.hours)))
        return
    with tempfile.TemporaryDirectory(prefix="lab-report-") as folder:
        run = Path(folder) / asked.run.resolve().name
        shutil.copytree(asked.run, run)
        if asked.phase:
            leave_only(asked.phase, RunDir(run))
        command = [
            sys.executable,
            __file__,
            str(run),
            "--here",
            *(["--hours", str(asked.hours)] if asked.hours else []),
        ]
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(made.stdout)
        taken, used = drawn(run / "report.html", asked.openings)
    figures["drawn, ms (median)"], figures["drawn, ms (least)"] = statistics.median(taken), min(taken)
    figures["drawn, CPU ms (median)"] = statistics.median(used)
    table = Table(
        title_justify="left",
        title=f"report.html of {asked.run.resolve().name}{f', {asked.phase} alone' if asked.phase else ''}"
        f"{f', {asked.hours:g} h' if asked.hours else ''}",
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
