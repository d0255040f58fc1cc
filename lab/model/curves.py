"""What is drawn of a run: few enough points for a page, and none of the spikes lost. Times are epoch seconds."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Values at moments; None breaks the line. `low` and `high` are the extremes of the readings behind each value.

    `name` says whose it is, or which statistic. `low` and `high` are empty where each value stands for itself.
    """

    name: str
    times: tuple[float, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A stretch of a run in steps of `step_s`. Rates are requests per second, latencies seconds, sizes bytes.

    `planned` and `achieved` are journeys at the nominal requests of one, `answered` the requests that ended.
    `percentiles` rest each on as many requests as they need, so that their points may be further apart than `step_s`;
    `slowest` is the slowest request of each step. `errors` are shares. `cores`, `memory` have one curve per process
    family, and `cores` one of the machine; `waiting` counts what queues up, `traffic` is in bytes per second.
    """

    started_at: float
    ended_at: float
    step_s: float
    rates: tuple[Curve, ...]
    percentiles: tuple[Curve, ...]
    slowest: Curve
    errors: tuple[Curve, ...]
    cores: tuple[Curve, ...] = ()
    memory: tuple[Curve, ...] = ()
    waiting: tuple[Curve, ...] = ()
    traffic: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How many requests of a phase and scenario ("": all of them) took how long.

    Bin i counts durations from `10 ** ((first + i) / per_decade)` seconds up to the next edge.
    """

    phase: str
    scenario: str
    first: int
    per_decade: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """How many requests ended in a step of time (from 0) and in a bin of latency, with edges as in a Distribution."""

    step: int
    latency: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Requests by time and latency; cells without any are left out."""

    started_at: float
    step_s: float
    per_decade: int
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Everything that a report draws of a run; `close_ups` are the timelines of its spike phases."""

    whole: Timeline
    distributions: tuple[Distribution, ...]
    heatmap: Heatmap
    close_ups: tuple[tuple[str, Timeline], ...] = field(default=())
