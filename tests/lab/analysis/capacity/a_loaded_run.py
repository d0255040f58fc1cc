"""A run directory of a system whose costs are known: baseline, ramp, and stress steps up to where it breaks.

Its machine has 2 cores. A nominal request costs the backend 2 ms of CPU and ai_core 6 ms, k6 1 ms; without load they
use 5, 10 and 5 thousandths of a core. Requests take 2 ms and up to 10 ms more as the cores fill up. Every second
journey asks for an analysis, which holds a worker for 20 ms. Above 180 requests/s analyses fail.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lab import rundir
from lab.collectors.recorder import SERIES
from lab.load.tables import POINTS, SAMPLES
from lab.model import PhaseKind, Step, StepPurpose, Window
from lab.rundir import RunDir

START = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
PER_REQUEST = {"ai_core": 0.006, "backend": 0.002, "k6": 0.001}
IDLE = {"ai_core": 0.005, "backend": 0.010, "k6": 0.005}
PER_JOURNEY = 2
CORES = 2
BREAKS_AT = 180.0
STEPS = (40.0, 60.0, 90.0, 120.0, 140.0, 160.0, 200.0)
FULL_AT = (CORES - sum(IDLE.values())) / sum(PER_REQUEST.values())


@dataclass
class ALoadedRun:
    """What such a run is made of; change a field before `write`."""

    folder: Path
    name: str = "mixed-loaded"
    steps: tuple[float, ...] = STEPS
    has_ramp: bool = True
    cores: int = CORES
    service_cores: dict[str, float] = field(default_factory=lambda: {"ai_core": 3.0, "backend": 1.0})
    cpu_factor: float = 1.0
    lost_journeys: float = 0.0

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(14)
        self._samples: list[dict[str, Any]] = []
        self._points: list[dict[str, Any]] = []
        self._series: dict[str, list[dict[str, Any]]] = {"processes": [], "host": []}
        self._cpu = dict.fromkeys(PER_REQUEST, 100.0)
        self._now = START.timestamp() + 5

    def write(self) -> RunDir:
        """Drive it, on paper, and leave the directory that `conclude` would have left."""
        run = rundir.create(self.folder, self.name, now=START)
        windows = list(self._drive_all())
        run.write_windows(windows)
        run.write_steps(
            Step(phase="stress", number=n, rate_per_s=rate, duration_s=25, purpose=StepPurpose.CLIMB, drained_s=0.0)
            for n, rate in enumerate(self.steps, 1)
        )
        run.write_record(self._record(run.run_id))
        _write(run.samples, self._samples, SAMPLES)
        _write(run.points, self._points, POINTS)
        for name, rows in self._series.items():
            _write(run.series / f"{name}.parquet", rows, SERIES)
        for window in windows:
            (run.load / f"{window.name}.json.gz").touch()
        run.analysis.write_text("{}", encoding="utf-8")
        return run

    def _drive_all(self) -> Iterator[Window]:
        yield self._drive("baseline", PhaseKind.BASELINE, 0, (6.0, 6.0), 120)
        if self.has_ramp:
            yield self._drive("ramp", PhaseKind.RAMP, 0, (1.0, 60.0), 120)
        for number, rate in enumerate(self.steps, 1):
            yield self._drive("stress", PhaseKind.STRESS, number, (rate, rate), 25)

    def _drive(self, phase: str, kind: PhaseKind, step: int, rates: tuple[float, float], seconds: int) -> Window:
        drive = f"{phase}-{step:02d}" if step else phase
        begun = self._now
        self._read(begun, 0.0)
        for second in range(seconds):
            rate = rates[0] + (rates[1] - rates[0]) * (second + 0.5) / seconds
            self._second(drive, begun + second, rate)
        self._now = begun + seconds + 3
        mean = sum(rates) / 2
        return Window(
            phase=phase,
            kind=kind,
            step=step,
            started_at=begun,
            ended_at=begun + seconds,
            planned_rate_per_s=mean,
            achieved_rate_per_s=mean,
            k6_exit_code=0,
        )

    def _second(self, drive: str, at: float, rate: float) -> None:
        journeys = round(rate / PER_JOURNEY)
        rate = journeys * PER_JOURNEY
        used = self._used(rate) / self.cores
        waits = min(used, 1.0) ** 2 * 0.01
        for place in range(journeys):
            begun = at + (place + 0.5) / journeys
            took = [0.002 + waits * self._random.exponential() for _ in range(PER_JOURNEY)]
            fails = rate > BREAKS_AT and place % 10 == 0
            self._journey(drive, begun, took, asks=place % 2 == 0, fails=fails)
        self._points.append(_point(at + 0.5, drive, "vus", rate / PER_JOURNEY * (0.3 + self.lost_journeys)))
        self._read(at + 1, rate)

    def _journey(self, drive: str, begun: float, took: list[float], *, asks: bool, fails: bool) -> None:
        for number, seconds in enumerate(took):
            route = "POST /analyze" if number == 0 else "GET /report/{id}"
            status = 503 if fails and number == 0 else 200
            self._samples.append(_sample(begun + 0.1 * number + seconds, drive, route, seconds, status))
        self._points.append(_point(begun + 0.3, drive, "iteration_duration", 0.3))
        self._points.append(
            _point(begun + 0.3, drive, "journeys", 1.0, f"outcome={'failed' if fails else 'completed'}")
        )
        if asks:
            for part, seconds in (("parse", 0.002), ("fit", 0.014), ("explain", 0.004)):
                labels = f"explainer=tree,part={part}"
                self._points.append(_point(begun + 0.2, drive, "ai_core_analyze", seconds, labels))
            outcome = "failed" if fails else "done"
            self._points.append(_point(begun + 0.2, drive, "analyses", 1.0, f"explainer=tree,outcome={outcome}"))

    def _used(self, rate: float) -> float:
        return sum(self._cores_of(name, rate) for name in PER_REQUEST)

    def _cores_of(self, name: str, rate: float) -> float:
        return IDLE[name] + PER_REQUEST[name] * rate * self.cpu_factor

    def _read(self, at: float, rate: float) -> None:
        for name in PER_REQUEST:
            self._cpu[name] += self._cores_of(name, rate) * (1 + 0.02 * self._random.standard_normal())
            labels = f"service={name}"
            self._series["processes"].append(_reading(at, "process_cpu_seconds_total", self._cpu[name], labels))
            self._series["processes"].append(_reading(at, "process_resident_memory_bytes", 1e8, labels))
        self._series["host"].append(_reading(at, "host_cpu_ratio", min(self._used(rate) / self.cores, 1.0)))

    def _record(self, run_id: str) -> dict[str, Any]:
        mix = {"name": "mixed", "code": "S5", "description": "", "requests_per_journey": PER_JOURNEY}
        return {
            "run_id": run_id,
            "state": "finished",
            "controller": {"pid": 1, "started_at": 0.0},
            "scenario": {**mix, "routes": ["POST /analyze", "GET /report/{id}"], "mix": []},
            "plan": self._plan(),
            "seed": 14,
            "target": "stubs",
            "environment": {"id": "e1", "engine": "process"},
            "service_cores": self.service_cores,
            "provenance": {"host": {"cores": self.cores, "memory_bytes": 8 * 2**30}},
            "started_at": START.timestamp(),
            "ended_at": self._now,
            "incidents": [],
        }

    def _plan(self) -> dict[str, Any]:
        ramp = {"name": "ramp", "kind": "ramp", "start_rate_per_s": 1, "rate_per_s": 60, "duration_s": 120}
        staircase = {"step_s": 25, "settle_s": 5, "breaks": ["error_rate < 0.5%"]}
        stress = {"name": "stress", "kind": "stress", "start_rate_per_s": 40, "rate_per_s": 300, "staircase": staircase}
        return {
            "name": "loaded",
            "seed": 14,
            "rate_per_s": 60,
            "thresholds": [{"expect": "error_rate < 0.5%", "phases": ["baseline"]}],
            "phases": [
                {"name": "baseline", "kind": "baseline", "rate_per_s": 6, "duration_s": 120},
                *([ramp] if self.has_ramp else []),
                *([stress] if self.steps else []),
            ],
        }


def _reading(at: float, metric: str, value: float, labels: str = "") -> dict[str, Any]:
    return {"time": round(at * 1e6), "metric": metric, "labels": labels, "value": value}


def _point(at: float, drive: str, metric: str, value: float, labels: str = "") -> dict[str, Any]:
    row = {"time": round(at * 1e6), "phase": drive, "scenario": "mixed", "metric": metric, "value": value}
    return row | {"labels": labels, "request_id": ""}


def _sample(at: float, drive: str, route: str, took_s: float, status: int) -> dict[str, Any]:
    return {
        "time": round(at * 1e6),
        "phase": drive,
        "scenario": "mixed",
        "route": route,
        "method": route.split(maxsplit=1)[0],
        "status": status,
        "duration_s": took_s,
        "waiting_s": took_s / 2,
        "start_delay_s": 0.0,
        "error": f"http_{status}" if status >= 400 else None,
        "extra_poll": False,
        "request_id": f"r-{at:.6f}",
    }


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    ordered = sorted(rows, key=lambda row: row["time"])
    columns = [pa.array([row[name] for row in ordered], type=_plain(schema.field(name).type)) for name in schema.names]
    pq.write_table(pa.table(columns, names=schema.names).cast(schema), path)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.string()
    return pa.int64() if pa.types.is_timestamp(kind) else kind


def content_of(run: RunDir) -> Any:
    """Read the plan that a run directory holds."""
    return json.loads(run.capacity.read_text(encoding="utf-8"))
