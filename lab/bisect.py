"""The search for the commit that made a system slower: its ends first, then as `git bisect` walks between them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lab.bisecting.history import History, Walk
from lab.bisecting.measure import Judge
from lab.errors import ConfigError
from lab.model import Bisection, Commit, Mark, RunState, Trial
from lab.report.bisection import commit_text, ends_told, told

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Search:
    """One search. `found` is how far it came, which `keep` writes down; git's walk gets a worktree at `folder`."""

    found: Bisection
    history: History
    judge: Judge
    folder: Path
    keep: Callable[[Bisection], None]
    say: Say

    def run(self) -> Bisection:
        """Go on until the first bad commit is found, or only commits are left of which nothing can be told.

        A commit that has its mark is not measured again. Whatever ends it early, what was measured is kept.

        Raises ConfigError where the ends cannot be told apart.
        """
        self._note(state=RunState.RUNNING)
        try:
            self._ends()
            with self.history.walk(self.found.good, self.found.bad, self.folder) as walk:
                self._walk(walk)
        except ConfigError:
            self._note(state=RunState.FINISHED)
            raise
        except BaseException:
            self._note(state=RunState.INTERRUPTED)
            raise
        self._note(state=RunState.FINISHED)
        return self.found

    def _ends(self) -> None:
        good, bad = (
            self._tried(commit, f"the {end} end", is_end=True)
            for end, commit in (("good", self.found.good), ("bad", self.found.bad))
        )
        figures = ends_told(good, bad)
        if Mark.SKIP in {good.mark, bad.mark}:
            untold = "an end cannot be told to be good or bad, so nothing can be searched between them"
            raise ConfigError([f"{untold}; --resume tries it again when what hindered it is gone", *figures])
        if good.mark == bad.mark:
            raise ConfigError(["the ends do not differ, so nothing can be searched between them", *figures])
        if good.mark == Mark.BAD:
            raise ConfigError(["the good end is bad and the bad end is good: is the target turned round?", *figures])

    def _walk(self, walk: Walk) -> None:
        steps = 0
        while (commit := walk.proposed()) is not None:
            about = steps + max(1, math.ceil(math.log2(walk.left())))
            steps += 1
            trial = self._tried(commit, f"step {steps} of about {about}")
            assert trial.mark is not None
            walk.mark(commit, trial.mark)
            self._note(log=walk.log())
        self._note(suspects=tuple(walk.suspects()), log=walk.log())

    def _tried(self, commit: Commit, where: str, *, is_end: bool = False) -> Trial:
        trial = self.found.trial_of(commit) or Trial(commit=commit)
        if is_end and trial.mark == Mark.SKIP:  # nothing goes on without it, and its hindrance may be gone by now
            trial = replace(trial, mark=None)
        if trial.mark is None:
            self.say(f"{where}: {commit_text(commit)}")
            trial = self.judge(trial, self._keep)
            self._keep(trial)
        self.say(told(trial))
        return trial

    def _keep(self, trial: Trial) -> None:
        trials = self.found.trials
        if self.found.trial_of(trial.commit) is None:
            trials = (*trials, trial)
        self._note(trials=tuple(trial if of.commit.sha == trial.commit.sha else of for of in trials))

    def _note(self, **changes: object) -> None:
        self.found = replace(self.found, **changes)  # type: ignore[arg-type]  # fields by their names, as `replace` has it
        self.keep(self.found)
