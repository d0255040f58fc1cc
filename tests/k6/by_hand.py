"""Running a script as a k6 user does, and reading what k6 wrote with nothing of the lab."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.k6.backend_process import Backend

SCRIPTS = Path(__file__).resolve().parents[2] / "k6"
SCENARIOS: dict[str, Any] = json.loads((SCRIPTS / "scenarios.json").read_text(encoding="utf-8"))
_BESIDE_PYTHON = str(Path(sys.executable).parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of k6 left. `points` are the data of k6's points with their metric, `figures` k6's own summary."""

    exit_code: int
    output: str
    points: list[dict[str, Any]]
    figures: dict[str, Any]

    def of(self, metric: str) -> list[dict[str, Any]]:
        """Points of a metric, those of setup() left out."""
        return [p for p in self.points if p["metric"] == metric and p["tags"].get("group") != "::setup"]

    def total(self, metric: str, **tags: str) -> float:
        """The sum of a metric over the points that carry these tags."""
        return float(sum(p["value"] for p in self.of(metric) if tags.items() <= p["tags"].items()))


def k6(script: str, backend: Backend | str, folder: Path, **settings: float | str) -> Run:
    """Run a script of k6/ for a second against a backend (or URL); `settings` are its -e variables."""
    out, summary = folder / f"{script}.json", folder / f"{script}.summary.json"
    url = backend if isinstance(backend, str) else backend.url
    given = {"DURATION": 1, "RUN": "t", "SUMMARY": summary, "BASE_URL": url, **settings}
    flags = [text for name, value in given.items() for text in ("-e", f"{name}={value}")]
    program = shutil.which("k6", path=os.pathsep.join((os.environ.get("PATH", ""), _BESIDE_PYTHON))) or "k6"
    done = subprocess.run(
        [program, "run", "--quiet", "--address", "", "--out", f"json={out}", *flags, str(SCRIPTS / f"{script}.js")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "K6_NO_USAGE_REPORT": "true"},
    )
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    return Run(
        exit_code=done.returncode,
        output=done.stdout + done.stderr,
        points=[{"metric": line["metric"], **line["data"]} for line in lines if line["type"] == "Point"],
        figures=json.loads(summary.read_text())["figures"] if summary.exists() else {},
    )
