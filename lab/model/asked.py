"""What is asked for: scenarios, plans and targets."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lab.model.doubts import DoubtKind
from lab.model.running import Limits


class PhaseKind(StrEnum):
    """What a phase is for; `warmup`, and `profile` (load to be looked into), are driven and kept, and never judged."""

    WARMUP = "warmup"
    BASELINE = "baseline"
    RAMP = "ramp"
    SUSTAIN = "sustain"
    SPIKE = "spike"
    STRESS = "stress"
    SOAK = "soak"
    PROFILE = "profile"


UNJUDGED = (PhaseKind.WARMUP, PhaseKind.PROFILE)
"""Kinds that nothing is held against."""


class Moment(StrEnum):
    """When in a phase its services are profiled.

    Of a stress phase the last `good` step and the one that it `break`s at, of a spike its `top`; of any other phase its
    `start`, `middle` and `end`. `heap` is after it, with its load going on: following a heap would change what is
    measured.
    """

    GOOD = "good"
    BREAK = "break"
    TOP = "top"
    START = "start"
    MIDDLE = "middle"
    END = "end"
    HEAP = "heap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiling:
    """How services are profiled where phases ask for it: which (none named: all that speak HTTP), for how long.

    With `repeat` a stress phase's steps and a spike's top are driven again for their profile. Without, a step of the
    search, or the spike itself, is driven with the profiler on, and is then not judged.
    """

    services: tuple[str, ...] = ()
    cpu_s: float = 15.0
    heap_s: float = 30.0
    repeat: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a phase in which the rate moves linearly from one value to the other; between stages it may jump."""

    duration_s: float
    from_rate_per_s: float
    to_rate_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """What makes a spike: the phase's rate for `before_s`, `factor` times it for `surge_s`, and the rate again."""

    factor: float
    before_s: float
    surge_s: float
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One target of a plan, such as `p95(http_req_duration{scenario:upload_analyze}) < 1s`.

    `statistic` is one of p50, p90, p95, p99, p999, mean, max, rate, count, increase, growth, value. `limit` is in the
    unit of `lab.thresholds.unit_of`. `phases` names the phases it is judged in; empty means every judged phase of the
    plan that it can be about. `window_s` (None: the whole phase) is the length of the windows that it must hold in,
    each of them.
    """

    text: str
    statistic: str
    metric: str
    selector: tuple[tuple[str, str], ...]
    comparison: str
    limit: float
    unit: str = "s"
    window_s: float | None = None
    phases: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staircase:
    """How a stress phase looks for the break point, between its `start_rate_per_s` and its `rate_per_s`, the ceiling.

    Each step lasts `step_s`, or as long as the percentiles in `breaks` need; its first `settle_s` are not judged. The
    rate grows by `growth` from step to step until one of `breaks` is missed; then the gap between the highest good and
    the lowest bad rate is halved until it is `resolution` of the rate, and both are repeated `confirmations` times. No
    more than `max_steps` are driven. Before each step the backlog may take `drain_s` to be worked off.
    """

    breaks: tuple[Threshold, ...]
    step_s: float = 20.0
    settle_s: float = 4.0
    growth: float = 1.3
    resolution: float = 0.08
    confirmations: int = 2
    max_steps: int = 24
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of load. Rates are HTTP requests per second at the scenario's nominal requests per journey.

    `start_rate_per_s` is None for a constant rate; otherwise the rate moves linearly from it to `rate_per_s`. A spike
    has a `surge`; a stress phase has a `staircase`, and `duration_s` is then the longest that its steps may last.
    `profile` says when services are profiled.
    """

    name: str
    kind: PhaseKind
    rate_per_s: float
    duration_s: float
    start_rate_per_s: float | None = None
    surge: Surge | None = None
    staircase: Staircase | None = None
    profile: tuple[Moment, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """How the rate moves through the phase."""
        start, rate = self.start_rate_per_s, self.rate_per_s
        if self.surge is None:
            return (
                Stage(duration_s=self.duration_s, from_rate_per_s=rate if start is None else start, to_rate_per_s=rate),
            )
        surge, high = self.surge, rate * self.surge.factor
        lengths = ((surge.before_s, rate), (surge.surge_s, high), (surge.after_s, rate))
        return tuple(Stage(duration_s=s, from_rate_per_s=r, to_rate_per_s=r) for s, r in lengths)

    @property
    def mean_rate_per_s(self) -> float:
        """The rate averaged over the phase."""
        stages = self.stages
        area = sum(stage.duration_s * (stage.from_rate_per_s + stage.to_rate_per_s) / 2 for stage in stages)
        return area / sum(stage.duration_s for stage in stages)

    def rate_at(self, elapsed_s: float) -> float:
        """The planned rate at a moment of the phase; its first and its last one before and after it."""
        left_s = max(elapsed_s, 0.0)
        for stage in self.stages:
            if left_s < stage.duration_s:
                share = left_s / stage.duration_s
                return stage.from_rate_per_s + share * (stage.to_rate_per_s - stage.from_rate_per_s)
            left_s -= stage.duration_s
        return self.stages[-1].to_rate_per_s


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
class Guards:
    """Beyond which limits a run has no answer (see `Doubt`).

    `rate_tolerance`: achieved against planned journey rate, as a ratio. `dropped_iterations`: ratio of the planned
    iterations that k6 may drop. `machine_cpu` and `generator_cpu`: mean busy ratio over a phase, and over each window
    of `window_s`, of all cores, and of k6 against all cores. `telemetry_gap_s`: the longest silence of a collector
    inside a phase. `start_delay_s`: how late one journey in a hundred may begin. `other_cores`: what neither system
    nor lab may use. `memory_pressure`: share of the time in which something waits for memory. `swap_in_bytes_per_s`,
    `frequency_drop` (against the run's median): as they say. `invalidating` and `tolerated` name kinds of doubts that
    make a run invalid, or do not, against what is usual.
    """

    rate_tolerance: float = 0.02
    dropped_iterations: float = 0.0
    machine_cpu: float = 0.95
    generator_cpu: float = 0.5
    telemetry_gap_s: float = 5.0
    window_s: float = 10.0
    start_delay_s: float = 0.25
    other_cores: float = 0.5
    memory_pressure: float = 0.1
    swap_in_bytes_per_s: float = 1e6
    frequency_drop: float = 0.2
    invalidating: tuple[DoubtKind, ...] = ()
    tolerated: tuple[DoubtKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journeys:
    """How journeys behave: the interval of their polls, how long they wait, which explainer they ask for."""

    poll_interval_s: float = 0.25
    deadline_s: float = 15.0
    explainer: str = "tree"
    max_vus: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """The growth that counts as a leak, per process family and hour; less of it is no finding."""

    rss_bytes_per_h: float = 20e6
    open_files_per_h: float = 20.0
    threads_per_h: float = 10.0
    sockets_per_h: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiler:
    """What MongoDB's own profiler writes down while a run goes on.

    `level` 0 is nothing, 1 what takes `slow_ms` and more, 2 everything, at about a tenth of the database's speed.
    """

    level: int = 1
    slow_ms: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment: phases in their order, what is held against them, and when there is no answer.

    `limits` are what services must be held to while it is driven.
    """

    name: str
    description: str
    seed: int
    phases: tuple[Phase, ...]
    thresholds: tuple[Threshold, ...]
    guards: Guards = field(default_factory=Guards)
    journeys: Journeys = field(default_factory=Journeys)
    leaks: Leaks = field(default_factory=Leaks)
    profiler: Profiler = field(default_factory=Profiler)
    profiling: Profiling = field(default_factory=Profiling)
    limits: tuple[Limits, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A part of the system under test, as a target file describes it.

    `argv` starts it (empty: something else does); `{python}`, `{port}` and `{<service>.url}` in `argv` and `env` are
    filled in by the engine. `health_path` answers 200 when it is ready, `metrics_path` is Prometheus text. `cores` is
    how many it can keep busy at most: one for a single event loop, one per worker for a pool of processes. `url` is
    where a service is found that already runs; "" for one that the lab starts.
    """

    name: str
    kind: str  # "http", or "mongod"
    argv: tuple[str, ...] = ()
    port: int = 0
    env: tuple[tuple[str, str], ...] = ()
    health_path: str = ""
    metrics_path: str = ""
    ready_timeout_s: float = 30.0
    cores: float = 1.0
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the code of a target is, if not in the running checkout: `folder` has it, `python` has what it needs."""

    folder: Path
    python: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A system under test: its services in dependency order, and the one that the load goes to.

    `database` is the MongoDB database that the lab empties before a run, so that runs start alike; "" for none.
    `backlog` names the gauges on the services' /metrics that are all 0 when nothing waits or is being worked on.
    `compose` is the file that describes the same services as containers; None where there is none. `images` maps
    services to images that take the place of that file's. `origin` is None where the running checkout has the code.
    `overrides` says what was set against the file, as `key=value`, without secrets.

    Of services that already run: `allowed_hosts` are those beside this machine that the file lists. `granted_hosts` are
    those of them that the command has repeated; only to these may anything be sent. `routes` maps the contract's routes
    to the service's own, `metrics` the lab's names of metrics to the services' own; what is not in them is the same.
    """

    name: str
    description: str
    entry: str
    services: tuple[Service, ...]
    database: str = ""
    backlog: tuple[str, ...] = ()
    compose: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    granted_hosts: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    metrics: tuple[tuple[str, str], ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    origin: Origin | None = None
    overrides: tuple[str, ...] = ()

    @property
    def urls(self) -> dict[str, str]:
        """Where each service is that already runs."""
        return {service.name: service.url for service in self.services if service.url}

    @property
    def is_external(self) -> bool:
        """Whether it is made of services that already run."""
        return any(service.url for service in self.services)
