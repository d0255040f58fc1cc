"""The capacity plan of a run directory: made from its files, kept in it, and held against other runs."""

from collections.abc import Sequence

from lab.analysis.capacity import Asked, break_points_of, capacity, hold_against
from lab.conclude import evidence_of, write_capacity
from lab.errors import ConfigError
from lab.model import Agreement, Capacity
from lab.rundir import RunDir


def plan(run: RunDir, asked: Asked) -> Capacity:
    """Give what a run says about capacity.

    Raises RunDirError and LoadError as `conclude` does, and ConfigError where a change cannot be made.
    """
    evidence = evidence_of(run)
    return capacity(evidence, break_points_of(evidence), asked)


def keep(run: RunDir, planned: Capacity) -> None:
    """Write a plan into the directory of its run. Raises RunDirError where that cannot be."""
    write_capacity(run, planned)


def against(run: RunDir, other: RunDir, what_ifs: Sequence[str] = ()) -> Agreement:
    """Give how what a run predicts, after changes as NAME=VALUE, agrees with what another one measured.

    Raises ConfigError where the one predicts nothing, the other one has nothing to hold it against, or a change cannot
    be made.
    """
    here, there = evidence_of(run), evidence_of(other)
    found, missing = hold_against(here, break_points_of(here), there, break_points_of(there), what_ifs=what_ifs)
    if found is None:
        raise ConfigError([f"{run.run_id} cannot be held against {other.run_id}:", *missing])
    return found
