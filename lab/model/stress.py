"""What a stress phase finds: how each step ended, and the break point."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.figures import Estimate, Observation
from lab.model.measured import StepPurpose


class StepOutcome(StrEnum):
    """How a step ended; `unknown` where it could not be judged, `generator` where k6 could not offer its load."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    GENERATOR = "generator"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A step of a stress phase, judged by what the phase breaks at; times are those of the judged part.

    `seen` is what each of the breaks saw, `missed` the texts of those that were missed. `drained_s` is how long the
    backlog of what came before took to be worked off; None where it was not in time, or no gauge tells.
    """

    phase: str
    step: int
    purpose: StepPurpose
    rate_per_s: float
    achieved_rate_per_s: float
    started_at: float
    ended_at: float
    outcome: StepOutcome
    seen: tuple[Observation, ...]
    missed: tuple[str, ...] = ()
    dropped_iterations: int = 0
    drained_s: float | None = None
    why: str = ""


class BreakOutcome(StrEnum):
    """What a stress phase came to.

    `found`: confirmed by repeats. `not_broken`: nothing broke up to the ceiling. `unconfirmed`: it broke, and the steps
    ran out before it was confirmed. `invalid`: the generator, or a step that nobody could judge, forbids an answer.
    """

    FOUND = "found"
    NOT_BROKEN = "not_broken"
    UNCONFIRMED = "unconfirmed"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """A resource, and how much of it was used where the system broke and before it did (ratios of its limit)."""

    resource: str
    used: float
    used_before: float | None
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakPoint:
    """The rate at which a system breaks, in requests per second, with a 95 % credible interval.

    `first_broken` is the threshold that was missed first and `where` the route that it was worst on. `saturated` holds
    the resources in use at the break, the fullest first; the first one is the bottleneck where it is full.
    """

    phase: str
    outcome: BreakOutcome
    steps: tuple[StepResult, ...]
    rate_per_s: Estimate | None = None
    last_good_per_s: float | None = None
    first_bad_per_s: float | None = None
    confirmed_good: int = 0
    confirmed_bad: int = 0
    first_broken: str = ""
    where: str = ""
    bottleneck: str = ""
    saturated: tuple[Saturation, ...] = ()
    why: str = ""
