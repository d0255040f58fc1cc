"""Files of a run as the lab writes them, made from a few plain values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lab.collectors.recorder import SERIES
from lab.load.tables import POINTS, SAMPLES
from lab.model import (
    Doubt,
    Evidence,
    Guards,
    Phase,
    PhaseKind,
    Plan,
    Profile,
    ProfileKind,
    RunState,
    Scenario,
    SummaryFigures,
    Window,
)
from lab.thresholds import parse

START = 1_700_000_000.0
SERVICES = ("backend", "ai_core", "lab", "k6")


def a_profile(begin_s: float, end_s: float) -> Profile:
    return Profile(
        kind=ProfileKind.CPU,
        service="backend",
        profiler="py-spy",
        pids=(1,),
        started_at=START + begin_s,
        ended_at=START + end_s,
        rate_hz=100.0,
        samples=10,
        lost=0,
        files=(),
    )


@dataclass
class ARun:
    """A run of one `sustain` phase of 60 s in which everything is as it should be, until a test changes it.

    One journey (2 requests) begins each second. Change the rows or the fields, then ask for `evidence()`.
    """

    folder: Path
    thresholds: Sequence[str] = ("p50(http_req_duration) < 300ms",)
    kind: PhaseKind = PhaseKind.SUSTAIN
    seconds: int = 60
    state: RunState = RunState.FINISHED
    guards: Guards = field(default_factory=Guards)
    truncated: tuple[str, ...] = ()
    incidents: tuple[Doubt, ...] = ()
    summaries: dict[str, SummaryFigures] | None = None
    windows: tuple[Window, ...] | None = None
    routes: tuple[str, ...] = ()
    is_external: bool = False
    profiles: tuple[Profile, ...] = ()

    def __post_init__(self) -> None:
        self.samples = [self.request(second + offset) for second in range(self.seconds) for offset in (0.2, 0.4)]
        self.points = [self.journey(second) for second in range(self.seconds)]
        self.host = [
            row
            for second in range(-1, self.seconds + 2)
            for row in (self.reading(second, "host_cpu_ratio", 0.3), self.reading(second, "host_cpu_steal_ratio", 0.0))
        ]
        self.processes = [
            row for s in range(-1, self.seconds + 2) for name in SERVICES for row in self.process(s, name)
        ]
        self.scrape = [
            self.reading(second, "up", 1.0, f"service={name}")
            for second in range(-1, self.seconds + 2)
            for name in ("backend", "ai_core")
        ]

    # -- rows ------------------------------------------------------------------------------------------------------

    def request(self, at_s: float, *, took_s: float = 0.02, status: int = 200, **more: Any) -> dict[str, Any]:
        error = f"http_{status}" if status >= 400 else "timeout" if status == 0 else None
        row = {
            "time": _us(at_s),
            "phase": "sustain",
            "scenario": "auth_dashboard",
            "route": "POST /login",
            "method": "POST",
            "status": status,
            "duration_s": took_s,
            "waiting_s": took_s / 2,
            "start_delay_s": 0.0,
            "error": error,
            "extra_poll": False,
            "request_id": f"r-{at_s:g}",
        }
        return row | more

    def point(self, at_s: float, metric: str, value: float, labels: str = "", **more: Any) -> dict[str, Any]:
        row = {"time": _us(at_s), "phase": "sustain", "scenario": "auth_dashboard", "metric": metric, "value": value}
        return row | {"labels": labels, "request_id": f"r-{at_s:g}"} | more

    def journey(self, begins_s: float, *, took_s: float = 0.5, **more: Any) -> dict[str, Any]:
        return self.point(begins_s + took_s, "iteration_duration", took_s, **more)

    def reading(self, at_s: float, metric: str, value: float, labels: str = "") -> dict[str, Any]:
        return {"time": _us(at_s), "metric": metric, "labels": labels, "value": value}

    def process(self, at_s: float, service: str, *, cores: float = 0.1, begun: float = 5.0) -> list[dict[str, Any]]:
        labels = f"service={service}"
        return [
            self.reading(at_s, "process_cpu_seconds_total", 100 + at_s * cores, labels),
            self.reading(at_s, "process_resident_memory_bytes", 1e8, labels),
            self.reading(at_s, "process_threads", 4, labels),
            self.reading(at_s, "process_start_time_seconds", begun, labels),
        ]

    # -- the whole -------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        phase = Phase(name="sustain", kind=self.kind, rate_per_s=2.0, duration_s=self.seconds)
        # spikes and stress phases are held against nothing that does not name them
        named = ("sustain",) if self.kind in (PhaseKind.SPIKE, PhaseKind.STRESS) else ()
        return Plan(
            name="tiny",
            description="",
            seed=14,
            phases=(phase,),
            thresholds=tuple(parse(text, phases=named) for text in self.thresholds),
            guards=self.guards,
        )

    @property
    def window(self) -> Window:
        return Window(
            phase="sustain",
            kind=self.kind,
            step=0,
            started_at=START,
            ended_at=START + self.seconds,
            planned_rate_per_s=2.0,
            achieved_rate_per_s=2.0,
            k6_exit_code=0,
        )

    def evidence(self) -> Evidence:
        samples = _write(self.folder / "samples.parquet", self.samples, SAMPLES)
        points = _write(self.folder / "points.parquet", self.points, POINTS)
        series = {"host": self.host, "processes": self.processes, "scrape": self.scrape}
        paths = {name: _write(self.folder / f"{name}.parquet", rows, SERIES) for name, rows in series.items() if rows}
        return Evidence(
            run_id="r1",
            state=self.state,
            plan=self.plan,
            scenario=Scenario(
                name="auth_dashboard", code="S1", description="", requests_per_journey=2.0, routes=self.routes
            ),
            cores=2,
            windows=(self.window,) if self.windows is None else self.windows,
            samples=samples,
            points=points,
            series=paths,
            summaries=self._k6s() if self.summaries is None else self.summaries,
            is_external=self.is_external,
            profiles=self.profiles,
            truncated=self.truncated,
            incidents=self.incidents,
        )

    def _k6s(self) -> dict[str, SummaryFigures]:
        """k6's own figures, computed the slow and obvious way."""
        durations = sorted(row["duration_s"] for row in self.samples)
        if not durations:
            return {}
        return {
            "sustain": SummaryFigures(
                requests=len(durations),
                failed=sum(row["status"] >= 300 or row["status"] == 0 for row in self.samples),
                iterations=sum(row["metric"] == "iteration_duration" for row in self.points),
                dropped_iterations=round(sum(r["value"] for r in self.points if r["metric"] == "dropped_iterations")),
                mean_s=sum(durations) / len(durations),
                p50_s=_linear(durations, 0.5),
                p90_s=_linear(durations, 0.9),
                p95_s=_linear(durations, 0.95),
                p99_s=_linear(durations, 0.99),
                p999_s=_linear(durations, 0.999),
                max_s=durations[-1],
            )
        }


def write_series(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write what a collector saw."""
    return _write(path, rows, SERIES)


def _linear(ordered: Sequence[float], quantile: float) -> float:
    place = (len(ordered) - 1) * quantile
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _us(at_s: float) -> int:
    return round((START + at_s) * 1e6)


def _write(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> Path:
    ordered = sorted(rows, key=lambda row: row["time"])
    columns = [pa.array([row[name] for row in ordered], type=_plain(schema.field(name).type)) for name in schema.names]
    pq.write_table(pa.table(columns, names=schema.names).cast(schema), path)
    return path


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.string()
    return pa.int64() if pa.types.is_timestamp(kind) else kind
