"""Run directories that can be compared: requests of two routes whose latency a test chooses, and a whole record."""

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.config.plans import plan_content
from lab.model import RunState
from lab.rundir import RunDir, write_json
from tests.lab.analysis.a_run import ARun

LOGIN, LIST = "POST /login", "GET /reports/{userId}"


def with_latencies(run: ARun, latencies: dict[str, float], *, noise: float = 0.02, seed: int = 0) -> ARun:
    """Give a run five requests a second of each route, whose durations vary by `noise` about a median (seconds)."""
    chance = random.Random(seed)
    run.samples = [
        run.request(
            second + place / 5 + 0.01 * number, took_s=median * chance.lognormvariate(0, noise), route=route, status=200
        )
        for second in range(run.seconds)
        for place in range(5)
        for number, (route, median) in enumerate(latencies.items())
    ]
    return run


def a_compared_run(
    root: Path,
    name: str,
    *,
    login_s: float = 0.020,
    list_s: float = 0.002,
    noise: float = 0.02,
    run: ARun | None = None,
    **record: Any,
) -> RunDir:
    """Write a run directory of one phase of a minute; `record` replaces parts of what its `run.json` says."""
    path = root / f"20260101T{name}Z-auth_dashboard-tiny"
    path.mkdir(parents=True)
    (path / "series").mkdir()
    made = run or with_latencies(ARun(path), {LOGIN: login_s, LIST: list_s}, noise=noise, seed=hash_of(name))
    made.folder = path
    evidence = made.evidence()
    directory = RunDir(path)
    for source in path.glob("*.parquet"):
        if source.stem not in {"samples", "points"}:
            source.rename(path / "series" / source.name)
    directory.write_record(a_record(made, path.name, asdict(evidence.scenario)) | record)
    directory.write_windows(evidence.windows)
    for window in evidence.windows:
        (path / "load").mkdir(exist_ok=True)
        (path / "load" / f"{window.name}.json.gz").touch()
    write_json(directory.analysis, {})
    return directory


def hash_of(name: str) -> int:
    """Give a seed that stays the same from process to process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(name))


def a_record(made: ARun, run_id: str, scenario: dict[str, Any]) -> dict[str, Any]:
    """Give what `run.json` says of a run that ended well."""
    plan = plan_content(made.plan)
    return {
        "run_id": run_id,
        "state": RunState.FINISHED,
        "scenario": scenario,
        "plan": plan,
        "seed": plan["seed"],
        "target": "stubs",
        "environment": {
            "id": "e1",
            "engine": "process",
            "services": [{"name": name} for name in ("mongo", "ai_core", "backend")],
        },
        "provenance": a_provenance(),
        "resumes": [],
        "incidents": [],
        "started_at": made.window.started_at,
        "ended_at": made.window.ended_at,
    }


def a_provenance(*, commit: str = "a" * 40, **changes: Any) -> dict[str, Any]:
    """Give the provenance of a run on some machine."""
    return {
        "code": {"commit": commit, "dirty": False},
        "config_hash": "0" * 64,
        "versions": {"lab": "0.1.0", "k6": "1.1.0", "backend": "1.0", "ai_core": "1.0", "mongo": "6.0.5"},
        "host": {"cpu_model": "Some CPU", "cores": 2, "memory_bytes": 8 * 2**30, "kernel": "6.1"},
        "engine": {"name": "process", "facts": {}, "limits": {}, "images": {}},
    } | changes
