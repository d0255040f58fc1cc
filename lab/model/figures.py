"""Figures with their intervals, and what thresholds make of them."""

from dataclasses import dataclass
from enum import StrEnum


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

    `failed` counts 3xx, 4xx, 5xx and requests without an answer; they are part of `latency` too.
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
    """What a service used while a phase ran: mean cores, CPU seconds per request of the phase, and its highest counts.

    `sockets_max` is how many sockets it had open at most: its connections, and what it listens on.
    """

    phase: str
    service: str
    cores: float
    cpu_s_per_request: float | None
    rss_max_bytes: float
    sockets_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a threshold sees in one phase, before anyone judges it. `count` is how many values it rests on.

    `observed` is None where there is nothing to observe, or too little for the statistic; `why` says which. `subject`
    is the service that it is about, where a threshold is about each of them. Where a threshold is held against
    windows, `windows` is how many there were, `missed` how many were beyond the limit, and the rest is of the worst.
    `outcome` is given where the analysis itself knows it: that something did not recover is no number, and misses all
    the same.
    """

    threshold: str
    phase: str
    started_at: float
    ended_at: float
    count: int
    observed: Estimate | None
    why: str = ""
    subject: str = ""
    windows: int = 1
    missed: int = 0
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A threshold held against one phase, or against the worst of its windows.

    `observed` is None where there was nothing to hold it against; then `why` says why not. `subject` is the service
    that it is about, where a threshold is about each of them.
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
    subject: str = ""
    windows: int = 1
    missed: int = 0
