"""Output that the real k6 wrote for the mix (against the fake backend, with faults), and ways to damage it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lab.load.k6_samples import Conversion, convert
from lab.model import Phase, PhaseKind, Scenario

DATA = Path(__file__).with_name("data")
GZ = (DATA / "mixed.json.gz").read_bytes()
TEXT = gzip.decompress(GZ)
POINTS: list[dict[str, Any]] = [
    {"metric": line["metric"], **line["data"]} for line in map(json.loads, TEXT.splitlines()) if line["type"] == "Point"
]

MIXED = Scenario(name="mixed", code="S5", description="the mix", requests_per_journey=3.3)


def points_of(metric: str) -> list[dict[str, Any]]:
    """Points of a metric as a plain JSON parser has them, those of setup() left out."""
    return [p for p in POINTS if p["metric"] == metric and p["tags"].get("group") != "::setup"]


def a_phase(**changes: Any) -> Phase:
    """A phase as the recorded one was: 30 requests per second for 10 s."""
    settings = {"name": "main", "kind": PhaseKind.SUSTAIN, "rate_per_s": 30.0, "duration_s": 10.0, **changes}
    return Phase(**settings)


Rows = list[dict[str, Any]]


def converted(folder: Path, content: bytes | None, *, phase: str = "main") -> tuple[Conversion, Rows, Rows]:
    """Convert a phase whose file holds `content` (None: there is no file); give its samples and points too."""
    if content is not None:
        (folder / f"{phase}.json.gz").write_bytes(content)
    samples, points = folder / "samples.parquet", folder / "points.parquet"
    conversion = convert(folder, [phase], samples, points)
    return conversion, pq.read_table(samples).to_pylist(), pq.read_table(points).to_pylist()
