"""What is concluded: every figure of a run, the doubts about them, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.model.asked import Plan, Scenario
from lab.model.doubts import Doubt
from lab.model.figures import (
    AnalysisOutcome,
    ErrorCount,
    Finding,
    LoadCheck,
    Observation,
    Outcome,
    PointSummary,
    RequestLatency,
    ServiceUsage,
)
from lab.model.leaks import Connections, Drift, Leak
from lab.model.measured import RunState, Window
from lab.model.noise import Noise
from lab.model.playbooks import Diagnosis
from lab.model.profiled import ProfileSummary, SoakGrowth
from lab.model.resilience import Ramp, Resilience
from lab.model.seen import Complaint, DatabaseUse, SlowQuery, SlowRequest
from lab.model.stress import BreakPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Every figure of a run that a report shows."""

    run_id: str
    windows: tuple[Window, ...]
    load: tuple[LoadCheck, ...]
    latencies: tuple[RequestLatency, ...]
    points: tuple[PointSummary, ...]
    errors: tuple[ErrorCount, ...]
    outcomes: tuple[AnalysisOutcome, ...]
    usage: tuple[ServiceUsage, ...]
    ramps: tuple[Ramp, ...] = ()
    resiliences: tuple[Resilience, ...] = ()
    break_points: tuple[BreakPoint, ...] = ()
    leaks: tuple[Leak, ...] = ()
    drifts: tuple[Drift, ...] = ()
    connections: tuple[Connections, ...] = ()
    slowest: tuple[SlowRequest, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    database: tuple[DatabaseUse, ...] = ()
    slow_queries: tuple[SlowQuery, ...] = ()
    profiles: tuple[ProfileSummary, ...] = ()
    soak_growths: tuple[SoakGrowth, ...] = ()
    observations: tuple[Observation, ...] = ()
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of a run: `invalid` where a doubt forbids one, `failed` where a threshold is missed, else `passed`.

    `lacking` names the failed findings for which nobody knows a remedy: a failure of its own.
    """

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    doubts: tuple[Doubt, ...] = field(default=())
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report shows: what was run, on what (`provenance`, as `run.json` keeps it), and the answer.

    `noise` is that of the machine, where it had been measured before the run.
    """

    run_id: str
    scenario: Scenario
    plan: Plan
    target: str
    seed: int
    state: RunState
    started_at: float
    ended_at: float | None
    provenance: Mapping[str, Any]
    analysis: Analysis
    verdict: Verdict
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    noise: Noise | None = None
