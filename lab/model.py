"""The nouns of the lab: frozen values that one stage leaves and the next one takes.

Units stand in the names (`_s`, `_bytes`, `_per_s`), ratios are 0 to 1, times are UTC epoch seconds.
Nothing here imports another module of the lab.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class PhaseKind(StrEnum):
    """What a phase is for; `warmup` is driven and kept, and never judged."""

    WARMUP = "warmup"
    BASELINE = "baseline"
    RAMP = "ramp"
    SUSTAIN = "sustain"
    SPIKE = "spike"
    STRESS = "stress"
    SOAK = "soak"


class Outcome(StrEnum):
    """The three ends of a run, and of each finding in it."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"


class RunState(StrEnum):
    """How far the driving of a run came."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


# ------------------------------------------------------------------------------------------- what is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of load. Rates are HTTP requests per second at the scenario's nominal requests per journey.

    `start_rate_per_s` is None for a constant rate; otherwise the rate moves linearly from it to `rate_per_s`.
    """

    name: str
    kind: PhaseKind
    rate_per_s: float
    duration_s: float
    start_rate_per_s: float | None = None

    @property
    def mean_rate_per_s(self) -> float:
        """The rate averaged over the phase."""
        start = self.rate_per_s if self.start_rate_per_s is None else self.start_rate_per_s
        return (start + self.rate_per_s) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A journey that k6 can drive, or (`mix` not empty) a weighted mix of such journeys.

    `requests_per_journey` is the nominal count of HTTP requests of one journey on an unloaded system; of a mix, the
    weighted mean. `mix` holds (scenario name, weight), the weights adding up to 1. `routes` are the names that k6
    gives its requests: method and route template.
    """

    name: str
    code: str
    description: str
    requests_per_journey: float
    routes: tuple[str, ...] = ()
    mix: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One target of a plan, such as `p95(http_req_duration{scenario:upload_analyze}) < 1s`.

    `statistic` is one of p50, p90, p95, p99, p999, mean, max, rate, count. `limit` is in seconds for durations and a
    ratio for rates. `phases` names the phases it is judged in; empty means every judged phase of the plan.
    """

    text: str
    statistic: str
    metric: str
    selector: tuple[tuple[str, str], ...]
    comparison: str
    limit: float
    phases: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Beyond which limits a run has no answer (see `Doubt`).

    `rate_tolerance`: achieved against planned journey rate, as a ratio. `dropped_iterations`: ratio of the planned
    iterations that k6 may drop. `machine_cpu` and `generator_cpu`: mean busy ratio over a phase of all cores, and of
    k6 against all cores. `telemetry_gap_s`: the longest silence of a collector inside a phase.
    """

    rate_tolerance: float = 0.02
    dropped_iterations: float = 0.0
    machine_cpu: float = 0.95
    generator_cpu: float = 0.5
    telemetry_gap_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Journeys:
    """How journeys behave: the interval of their polls, how long they wait, which explainer they ask for."""

    poll_interval_s: float = 0.25
    deadline_s: float = 15.0
    explainer: str = "tree"
    max_vus: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment: phases in their order, what is held against them, and when there is no answer."""

    name: str
    description: str
    seed: int
    phases: tuple[Phase, ...]
    thresholds: tuple[Threshold, ...]
    guards: Guards = field(default_factory=Guards)
    journeys: Journeys = field(default_factory=Journeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A part of the system under test, as a target file describes it.

    `argv` starts it (empty: something else does); `{python}`, `{port}` and `{<service>.url}` in `argv` and `env` are
    filled in by the engine. `health_path` answers 200 when it is ready, `metrics_path` is Prometheus text.
    """

    name: str
    kind: str  # "http", or "mongod"
    argv: tuple[str, ...] = ()
    port: int = 0
    env: tuple[tuple[str, str], ...] = ()
    health_path: str = ""
    metrics_path: str = ""
    ready_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A system under test: its services in dependency order, and the one that the load goes to.

    `database` is the MongoDB database that the lab empties before a run, so that runs start alike; "" for none.
    """

    name: str
    description: str
    entry: str
    services: tuple[Service, ...]
    database: str = ""


# ---------------------------------------------------------------------------------------------- what is running


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number. Times are epoch seconds."""

    pid: int
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A service that answers. `process` is None where the lab did not start it."""

    name: str
    url: str
    version: str
    process: ProcessId | None
    metrics_url: str = ""
    log: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an engine brought up: services in the order of their start."""

    id: str
    engine: str
    target: str
    entry_url: str
    mongo_url: str
    started_at: float
    services: tuple[RunningService, ...]


# ------------------------------------------------------------------------------------------- what was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time in which a phase offered its load, as k6's scenarios really began. Times are epoch seconds.

    Rates are nominal HTTP requests per second: journeys per second times the scenario's requests per journey.
    """

    phase: str
    kind: PhaseKind
    step: int
    started_at: float
    ended_at: float
    planned_rate_per_s: float
    achieved_rate_per_s: float
    k6_exit_code: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a running phase stands; rates over the last seconds, P95 in seconds over the same.

    `generator_pid` is the process that makes the load, for those who sample what it uses.
    """

    phase: str
    elapsed_s: float
    duration_s: float
    planned_rate_per_s: float
    achieved_rate_per_s: float
    requests: int
    failed: int
    p95_s: float | None
    generator_pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFigures:
    """k6's own figures of a phase, without the requests of its setup(); None where it gave none.

    Percentiles are linear, as everywhere in the lab; durations are http_req_duration.
    """

    requests: int
    failed: int
    iterations: int
    dropped_iterations: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None
    p999_s: float | None
    max_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the analysis of a run reads: values from `run.json`, and the files beside it.

    `samples` has one row per request, `points` one per value of k6's other metrics (see docs/run-directory.md);
    `series` maps a collector's name to its Parquet file; `summaries` maps a phase to k6's own figures of it.
    Files that a run does not have are missing from the maps, or do not exist. `truncated` names the phases whose
    output of k6 ends early.
    """

    run_id: str
    state: RunState
    plan: Plan
    scenario: Scenario
    cores: int
    windows: tuple[Window, ...]
    samples: Path
    points: Path
    series: Mapping[str, Path]
    summaries: Mapping[str, SummaryFigures]
    truncated: tuple[str, ...] = ()
    incidents: tuple["Doubt", ...] = ()


# ------------------------------------------------------------------------------------------- what is concluded


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
    sent, `extra_poll_rate_per_s` the polls among them beyond the nominal ones. CPU figures are cores in use.
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
class Doubt:
    """A reason not to trust a figure, and what removes it; no verdict stands beside one that `invalidates`."""

    what: str
    why: str
    remedy: str
    invalidates: bool = False
    phase: str = ""


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
    """A threshold held against one window. `observed` is None where there was nothing to hold it against."""

    threshold: str
    phase: str
    observed: Estimate | None
    limit: float
    unit: str
    outcome: Outcome
    started_at: float
    ended_at: float
    remedy: str = ""


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
