"""The search for the commit that made a system slower: what is asked, what each commit showed, what was found."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.asked import Threshold
from lab.model.figures import Estimate, Observation
from lab.model.measured import RunState


class Mark(StrEnum):
    """What a commit is, in the words of `git bisect`; one of which nothing can be told is skipped."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit: its full id, the first line of its message, its author's date (ISO 8601), and its parents' ids."""

    sha: str
    subject: str
    author_date: str
    parents: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The beginning of its id, as people write it."""
        return self.sha[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """One run that a commit is marked by: of the commit, or (`is_base`) of the good end that it is held against.

    `observations` are what the target saw in it. `unusable` says why it tells nothing, "" where it does. It
    `fell_behind` where less load began than was planned, which can hide that a system is slow and never make it so.
    """

    run_id: str
    is_base: bool = False
    observations: tuple[Observation, ...] = ()
    unusable: str = ""
    fell_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFigure:
    """What a target saw of a commit, over all of its runs. `unit` is the threshold's."""

    name: str
    value: Estimate
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was measured of one commit. `mark` is None until it can be told, and `why` is the reason of a skip.

    `figures` are what a target saw, `said` is what a comparison with the good end said, a sentence each.
    """

    commit: Commit
    mark: Mark | None = None
    why: str = ""
    figures: tuple[TrialFigure, ...] = ()
    said: tuple[str, ...] = ()
    runs: tuple[TrialRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstGood:
    """How commits are compared with the good end: in at most so many pairs of runs, with an error rate `alpha`.

    `route` is the only one that is judged, "" for all. `effect` is the smallest change that matters (a ratio), None for
    each figure's own; `look_for` is the change that is looked for.
    """

    pairs: int
    alpha: float
    look_for: float
    effect: float | None = None
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisection:
    """One search: what is held against each commit, the commits that were tried so far, and what came of it.

    `target` is what a good commit meets; None where commits are compared with the good end, as `against` says.
    `suspects` are the commits one of which is the first bad one: a single one where it was found. `log` is git's own.
    """

    scenario: str
    good: Commit
    bad: Commit
    target: Threshold | None = None
    against: AgainstGood | None = None
    state: RunState = RunState.RUNNING
    trials: tuple[Trial, ...] = ()
    suspects: tuple[Commit, ...] = ()
    log: str = ""

    @property
    def first_bad(self) -> Commit | None:
        """The commit that made it slower; None where it was not found, or not yet."""
        return self.suspects[0] if len(self.suspects) == 1 else None

    def trial_of(self, commit: Commit) -> Trial | None:
        """Give what was measured of a commit."""
        return next((trial for trial in self.trials if trial.commit.sha == commit.sha), None)
