"""k6's own summary comes in the shapes of its versions, and leaves the scripts in one."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.load.k6 import find_k6
from tests.k6.by_hand import SCRIPTS

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]

CALLER = """
import {{ handleSummary as ours }} from '{scripts}/lib/summary.js';
export const options = {{ iterations: 1 }};
export default function () {{}}
export const handleSummary = () => ours(JSON.parse(__ENV.DATA));
"""
TREND = {"avg": 2, "min": 1, "med": 2, "max": 9, "p(90)": 5, "p(95)": 6}
CLASSIC = {
    "http_req_duration{load:journeys}": {"values": {**TREND, "p(99)": 7, "p(99.9)": 8, "count": 20}},
    "http_req_failed{load:journeys}": {"values": {"rate": 0.2, "passes": 4, "fails": 16}},
    "iterations": {"values": {"count": 10, "rate": 1}},
    "dropped_iterations": {"values": {"count": 3, "rate": 1}},
}
STRUCTURED = [
    {"name": "http_req_duration{load:journeys}", "values": TREND},
    {"name": "http_req_failed{load:journeys}", "values": {"rate": 0.2, "matches": 4, "total": 20}},
    {"name": "iterations", "values": {"count": 10}},
    {"name": "dropped_iterations", "values": {"count": 3}},
]
DURATIONS = {"mean": 2, "p50": 2, "p90": 5, "p95": 6, "max": 9}


def figures(folder: Path, data: dict[str, Any]) -> dict[str, Any]:
    script, summary = folder / "caller.js", folder / "summary.json"
    script.write_text(CALLER.format(scripts=SCRIPTS))
    flags = ["-e", f"DATA={json.dumps(data)}", "-e", f"SUMMARY={summary}"]
    environment = {**os.environ, "K6_NO_USAGE_REPORT": "true"}
    command = [str(find_k6().path), "run", "--quiet", "--address", "", *flags, str(script)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    found: dict[str, Any] = json.loads(summary.read_text())["figures"]
    return found


@pytest.mark.parametrize(
    ("data", "beyond_p95"),
    [
        ({"metrics": CLASSIC}, {"p99": 7, "p999": 8}),
        ({"results": {"metrics": STRUCTURED}}, {"p99": None, "p999": None}),
    ],
    ids=["classic", "structured"],
)
def test_figures_are_the_same_in_every_shape(
    tmp_path: Path, data: dict[str, Any], beyond_p95: dict[str, float | None]
) -> None:
    assert figures(tmp_path, data) == {
        "requests": 20,
        "failed": 4,
        "iterations": 10,
        "dropped_iterations": 3,
        "duration_ms": {**DURATIONS, **beyond_p95},
    }


def test_a_phase_without_requests_has_no_durations(tmp_path: Path) -> None:
    nothing = {"http_req_duration{load:journeys}": {"values": dict.fromkeys([*TREND, "count"], 0)}}
    failed = {"http_req_failed{load:journeys}": {"values": {"rate": 0, "passes": 0, "fails": 0}}}
    found = figures(tmp_path, {"metrics": nothing | failed})
    assert (found["requests"], found["failed"], found["iterations"], found["dropped_iterations"]) == (0, 0, 0, 0)
    assert set(found["duration_ms"].values()) == {None}


def test_what_setup_gave_is_not_kept_since_there_are_tokens_in_it(tmp_path: Path) -> None:
    figures(tmp_path, {"metrics": CLASSIC, "setup_data": {"users": [{"token": "a-secret"}]}})
    kept = json.loads((tmp_path / "summary.json").read_text())["k6"]
    assert kept == {"metrics": CLASSIC}
