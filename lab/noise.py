"""The noise of this machine: measured by a run of its own, kept in the lab's home, and copied into later runs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab import rundir
from lab.analysis.noise import noise_figures
from lab.config.plans import parse_plan
from lab.model import Noise, Plan, Report

_NOISE = TypeAdapter(Noise)


def noise_plan(*, repeats: int, duration_s: float, rate_per_s: float, seed: int) -> Plan:
    """Give the plan that measures noise: a warm-up, then the same phase again and again. Raises ConfigError."""
    warmup = {"name": "warmup", "kind": "warmup", "duration_s": duration_s}
    same = [
        {"name": f"repeat-{number}", "kind": "sustain", "duration_s": duration_s} for number in range(1, repeats + 1)
    ]
    content = {
        "name": "noise",
        "description": "The same load again and again",
        "seed": seed,
        "rate_per_s": rate_per_s,
        "phases": [warmup, *same],
        "thresholds": [{"expect": "error_rate < 0.5%"}],
    }
    return parse_plan(content, source="lab noise")


def measured(report: Report) -> Noise:
    """Give the noise that a run of such a plan showed."""
    repeats = [phase for phase in report.plan.phases if phase.name.startswith("repeat-")]
    return Noise(
        run_id=report.run_id,
        measured_at=report.ended_at or report.started_at,
        scenario=report.scenario.name,
        rate_per_s=repeats[0].rate_per_s,
        duration_s=repeats[0].duration_s,
        repeats=len(repeats),
        figures=noise_figures(report.analysis),
    )


def keep(home: Path, noise: Noise, host: Mapping[str, Any]) -> None:
    """Keep it in the lab's home, for the machine `host`."""
    home.mkdir(parents=True, exist_ok=True)
    rundir.write_json(_file(home), {"host": host, "noise": asdict(noise)})


def kept(home: Path, host: Mapping[str, Any]) -> Noise | None:
    """Give what was kept for the machine `host`; None where there is nothing, or it was another machine."""
    content = rundir.read_json(_file(home))
    if not isinstance(content, dict) or content.get("host") != host:
        return None
    try:
        return _NOISE.validate_python(content.get("noise"))
    except ValidationError:  # of another version of the lab: measure again
        return None


def _file(home: Path) -> Path:
    return home / "noise.json"
