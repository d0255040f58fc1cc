"""How fast percentiles with intervals come out of samples.parquet, and in how much memory; and how often they are true.

`python benchmarks/percentiles.py` summarises 1,000,000 requests per phase, scenario and route, beside a plain Python
loop over the same file that gives percentiles without intervals. `--coverage` prints instead how often 95 % intervals
hold the truth, for series whose truth and correlation are known.
"""

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

PHASES = ("warmup", "baseline", "ramp", "sustain")
ROUTES = {
    "auth_dashboard": ("POST /register", "POST /login", "GET /reports/{userId}"),
    "upload_analyze": ("POST /datasets", "POST /analyze", "GET /report/{id}"),
    "explain_heavy": ("POST /analyze", "GET /report/{id}"),
    "report_retrieval": ("GET /reports/{userId}", "GET /report/{id}"),
}
CELLS = tuple((scenario, route) for scenario, routes in ROUTES.items() for route in routes)
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
Floats = npt.NDArray[np.float64]


def generate(path: Path, rows: int) -> None:
    """Write a samples.parquet: phases one after the other, routes mixed, durations log-normal, 0.1 % failed."""
    from lab.load.tables import SAMPLES  # noqa: PLC0415  # not part of what the children measure

    random = np.random.default_rng(14)
    cell = random.integers(0, len(CELLS), rows)
    failed = random.random(rows) < 0.001
    duration_s = np.exp(random.normal(math.log(0.005), 0.6, rows)) * (1 + cell)
    columns = {
        "time": pa.array(1_700_000_000_000_000 + np.arange(rows) * 20_000),
        "phase": _texts(np.arange(rows) * len(PHASES) // rows, PHASES),
        "scenario": _texts(cell, [scenario for scenario, _ in CELLS]),
        "route": _texts(cell, [route for _, route in CELLS]),
        "method": _texts(cell, [route.split()[0] for _, route in CELLS]),
        "status": pa.array(np.where(failed, 503, 200)),
        "duration_s": pa.array(duration_s),
        "waiting_s": pa.array(duration_s * 0.9),
        "error": pa.array(np.where(failed, "http_503", ""), mask=~failed),
        "extra_poll": pa.array(random.random(rows) < 0.05),
        "request_id": pa.array([f"0-sustain-mixed-{row}-1" for row in range(rows)]),
    }
    table = pa.table([columns[name] for name in SAMPLES.names], names=SAMPLES.names)
    pq.write_table(table.cast(SAMPLES), path, compression="zstd", row_group_size=32_768)


def _texts(codes: npt.NDArray[np.int64], names: list[str] | tuple[str, ...]) -> pa.Array:
    return pa.array(names).take(pa.array(codes))


def lab(path: Path) -> int:
    """The lab's way: percentiles and means, each with its interval."""
    from lab.analysis.latency import request_latencies  # noqa: PLC0415  # measured in a child process only
    from lab.analysis.samples import read_samples  # noqa: PLC0415  # likewise

    return len(request_latencies(read_samples(path)))


def plain(path: Path) -> int:
    """The loop that comes to mind first: a list per cell, sorted; no intervals."""
    table = pq.read_table(path, columns=["phase", "scenario", "route", "duration_s"]).to_pydict()
    cells: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for phase, scenario, route, duration in zip(*table.values(), strict=True):
        for key in ((phase, "", ""), (phase, scenario, ""), (phase, "", route), (phase, scenario, route)):
            cells[key].append(duration)
    found = [[sorted(values)[int(q * (len(values) - 1))] for q in QUANTILES] for values in cells.values()]
    return len(found)


WAYS = {"plain": plain, "lab": lab}


def child(way: str, path: Path) -> None:
    """Run a way and print its figures."""
    began, cpu = time.perf_counter(), time.process_time()
    cells = WAYS[way](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - began, time.process_time() - cpu, peak, cells)


def compare(rows: int) -> None:
    """Print one table row per way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.parquet"
        generate(path, rows)
        print(f"{rows:,} requests, {path.stat().st_size / 1e6:.0f} MB of Parquet")
        print(f"{'':10}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'cells':>7}")
        for way in WAYS:
            command = [sys.executable, __file__, "--child", way, "--file", str(path)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            wall, cpu, peak = (float(figure) for figure in answer[:3])
            print(f"{way:10}{wall:9.2f}{cpu:9.2f}{peak:9.0f}{answer[3]:>7}")


def correlated(random: np.random.Generator, series: int, size: int, correlation: float) -> Floats:
    """Standard normal series (rows) whose neighbours are correlated: AR(1)."""
    values = np.empty((series, size))
    values[:, 0] = random.standard_normal(series)
    noise = random.standard_normal((series, size)) * math.sqrt(1 - correlation**2)
    for place in range(1, size):
        values[:, place] = correlation * values[:, place - 1] + noise[:, place]
    return values


def coverage(series: int) -> None:
    """Print the share of intervals that hold the truth, per length and correlation."""
    from lab.analysis.quantiles import mean, percentile, rate  # noqa: PLC0415  # not part of what the children measure

    random = np.random.default_rng(14)
    p95_of_normal = 1.6448536
    print(f"{series} series each; share of 95 % intervals that hold the truth")
    print(f"{'values':>8}{'AR(1)':>7}{'p50':>8}{'p95':>8}{'mean':>8}{'rate':>8}")
    for size in (450, 1000, 3000, 10_000):
        for correlation in (0.0, 0.5, 0.8, 0.9, 0.95):
            kinds = [
                (
                    (0.0, percentile(values, ordered := np.sort(values), 0.5)),
                    (p95_of_normal, percentile(values, ordered, 0.95)),
                    (0.0, mean(values)),
                    (0.05, rate(values > p95_of_normal)),
                )
                for values in correlated(random, series, size, correlation)
            ]
            held = [[e is not None and e.low <= truth <= e.high for truth, e in kind] for kind in kinds]
            print(f"{size:8}{correlation:7.2f}" + "".join(f"{share:8.3f}" for share in np.mean(held, axis=0)))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--coverage", type=int, nargs="?", const=500, metavar="SERIES")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.file)
    elif arguments.coverage:
        coverage(arguments.coverage)
    else:
        compare(arguments.rows)


if __name__ == "__main__":
    main()
