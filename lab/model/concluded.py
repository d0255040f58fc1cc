"""What is concluded: figures with their intervals, doubts, findings and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lab.model.asked import Plan, Scenario
from lab.model.measured import Doubt, RunState, Window


class Outcome(StrEnum):
    """The three ends of a run, and of each finding in it."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95 % confidence interval, in the unit of the field that holds it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """Exact percentiles of durations. A percentile is None where the count cannot support it."""

    count: int
    mean_s: Estimate | None
    p50_s: Estimate | None
    p90_s: Estimate | None
    p95_s: Estimate | None
    p99_s: Estimate | None
    p999_s: Estimate | None
    max_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLatency:
    """Latency of the requests of one cell; None for scenario or route means all of them together.

    `failed` counts 4xx, 5xx and requests without an answer; they are part of `latency` too.
    """

    phase: str
    scenario: str | None
    route: str | None
    failed: int
    latency: LatencySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSummary:
    """A duration that the scripts measured beside single requests, such as upload to finished report."""

    phase: str
    metric: str
    labels: tuple[tuple[str, str], ...]
    latency: LatencySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCheck:
    """Was the planned load really offered? Rates per second, over the window; journeys are k6 iterations.

    `achieved_rate_per_s` is journeys times nominal requests; `request_rate_per_s` counts the requests that were
    sent, `extra_poll_rate_per_s` the polls among them beyond the nominal ones. `generator_cores` are those that k6
    used, `machine_cpu` and `machine_steal` the shares of the cores' time that were busy, or taken by the host.
    """

    phase: str
    planned_journeys: float
    started_journeys: int
    planned_rate_per_s: float
    achieved_rate_per_s: float
    request_rate_per_s: float
    extra_poll_rate_per_s: float
    dropped_iterations: int
    generator_cores: float | None
    machine_cpu: float | None
    machine_steal: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCount:
    """Failed requests or failed checks of one kind, with a request that shows it."""

    phase: str
    scenario: str
    route: str
    kind: str
    count: int
    example_request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOutcome:
    """How many analyses of a scenario ended in `outcome` (done, failed, rejected or timeout)."""

    phase: str
    scenario: str
    explainer: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUsage:
    """What a service used while a phase ran: mean cores, CPU seconds per request of the phase, highest RSS."""

    phase: str
    service: str
    cores: float
    cpu_s_per_request: float | None
    rss_max_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a threshold sees in one window, before anyone judges it. `count` is how many values it rests on.

    `observed` is None where there is nothing to observe, or too little for the statistic; `why` says which.
    """

    threshold: str
    phase: str
    started_at: float
    ended_at: float
    count: int
    observed: Estimate | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A threshold held against one window.

    `observed` is None where there was nothing to hold it against; then `why` says why not.
    """

    threshold: str
    phase: str
    observed: Estimate | None
    limit: float
    unit: str
    outcome: Outcome
    started_at: float
    ended_at: float
    remedy: str = ""
    why: str = ""


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
    observations: tuple[Observation, ...] = ()
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of a run: `invalid` where a doubt forbids one, `failed` where a threshold is missed, else `passed`."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    doubts: tuple[Doubt, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report shows: what was run, on what (`provenance`, as `run.json` keeps it), and the answer."""

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
