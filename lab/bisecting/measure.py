"""What a search asks of its surroundings: to measure a commit once, and to mark it by what its runs tell."""

from collections.abc import Callable
from typing import Protocol

from lab.model import Commit, Trial, TrialRun

Keep = Callable[[Trial], None]
"""Keeps what was measured of a commit so far, so that it is not measured twice."""


class Measure(Protocol):
    """Drives the load once against the services of a commit."""

    def __call__(self, commit: Commit, *, seed: int, is_base: bool) -> TrialRun:
        """Give what one run told. Raises CommitError where the commit cannot be measured."""


class Judge(Protocol):
    """Says what a commit is, after as many runs as that takes."""

    def __call__(self, trial: Trial, keep: Keep) -> Trial:
        """Give a trial with its mark, from where it was left; each run is kept as soon as there is one."""
