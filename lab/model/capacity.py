"""What a run says about capacity: demands, laws, predictions with their errors on what was held out, and the plan."""

from dataclasses import dataclass

from lab.model.figures import Estimate

MACHINE = "machine"
"""The resource that all processes of a machine share."""

OTHERS = "others"
"""What the machine was busy with beside the processes that are watched."""


WORKERS = "workers of ai_core"
"""The resource that analyses hold, one each."""

HEADROOM = 0.3
"""The share of every resource that is to stay free, where no other one is asked for."""

FAR = 2.0
"""The multiple of the highest rate that was measured good from which on a plan is marked as extrapolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSlice:
    """A stretch of nearly constant load, long enough to give a figure of each kind.

    `rate_per_s` is the offered nominal rate, `requests_per_s` what was sent with all polls, `extra_polls_per_s` the
    polls in it beyond the nominal ones, `scenarios` the nominal requests per second of each scenario. `cores` are the
    mean cores in use per watched process family, and of the rest of the machine (`OTHERS`). `latency_s` holds p50, p95
    and p99 of the response time where the count supports them. `goodput_per_s` counts the nominal requests of journeys
    that were completed, `concurrency` the journeys under way. `analyses_per_s` are those that ai_core finished,
    `holding_s` how long each held a worker, in the mean; `workers_busy` follows from both. Database: operations per
    second, and the connections that they keep busy.
    """

    drive: str
    kind: str
    started_at: float
    ended_at: float
    rate_per_s: float
    requests_per_s: float
    extra_polls_per_s: float
    scenarios: tuple[tuple[str, float], ...]
    cores: tuple[tuple[str, float], ...]
    latency_s: tuple[tuple[str, float], ...]
    goodput_per_s: float
    concurrency: float
    failed_share: float
    is_good: bool
    analyses_per_s: float = 0.0
    holding_s: float | None = None
    waiting_analyses: float | None = None
    operations_per_s: float | None = None
    connections_busy: float | None = None

    @property
    def workers_busy(self) -> float:
        """Analyses at work at a time, in the mean."""
        return self.analyses_per_s * (self.holding_s or 0.0)

    @property
    def busy_cores(self) -> float:
        """Cores in use by everything that was seen."""
        return sum(value for _, value in self.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """CPU seconds of one process family per request of one kind (a scenario, several of them, or extra polls)."""

    of: str
    cpu_s: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDemand:
    """What a process family costs: `idle_cores` without any load, and `demands` on top of that.

    `per_request` is the sum over the mix that was driven, without extra polls. `error` is the mean relative error of
    the fit in the slices that it rests on. `rss_bytes` is the highest memory seen.
    """

    service: str
    idle_cores: Estimate
    per_request: Estimate
    demands: tuple[Demand, ...]
    error: float
    slices: int
    rss_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LittleCheck:
    """Little's law in one phase: what was counted under way against rate times time. `residual` is their ratio - 1.

    `is_exact`: both sides are whole records; otherwise `counted` is sampled by the service itself while it answers.
    """

    phase: str
    subject: str
    counted: Estimate
    rate_per_s: float
    time_s: float
    residual: float
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalabilityPoint:
    """A slice as the Universal Scalability Law sees it: journeys under way, nominal requests per second of those done.

    `is_held_out`: the law's second fit, which is held against what it has not seen, left it out.
    """

    drive: str
    journeys: float
    requests_per_s: float
    is_held_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalabilityHoldOut:
    """The law, fitted to points of up to `fitted_to` journeys under way and held against the `count` above them.

    `error` is the mean absolute relative error there, `curve` that fit as (N, X). Where such a fit is refused there is
    no error and no curve, and `why` says what it lacks.
    """

    fitted_to: float
    count: int
    error: float | None = None
    curve: tuple[tuple[float, float], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalability:
    """The Universal Scalability Law of a run: X(N) = per_journey N / (1 + contention (N-1) + coherency N (N-1)).

    N are journeys under way, X nominal requests per second of completed journeys. None where the data does not carry
    it, and `why` says which load range is missing. `points` are as measured. `curve` is the law as (N, X), evenly from
    0 to beyond the highest N that was measured and the peak, with its pointwise interval; empty without a fit.
    """

    per_journey: Estimate | None = None
    contention: Estimate | None = None
    coherency: Estimate | None = None
    peak_per_s: Estimate | None = None
    peak_concurrency: Estimate | None = None
    error: float | None = None
    points: tuple[ScalabilityPoint, ...] = ()
    curve: tuple[tuple[float, Estimate], ...] = ()
    hold_out: ScalabilityHoldOut | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCurve:
    """A percentile as floor + factor x w(utilisation of the machine), where `form` names w. Seconds.

    `servers` are the cores and `population` how many can compete for them. `counts_others`: the utilisation is that by
    all processes, else that by the watched ones. `inner_error` is the mean relative error at the rates that were left
    out to choose between the forms.
    """

    percentile: str
    form: str
    floor_s: float
    factor_s: float
    servers: int
    population: int
    counts_others: bool
    inner_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """How latencies rise with the utilisation of the machine, from `low` to `high` in what was measured.

    `curves` are of p50, p95, p99 of the response time and of the time that an analysis holds its worker (`holding`).
    `inner_error` is that of the form that was chosen, over all of them; `alternatives` are the errors of the others.
    """

    form: str
    curves: tuple[LatencyCurve, ...]
    low: float
    high: float
    inner_error: float
    alternatives: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The rates at which a resource is 85 % used and full, in nominal requests per second, and how much there is."""

    resource: str
    tight_per_s: Estimate
    full_per_s: Estimate
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A prediction of one figure at one rate that the fit had not seen, against what was measured there.

    `utilisation` is that of the machine, as measured; None where it was not.
    """

    drive: str
    rate_per_s: float
    figure: str
    predicted: float
    measured: float
    utilisation: float | None

    @property
    def error(self) -> float:
        """The relative error of the prediction."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureError:
    """The mean absolute relative error of one figure over `count` predictions, and below 80 % utilisation."""

    figure: str
    error: float
    count: int
    error_below: float | None
    count_below: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """A fit to good slices of up to `fitted_to_per_s`, held against the good ones above it.

    `tight_per_s` is the rate at which that fit sees the first resource 85 % used. `repeats` is by how much P95 differs
    from its mean where the same rate was driven again, relatively and in the mean: no prediction can be better than
    that. None where nothing was.
    """

    fitted_to_per_s: float
    held_to_per_s: float
    slices: int
    form: str
    tight_per_s: Estimate
    rows: tuple[HeldOut, ...]
    errors: tuple[FigureError, ...]
    repeats: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNeed:
    """What one service needs at one rate: CPU cores in use, and whole replicas with headroom.

    `cores_per_replica` is how many one replica can keep busy. `memory_bytes` is that of all replicas.
    """

    service: str
    cores_used: Estimate
    cores_per_replica: float
    replicas: int
    cores: float
    memory_bytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePlan:
    """What a rate needs. `multiple` is the rate over the highest that was measured good.

    `fullest` is the resource of the measured deployment that is used most at the rate, `utilisation` how much.
    `workers` hold an analysis each; `connections` to the database, in all replicas; `operations_per_s` there.
    `latency_s` holds percentiles of the measured deployment; empty where it does not carry the rate, or not within
    what was measured, and `why` then says which.
    """

    rate_per_s: float
    multiple: float
    fullest: str
    utilisation: float
    needs: tuple[ServiceNeed, ...]
    workers: int | None
    connections: int | None
    operations_per_s: float | None
    core_hours_per_day: float
    latency_s: tuple[tuple[str, float], ...] = ()
    why: str = ""

    @property
    def is_extrapolated(self) -> bool:
        """Whether it is so far beyond what was measured that it stands on paper only."""
        return self.multiple > FAR

    @property
    def cores(self) -> float:
        """All cores that are provided."""
        return sum(need.cores for need in self.needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would come of a change: where the measured deployment is 85 % used, and the cores in use at a rate.

    `gain` is how much higher that rate is than without the change. `why` says what the change rests on, `asks` how the
    command line is asked for it ("" where it cannot be).
    """

    name: str
    asks: str
    tight_per_s: Estimate
    gain: float
    fullest: str
    cores_used: float
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Everything that a run says about capacity. What it cannot say, `missing` says with what it would have needed.

    `parts_s` are the seconds of each part of an analysis, `holding_s` those that an analysis of each scenario holds its
    worker. `change_rate_per_s` is the rate at which changes are
    compared.
    """

    run_id: str
    scenario: str
    headroom: float
    machine_cores: int | None = None
    slices: tuple[LoadSlice, ...] = ()
    demands: tuple[ServiceDemand, ...] = ()
    told_apart: str = ""
    parts_s: tuple[tuple[str, Estimate], ...] = ()
    holding_s: tuple[tuple[str, Estimate], ...] = ()
    little: tuple[LittleCheck, ...] = ()
    scalability: Scalability | None = None
    latency: LatencyModel | None = None
    bounds: tuple[Bound, ...] = ()
    hold_outs: tuple[HoldOut, ...] = ()
    plans: tuple[RatePlan, ...] = ()
    changes: tuple[Change, ...] = ()
    change_rate_per_s: float = 0.0
    workers: int | None = None
    highest_good_per_s: float | None = None
    break_point_per_s: Estimate | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A prediction from one run held against another, whose deployment may differ (`changed` says in what).

    `what_ifs` are changes that the prediction was asked to count with, since the runs do not tell of them.
    `tight_per_s` is where the prediction sees the first resource of the other deployment 85 % used.
    """

    run_id: str
    other_id: str
    changed: tuple[str, ...]
    tight_per_s: Estimate
    fullest: str
    break_point_per_s: Estimate | None
    rows: tuple[HeldOut, ...]
    errors: tuple[FigureError, ...]
    what_ifs: tuple[str, ...] = ()
