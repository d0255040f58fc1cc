"""A run directory with k6's real output in it, as a run leaves it."""

import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import processes, rundir
from lab.config.targets import load_scenario
from lab.model import ProcessId
from lab.rundir import RunDir

RECORDED = Path(__file__).parent / "load" / "data"
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
PLAN = {
    "name": "recorded",
    "seed": 14,
    "rate_per_s": 30,
    "phases": [{"name": "mixed", "kind": "sustain", "duration_s": 10}],
    "thresholds": [{"expect": "p50(http_req_duration) < 300ms"}],
}


def ended_process() -> ProcessId:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = processes.identify(child.pid)
    child.communicate(b"\n")
    return process


def a_recorded_run(root: Path, **changes: Any) -> RunDir:
    run = rundir.create(root, "mixed-recorded", now=NOON)
    for end in ("json.gz", "summary.json"):
        shutil.copy(RECORDED / f"mixed.{end}", run.load / f"mixed.{end}")
    record = {
        "run_id": run.run_id,
        "state": "finished",
        "controller": asdict(ended_process()),
        "scenario": asdict(load_scenario("mixed")),
        "plan": PLAN,
        "seed": 14,
        "target": "stubs",
        "environment": {"id": "e1"},
        "provenance": {
            "code": {"commit": "unknown", "dirty": None},
            "config_hash": "0" * 64,
            "versions": {"lab": "0.1.0", "k6": "1.1.0"},
            "host": {
                "cpu_model": "a CPU",
                "cores": 2,
                "memory_bytes": 8 * 2**30,
                "kernel": "6.1",
                "system": "Linux",
                "machine": "x86_64",
            },
        },
        "log_begins": {},
        "started_at": NOON.timestamp(),
        "ended_at": NOON.timestamp() + 12,
        "incidents": [],
    }
    run.write_record({**record, **changes})
    return run
