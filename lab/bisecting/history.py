"""Commits, and the walk through them that `git bisect` takes.

The walk has a worktree of its own, into which nothing is checked out: the refs and files of `git bisect` belong to a
worktree, so that the one of the user, with a bisect of theirs under way, is left as it is.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import worktrees
from lab.errors import ConfigError, LabError
from lab.model import Commit, Mark
from lab.worktrees import git

_FORMAT = "%H%x09%P%x09%aI%x09%s"
_SUSPECT = re.compile(r"^# (?:possible )?first bad commit: \[([0-9a-f]+)\]", re.MULTILINE)
_MENDED = "been fixed between"
_UNTRANSLATED = {"LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class History:
    """The commits of the checkout that a folder is in."""

    folder: Path

    def commit(self, ref: str) -> Commit:
        """Give the commit that a ref names. Raises ConfigError where there is none."""
        return self.read(worktrees.commit_of(worktrees.checkout_at(self.folder), ref).id)

    def read(self, sha: str) -> Commit:
        """Give the commit of this id. Raises ConfigError where there is none."""
        shown = git(self.folder, "log", "-1", "--no-show-signature", f"--format={_FORMAT}", sha)
        sha, parents, author_date, subject = shown.split("\t", 3)
        return Commit(sha=sha, subject=subject, author_date=author_date, parents=tuple(parents.split()))

    def require_order(self, good: Commit, bad: Commit) -> None:
        """Raise ConfigError where nothing lies between two ends: they are one, swapped, or of histories apart."""
        if good.sha == bad.sha:
            raise ConfigError(f"--good and --bad are the same commit, {good.short} {good.subject}")
        bases = self._common(good, bad)
        if bad.sha in bases:
            raise ConfigError(
                f"--bad {bad.short} is older than --good {good.short}: are they swapped? A commit that made it faster "
                'is found with a target turned round, such as --target "p95 > 300ms"'
            )
        if not bases:
            raise ConfigError(f"{good.short} and {bad.short} have no commit in common, so nothing lies between them")

    def _common(self, one: Commit, other: Commit) -> list[str]:
        try:
            return git(self.folder, "merge-base", "--all", one.sha, other.sha).split()
        except ConfigError:  # git has no words for it, and an exit code of 1
            return []

    @contextmanager
    def walk(self, good: Commit, bad: Commit, folder: Path) -> Iterator["Walk"]:
        """Give the walk from one end to the other, in a worktree `folder` that goes with the block.

        Raises ConfigError where git refuses.
        """
        worktrees.remove(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            git(self.folder, "worktree", "add", "--detach", "--no-checkout", str(folder), bad.sha)
            git(folder, "bisect", "start", "--no-checkout", bad.sha, good.sha)
            yield Walk(self, folder)
        finally:
            worktrees.remove(folder)


@dataclass(frozen=True, slots=True)
class Walk:
    """A `git bisect` under way."""

    history: History
    folder: Path

    def proposed(self) -> Commit | None:
        """Give the commit that is to be marked next; None at the end."""
        if self.suspects():
            return None
        return self.history.read(git(self.folder, "rev-parse", "--verify", "BISECT_HEAD"))

    def mark(self, commit: Commit, mark: Mark) -> None:
        """Tell what a commit is.

        Raises ConfigError where both ends were made upon it and it is bad, LabError where git goes wrong.
        """
        try:
            git(self.folder, "bisect", mark.value, commit.sha, env=_UNTRANSLATED)
        except ConfigError as error:
            if self.suspects():  # that only skipped commits are left is no success to git, and an answer all the same
                return
            if _MENDED in str(error):
                raise ConfigError(
                    f"{commit.short} {commit.subject} is bad, and both ends were made upon it: what is bad was mended "
                    "on the way to the good end. Take a good end that the bad one was made upon"
                ) from error
            raise LabError(str(error)) from error

    def left(self) -> int:
        """Give how many commits may be the first bad one."""
        goods = git(self.folder, "for-each-ref", "--format=%(objectname)", "refs/bisect/good-*").split()
        return int(git(self.folder, "rev-list", "--count", "refs/bisect/bad", "--not", *goods))

    def log(self) -> str:
        """Give what `git bisect log` says."""
        return git(self.folder, "bisect", "log")

    def suspects(self) -> Sequence[Commit]:
        """Give the first bad commit at the end, or those one of which it is; none while the walk goes on."""
        return [self.history.read(sha) for sha in _SUSPECT.findall(self.log())]
