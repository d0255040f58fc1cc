"""How the figures of runs went over time: the runs that can be compared, their figures, and where these changed."""

from dataclasses import dataclass

from lab.model.comparison import Cell, Judgement, Measure
from lab.model.figures import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRun:
    """A run of a history. `is_dirty` is whether its checkout had changes that no commit holds; None: nobody knows."""

    run_id: str
    started_at: float
    commit: str
    is_dirty: bool | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A change of a figure's level. The runs are the last one before it and the first one after it, with their commits.

    `index` is the place of `run` among the runs of the group, `runs_before` and `runs_after` how many the levels beside
    the change rest on. `before` and `after` are their (geometric) means; `change` is the ratio less 1, or the
    difference. `p_value` counts the places at which the change could have been. `differs` says in what else the two
    runs differ: versions, kernel, uncommitted changes.
    """

    index: int
    run_before: str
    run: str
    commit_before: str
    commit: str
    runs_before: int
    runs_after: int
    before: float
    after: float
    change: Estimate
    p_value: float
    judgement: Judgement
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One figure over the runs of a group: a value for each of them, None where a run has none, and the changes."""

    measure: Measure
    cell: Cell
    values: tuple[float | None, ...]
    changes: tuple[ChangePoint, ...] = ()

    @property
    def count(self) -> int:
        """How many runs have the figure."""
        return sum(value is not None for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that can be compared, oldest first, and their figures.

    `plan_digest` is that of everything in the plan that shapes the load, `settings` are what was set against the
    target's file, `host` says which machine. `is_current` is whether the latest run of the same scenario, plan and
    target (by their names) with the same settings is among them.
    """

    scenario: str
    plan: str
    plan_digest: str
    target: str
    settings: str
    engine: str
    host: str
    runs: tuple[HistoryRun, ...]
    tracks: tuple[Track, ...]
    is_current: bool = True

    def latest_regressions(self, within: int) -> tuple[tuple[Track, ChangePoint], ...]:
        """Give the figures whose latest change regressed, and is among the last `within` runs of the group."""
        changed = [(track, track.changes[-1]) for track in self.tracks if track.changes]
        return tuple(
            (track, change)
            for track, change in changed
            if change.judgement == Judgement.REGRESSED and change.index >= len(self.runs) - within
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutRun:
    """A run that is in no group, and why."""

    run_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Every group of runs, the latest first, and the runs that are in none.

    `alpha` is the share of figures without a change in which one is found all the same, `within` among how many of the
    last runs a regression counts as new, and `needed` how many runs a figure needs before a change can be seen.
    """

    groups: tuple[RunGroup, ...]
    left_out: tuple[LeftOutRun, ...]
    alpha: float
    within: int
    needed: int

    @property
    def new_regressions(self) -> tuple[tuple[RunGroup, Track, ChangePoint], ...]:
        """Give what regressed within the last runs of the groups that are still driven."""
        return tuple(
            (group, track, change)
            for group in self.groups
            if group.is_current
            for track, change in group.latest_regressions(self.within)
        )
