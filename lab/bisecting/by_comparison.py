"""A commit is bad when it has regressed against the good end, in interleaved runs of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lab.analysis.comparison import looks_for, nominal_alphas
from lab.bisecting.measure import Keep, Measure
from lab.errors import CommitError, ConfigError
from lab.model import AgainstGood, Commit, Comparison, Judgement, Mark, Trial, TrialRun
from lab.report.comparison import headline, reasons

_MAX_UNUSABLE = 3
_MARKS = {Judgement.REGRESSED: Mark.BAD, Judgement.IMPROVED: Mark.GOOD, Judgement.UNCHANGED: Mark.GOOD}

Compare = Callable[[Sequence[str], Sequence[str], float], Comparison]
"""Holds runs of the good end against as many of a commit, by their ids, with an error rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByComparison:
    """Marks commits by comparing them with the good end, in pairs of runs in the order A B B A.

    After half, three quarters and all of the pairs it is looked whether the answer is clear; the looks share the error
    rate.
    """

    good: Commit
    measure: Measure
    compare: Compare
    seed: int
    against: AgainstGood

    def __call__(self, trial: Trial, keep: Keep) -> Trial:
        """Give a trial with its mark; it is skipped where the pairs do not tell, or the commit cannot be measured."""
        if trial.commit.sha == self.good.sha:
            return replace(trial, mark=Mark.GOOD)
        looks = looks_for(self.against.pairs)
        trial = self._checked(self._until(1, trial, keep))
        for look, alpha in zip(looks, nominal_alphas(looks, self.against.alpha), strict=True):
            trial = self._until(look, trial, keep) if trial.mark is None else trial
            trial = self._looked(look, alpha, trial) if trial.mark is None else trial
            if trial.mark is not None:
                return trial
        return replace(trial, mark=Mark.SKIP, why=f"{looks[-1]} pairs of runs cannot tell")

    def _until(self, pairs: int, trial: Trial, keep: Keep) -> Trial:
        """Drive until there are so many pairs that can be used."""
        while (slot := len(_usable(trial))) < 2 * pairs:
            useless = _useless(trial)
            if len(useless) >= _MAX_UNUSABLE:
                why = f"{len(useless)} runs one after the other gave no verdict, the last one since {useless[-1]}"
                return replace(trial, mark=Mark.SKIP, why=why)
            is_base = slot % 4 in {0, 3}  # A B B A: a drift of the machine meets both alike
            commit = self.good if is_base else trial.commit
            try:
                run = self.measure(commit, seed=self.seed + slot // 2, is_base=is_base)
            except CommitError as error:
                if is_base:
                    raise
                return replace(trial, mark=Mark.SKIP, why=str(error))
            trial = replace(trial, runs=(*trial.runs, run))
            keep(trial)
        return trial

    def _checked(self, trial: Trial) -> Trial:
        """Skip a commit whose runs cannot be compared, as soon as the first of them say so."""
        checked = self._looked(1, self.against.alpha, trial) if trial.mark is None else trial
        return checked if checked.mark == Mark.SKIP else trial

    def _looked(self, pairs: int, alpha: float, trial: Trial) -> Trial:
        runs = _usable(trial)[: 2 * pairs]
        base, candidate = ([run.run_id for run in runs if run.is_base is side] for side in (True, False))
        try:
            found = self.compare(base, candidate, alpha)
        except ConfigError as error:
            return replace(trial, mark=Mark.SKIP, why=f"it cannot be compared with the good end: {error}")
        mark = _MARKS.get(found.judgement)
        said = (headline(found), *reasons(found))
        if mark == Mark.GOOD and any(run.fell_behind for run in runs):
            mark, said = None, (*said, "less load began than was planned, which can hide that it is slower")
        return replace(trial, mark=mark, said=said)


def _why_useless(run: TrialRun) -> str:
    """Give why a run is not used; "" where it is. That the good end falls behind makes what it is held against bad."""
    behind = "less load began than was planned" if run.is_base and run.fell_behind else ""
    return run.unusable or behind


def _usable(trial: Trial) -> list[TrialRun]:
    return [run for run in trial.runs if not _why_useless(run)]


def _useless(trial: Trial) -> list[str]:
    """Give why the latest runs could not be used, back to the last one that could."""
    reasons: list[str] = []
    for run in trial.runs:
        why = _why_useless(run)
        reasons = [*reasons, why] if why else []
    return reasons
