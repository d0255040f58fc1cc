"""How fast k6's output becomes samples.parquet, and that percentiles; and in how much memory.

Run it with `python benchmarks/samples_reader.py`, or `make bench`.

The file is recorded output of the real k6 (tests/lab/load/data), repeated with shifted times until it holds as many
requests as asked for. Beside it, in the same run, a plain gzip and json loop over the same file.
"""

import argparse
import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from datetime import datetime, timedelta
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[1] / "tests/lab/load/data/mixed.json.gz"
_SECOND = re.compile(rb'(?<="time":")([^".]+)')
_REQUEST = b'{"metric":"http_req_duration","type":"Point"'


def generate(path: Path, requests: int) -> int:
    """Write `requests` requests (rounded up to whole repetitions); gives the number of lines."""
    lines = gzip.decompress(RECORDED.read_bytes()).splitlines(keepends=True)
    body = [line for line in lines if b'"type":"Point"' in line and b"::setup" not in line]
    repetitions = -(-requests // sum(line.startswith(_REQUEST) for line in body))
    # cut before each whole second, so that a repetition differs in the seconds alone and a join makes it
    pieces = _SECOND.split(b"".join(body))
    seconds = [datetime.fromisoformat(text.decode()) for text in pieces[1::2]]
    span = max(seconds) - min(seconds) + timedelta(seconds=1)
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for n in range(repetitions):
            later = {second: (second + n * span).isoformat().encode() for second in set(seconds)}
            pieces[1::2] = [later[second] for second in seconds]
            file.write(deflate.compress(b"".join(pieces)))
        file.write(deflate.flush())
    return repetitions * len(body)


def convert(folder: Path) -> int:
    """The lab's way."""
    from lab.load.k6_samples import convert as to_parquet  # noqa: PLC0415  # measured in a child process only

    return to_parquet(folder, ["load"], folder / "samples.parquet", folder / "points.parquet").requests


def plain(folder: Path) -> int:
    """The loop that comes to mind first; it keeps nothing but a count."""
    found = 0
    with gzip.open(folder / "load.json.gz") as file:
        for line in file:
            point = json.loads(line)
            found += point["metric"] == "http_req_duration" and point["type"] == "Point"
    return found


def percentiles(folder: Path) -> int:
    """Percentiles with intervals per phase, scenario and route, from the Parquet file that `convert` left."""
    from lab.analysis.latency import request_latencies  # noqa: PLC0415  # likewise
    from lab.analysis.samples import read_samples  # noqa: PLC0415  # likewise

    return len(request_latencies(read_samples(folder / "samples.parquet")))


WAYS = {"convert": convert, "plain": plain, "percentiles": percentiles}


def measure(way: str, folder: Path) -> tuple[float, float, float, int]:
    """Wall seconds, CPU seconds, peak RSS in MB and the result of a way, in a process of its own."""
    command = [sys.executable, __file__, "--child", way, "--folder", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1]), float(answer[2]), int(answer[3])


def child(way: str, folder: Path) -> None:
    """Run a way and print its figures."""
    began, cpu = time.perf_counter(), time.process_time()
    result = WAYS[way](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - began, time.process_time() - cpu, peak, result)


def compare(requests: int, *, ways: tuple[str, ...]) -> None:
    """Print one table row per way for a file of `requests` requests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = generate(folder / "load.json.gz", requests)
        size = (folder / "load.json.gz").stat().st_size / 1e6
        print(f"\n{requests:,} requests, {lines:,} lines, {size:.0f} MB gzip")
        print(f"{'':14}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'ratio':>8}")
        slowest = None
        for way in ways:
            wall, cpu, peak, _ = measure(way, folder)
            slowest = slowest or wall
            print(f"{way:14}{wall:9.1f}{cpu:9.1f}{peak:9.0f}{slowest / wall:8.1f}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.folder)
        return
    compare(arguments.requests // 2, ways=("convert",))
    compare(arguments.requests, ways=("plain", "convert", "percentiles"))


if __name__ == "__main__":
    main()
