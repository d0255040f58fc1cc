"""How a system takes a surge, and how it does while the rate climbs."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.figures import Estimate


class RecoveryOutcome(StrEnum):
    """What became of a signal after a surge.

    `unaffected`: it never left its band. `recovered`: it came back. `not_recovered`: it did not, in the time in which
    it was watched. `unknown`: there was too little to tell.
    """

    UNAFFECTED = "unaffected"
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One signal before, in and after a surge: `p95_s`, `error_rate` or `queue_depth`, in its own unit.

    Up to `band_high` it is as it was before the surge. `recovery_s` is counted from the surge's end; its interval is
    what the windows leave open. `observed_s` is how long it was watched after the surge.
    """

    signal: str
    outcome: RecoveryOutcome
    band_high: float | None = None
    worst: float | None = None
    worst_at: float | None = None
    recovery_s: Estimate | None = None
    observed_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """What a spike phase came to. Times are epoch seconds.

    `worst_p95_s` and `error_rate` are those of the requests that were due in the surge; `recovery_s` is that of the
    slowest signal. `backlog_drained` is None where no queue was seen.
    """

    phase: str
    outcome: RecoveryOutcome
    surge_started_at: float
    surge_ended_at: float
    ended_at: float
    base_rate_per_s: float
    surge_rate_per_s: float
    recoveries: tuple[Recovery, ...]
    worst_p95_s: float | None = None
    error_rate: Estimate | None = None
    recovery_s: Estimate | None = None
    backlog_drained: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RampBin:
    """A stretch of a ramp. `concurrency` is the mean number of requests in flight (Little's law)."""

    started_at: float
    ended_at: float
    offered_rate_per_s: float
    achieved_rate_per_s: float
    concurrency: float
    count: int
    p50_s: Estimate | None
    p95_s: Estimate | None
    error_rate: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RampBreak:
    """The offered rate from which a threshold is missed; the interval reaches back to the last bin that kept it."""

    threshold: str
    rate_per_s: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """What a ramp came to: its bins, the knee from which on latency rises with the rate, and what broke where.

    `knee_per_s` is None where latency never surely left its `baseline_s`, the median below the knee.
    """

    phase: str
    bins: tuple[RampBin, ...]
    baseline_s: float | None = None
    knee_per_s: Estimate | None = None
    knee_concurrency: float | None = None
    breaks: tuple[RampBreak, ...] = ()
    why: str = ""
