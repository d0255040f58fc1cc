"""What grows while a system is soaked."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.figures import Estimate


class LeakOutcome(StrEnum):
    """Whether something grows without end.

    `leak`: it surely grows, and faster than the effect that was asked for. `no_leak`: if it grows at all, then surely
    slower. `inconclusive`: the data could not tell, or it had not settled when the phase ended.
    """

    LEAK = "leak"
    NO_LEAK = "no_leak"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """How one measure of one process family grew over a phase, in the measure's own unit (`rss` in bytes).

    The slopes are those after the first `warmup_s`, which the data showed to be a warm-up; `level` is the median after
    them. `effect_per_h` is the growth that counts as a leak. `needed_s` is how long a phase would have to be to tell,
    where this one could not; `to_limit_s` how long a leak takes from the phase's end to reach `limit`. `where` says, of
    memory that may leak, which place in the code grew, where heap profiles tell.
    """

    phase: str
    service: str
    metric: str
    outcome: LeakOutcome
    effect_per_h: float
    observed_s: float
    warmup_s: float = 0.0
    level: float | None = None
    slope_per_h: Estimate | None = None
    slope_per_1000_requests: Estimate | None = None
    needed_s: float | None = None
    limit: float | None = None
    to_limit_s: float | None = None
    why: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """How a service's pool of database connections held through a phase, and the machine's sockets in TIME_WAIT.

    `opened` and `closed` are those of the phase: many of them are reconnects, or a pool that churns. None where nobody
    tells.
    """

    phase: str
    service: str
    pool_min: float | None
    pool_max: float | None
    opened: float | None
    closed: float | None
    time_wait_median: float | None
    time_wait_max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the median latency of a phase moved over its length, as a share of its level after the warm-up."""

    phase: str
    warmup_s: float
    level_s: float
    change: Estimate
