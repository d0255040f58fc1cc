"""Many run directories, each with the record, verdict and analysis of a run that never was."""

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lab import rundir
from lab.config.plans import plan_content
from lab.model import (
    Analysis,
    BreakOutcome,
    BreakPoint,
    Doubt,
    DoubtKind,
    Estimate,
    LatencySummary,
    Leak,
    LeakOutcome,
    LoadCheck,
    Outcome,
    Phase,
    PhaseKind,
    Plan,
    RequestLatency,
    RunState,
    Scenario,
    ServiceUsage,
    Verdict,
    Window,
)
from lab.report import encode
from lab.rundir import RunDir

FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
RSS = "process_resident_memory_bytes"
PLAN = Plan(
    name="nightly",
    description="every night",
    seed=14,
    phases=(
        Phase(name="warmup", kind=PhaseKind.WARMUP, rate_per_s=50, duration_s=10),
        Phase(name="steady", kind=PhaseKind.SUSTAIN, rate_per_s=50, duration_s=60),
        Phase(name="soak", kind=PhaseKind.SOAK, rate_per_s=20, duration_s=600),
    ),
    thresholds=(),
)
HOST = {
    "cpu_model": "A CPU",
    "cores": 2,
    "machine": "x86_64",
    "memory_bytes": 8 * 2**30,
    "kernel": "6.1",
    "system": "Linux",
}


def sure(value: float) -> Estimate:
    return Estimate(value=value, low=value * 0.98, high=value * 1.02)


@dataclass(kw_only=True)
class ARunOfMany:
    """One run: what it measured, and on what. Everything is as on a quiet day, until a test says otherwise."""

    p95_s: float = 0.1
    p99_s: float | None = 0.2
    failed: int = 0
    rate_per_s: float = 50.0
    cpu_s: float = 0.002
    growth_per_h: float | None = 1e6
    break_point_per_s: float | None = 150.0
    scenarios: tuple[str, ...] = ("auth_dashboard", "upload_analyze")
    scenario_p95_s: dict[str, float] = field(default_factory=dict)
    commit: str = "a" * 40
    is_dirty: bool = False
    plan: Plan = PLAN
    scenario: str = "mixed"
    target: str = "stubs"
    engine: str = "process"
    settings: tuple[str, ...] = ()
    host: dict[str, Any] = field(default_factory=lambda: dict(HOST))
    versions: dict[str, str] = field(default_factory=lambda: {"numpy": "2.4.0"})
    state: RunState = RunState.FINISHED
    outcome: Outcome = Outcome.PASSED
    doubts: tuple[Doubt, ...] = ()

    def write(self, root: Path, number: int) -> RunDir:
        """Leave its directory, of the day with this number."""
        begun = FIRST + timedelta(days=number)
        run = rundir.create(root, f"{self.scenario}-{self.plan.name}", now=begun)
        run.write_record(self._record(run.run_id, begun.timestamp()))
        rundir.write_json(run.analysis, encode.analysis(self._analysis(run.run_id, begun.timestamp())))
        rundir.write_json(run.verdict, encode.verdict(Verdict(outcome=self.outcome, doubts=self.doubts)))
        return run

    def _record(self, run_id: str, started_at: float) -> dict[str, Any]:
        scenario = Scenario(name=self.scenario, code="S5", description="", requests_per_journey=4.0)
        return {
            "run_id": run_id,
            "state": self.state,
            "scenario": asdict(scenario),
            "plan": plan_content(self.plan),
            "seed": self.plan.seed,
            "target": self.target,
            "environment": {"engine": self.engine, "overrides": list(self.settings)},
            "provenance": {
                "code": {"commit": self.commit, "dirty": self.is_dirty},
                "versions": self.versions,
                "host": self.host,
                "engine": {"name": self.engine},
            },
            "started_at": started_at,
            "ended_at": started_at + 700,
        }

    def _analysis(self, run_id: str, started_at: float) -> Analysis:
        steady = [phase for phase in self.plan.phases if phase.kind != PhaseKind.WARMUP]
        return Analysis(
            run_id=run_id,
            windows=tuple(_window(phase, started_at) for phase in self.plan.phases),
            load=tuple(self._load(phase) for phase in self.plan.phases),
            latencies=tuple(cell for phase in self.plan.phases for cell in self._latencies(phase.name)),
            points=(),
            errors=(),
            outcomes=(),
            usage=tuple(
                ServiceUsage(
                    phase=phase.name, service=service, cores=0.1, cpu_s_per_request=self.cpu_s, rss_max_bytes=1e8
                )
                for phase in steady
                for service in ("backend", "k6", "lab")
            ),
            break_points=(self._break_point(),),
            leaks=(self._leak(),),
            doubts=self.doubts,
        )

    def _latencies(self, phase: str) -> list[RequestLatency]:
        whole = RequestLatency(
            phase=phase, scenario=None, route=None, failed=self.failed, latency=self._summary(self.p95_s)
        )
        return [
            whole,
            replace(whole, route="POST /login"),
            *(
                replace(whole, scenario=name, latency=self._summary(self.scenario_p95_s.get(name, self.p95_s)))
                for name in self.scenarios
            ),
        ]

    def _summary(self, p95_s: float) -> LatencySummary:
        return LatencySummary(
            count=2000,
            mean_s=sure(p95_s / 2),
            p50_s=sure(p95_s / 2),
            p90_s=sure(p95_s),
            p95_s=sure(p95_s),
            p99_s=None if self.p99_s is None else sure(self.p99_s),
            p999_s=None,
            max_s=1.0,
        )

    def _load(self, phase: Phase) -> LoadCheck:
        return LoadCheck(
            phase=phase.name,
            planned_journeys=1000.0,
            started_journeys=1000,
            planned_rate_per_s=phase.rate_per_s,
            achieved_rate_per_s=self.rate_per_s,
            request_rate_per_s=self.rate_per_s,
            extra_poll_rate_per_s=0.0,
            dropped_iterations=0,
            generator_cores=0.1,
            machine_cpu=0.3,
        )

    def _leak(self) -> Leak:
        return Leak(
            phase="soak",
            service="backend",
            metric=RSS,
            outcome=LeakOutcome.NO_LEAK,
            effect_per_h=2e7,
            observed_s=600.0,
            slope_per_h=None if self.growth_per_h is None else sure(self.growth_per_h),
        )

    def _break_point(self) -> BreakPoint:
        rate = self.break_point_per_s
        return BreakPoint(
            phase="stress",
            outcome=BreakOutcome.FOUND if rate else BreakOutcome.NOT_BROKEN,
            steps=(),
            rate_per_s=None if rate is None else sure(rate),
        )


def _window(phase: Phase, started_at: float) -> Window:
    return Window(
        phase=phase.name,
        kind=phase.kind,
        step=0,
        started_at=started_at,
        ended_at=started_at + phase.duration_s,
        planned_rate_per_s=phase.rate_per_s,
        achieved_rate_per_s=phase.rate_per_s,
        k6_exit_code=0,
    )


def a_doubt(kind: DoubtKind) -> Doubt:
    return Doubt(kind=kind, what="w", why="y", remedy="r", phase="steady")


def wobbling(number: int) -> float:
    """Give a factor within 2 % of 1 that differs from day to day, and has no level or trend of its own."""
    return 1 + 0.02 * ((number * 7919) % 17 / 8 - 1)
