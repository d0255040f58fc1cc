"""What is known of a bottleneck: how it was seen in a run, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.asked import PhaseKind


class Confidence(StrEnum):
    """How sure a rule is of what it saw: `high` where every sign that can be read points to it, `low` where few do."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that a bottleneck shows itself by, in a sentence with this run's figure.

    `holds` is None where nobody tells.
    """

    text: str
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A bottleneck as it was seen: when (epoch seconds), at which rate, and by which signs, the deciding one first.

    `value` is what the rule measures and `limit` from where on it counts. `waiting` is how many requests and analyses
    were under way at a time (Little's law: seconds of waiting per second) and `explained` how many of them the
    bottleneck accounts for; `share` is their ratio, 0 to 1. `phases` are all those in which it was seen, this one
    first. `why` says what lowers the confidence, "" for nothing.
    """

    phase: str
    kind: PhaseKind
    started_at: float
    ended_at: float
    rate_per_s: float
    value: float
    limit: float
    signs: tuple[Sign, ...]
    explained: float
    waiting: float
    share: float
    confidence: Confidence
    phases: tuple[str, ...] = ()
    why: str = ""

    @property
    def is_beyond_plan(self) -> bool:
        """Whether it was seen only where more load was offered than the system is meant to bear."""
        return self.kind in (PhaseKind.STRESS, PhaseKind.SPIKE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to do, and the command that does it ("" where no command can)."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The way out of a bottleneck: why it is there, and what to do, in the order in which one would."""

    cause: str
    confirm: tuple[Action, ...]
    mitigation: tuple[Action, ...]
    fix: tuple[Action, ...]
    verify: tuple[Action, ...]
    rollback: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A bottleneck that a run shows, and the way out of it.

    `relieves` holds what the metrics of those thresholds begin with that it can make a run miss.
    """

    rule: str
    title: str
    symptom: Symptom
    advice: Advice
    relieves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A bottleneck that was looked for and not seen; `lacking` names what nobody told that it takes to tell."""

    rule: str
    title: str
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What rules found in a run: the playbooks of what was seen, the first one first, and what was not."""

    playbooks: tuple[Playbook, ...] = ()
    unseen: tuple[Unseen, ...] = ()
