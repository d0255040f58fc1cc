"""What is asked for: scenarios, plans and targets."""

from dataclasses import dataclass, field
from enum import StrEnum


class PhaseKind(StrEnum):
    """What a phase is for; `warmup` is driven and kept, and never judged."""

    WARMUP = "warmup"
    BASELINE = "baseline"
    RAMP = "ramp"
    SUSTAIN = "sustain"
    SPIKE = "spike"
    STRESS = "stress"
    SOAK = "soak"


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
