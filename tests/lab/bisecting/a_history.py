"""A small git repository, and a measure of its commits that no load is driven for."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.bisect import Search
from lab.bisecting.by_target import ByTarget, read_target
from lab.bisecting.history import History
from lab.bisecting.measure import Measure
from lab.errors import CommitError
from lab.model import Bisection, Commit, Estimate, Observation, TrialRun

TARGET = "p95 < 300ms"
FAST_S, SLOW_S = 0.1, 0.5


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


@dataclass(frozen=True)
class Repository:
    """A git repository that tests make commits in."""

    path: Path

    @classmethod
    def of(cls, path: Path, *, commits: int = 16) -> "Repository":
        """Make one with so many commits, whose subjects are their numbers from 0 on."""
        path.mkdir(parents=True)
        made = cls(path)
        git(path, "init", "--quiet", "--initial-branch=main")
        for name, value in (("user.email", "dev@example.org"), ("user.name", "Dev"), ("commit.gpgsign", "false")):
            git(path, "config", name, value)
        for number in range(commits):
            made.commit(str(number))
        return made

    def commit(self, subject: str) -> str:
        (self.path / "file").write_text(f"{subject}\n", encoding="utf-8")
        git(self.path, "add", "file")
        git(self.path, "commit", "--quiet", "--message", subject)
        return git(self.path, "rev-parse", "HEAD")

    def sha(self, number: int) -> str:
        return git(self.path, "rev-list", "--reverse", "main").splitlines()[number]


@dataclass
class Measured:
    """Measures a commit by its subject: slow where `is_slow` says so; `broken` ones do not start.

    `values` are others, by the subject: what run after run gives, the last one again and again.
    """

    is_slow: Callable[[str], bool]
    broken: frozenset[str] = frozenset()
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    interrupted_at: int = -1
    calls: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, commit: Commit, *, seed: int, is_base: bool) -> TrialRun:
        if len(self.calls) == self.interrupted_at:
            raise KeyboardInterrupt
        self.calls.append((commit.subject, seed))
        if commit.subject in self.broken:
            raise CommitError("backend does not start")
        own = self.values.get(commit.subject, (SLOW_S if self.is_slow(commit.subject) else FAST_S,))
        told = [subject for subject, _ in self.calls].count(commit.subject)
        return a_run(own[min(told, len(own)) - 1], run_id=f"run-{len(self.calls)}", is_base=is_base)

    @property
    def commits(self) -> list[str]:
        """The commits that were measured, in order, the ends among them."""
        return list(dict.fromkeys(subject for subject, _ in self.calls))


def slow_from(number: int) -> Callable[[str], bool]:
    return lambda subject: int(subject) >= number


def a_run(
    value_s: float | None,
    *,
    run_id: str = "run",
    error: float = 0.02,
    is_base: bool = False,
    why: str = "",
    **of: object,
) -> TrialRun:
    """A run in which the target saw this value, within so much of it on either side."""
    observed = None
    if value_s is not None:
        observed = Estimate(value=value_s, low=value_s * (1 - error), high=value_s * (1 + error))
    seen = Observation(
        threshold=read_target(TARGET).text,
        phase="steady",
        started_at=0.0,
        ended_at=10.0,
        count=400,
        observed=observed,
        why=why,
    )
    return TrialRun(run_id=run_id, observations=(seen,), is_base=is_base, **of)  # type: ignore[arg-type]


def a_search(
    repository: Repository,
    measure: Measure,
    *,
    good: str = "",
    bad: str = "main",
    begun: Bisection | None = None,
    kept: list[Bisection] | None = None,
    said: list[str] | None = None,
) -> Search:
    """A search by a target, from the first commit to the last one unless others are given."""
    history = History(repository.path)
    found = begun or Bisection(
        scenario="mixed",
        target=read_target(TARGET),
        good=history.commit(good or repository.sha(0)),
        bad=history.commit(bad),
    )
    history.require_order(found.good, found.bad)
    return Search(
        found=found,
        history=history,
        judge=ByTarget(threshold=read_target(TARGET), measure=measure, seed=14),
        folder=repository.path.parent / "home" / "sides" / "bisect",
        keep=(kept if kept is not None else []).append,
        say=(said if said is not None else []).append,
    )
