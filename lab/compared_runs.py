"""Which runs a comparison is of: those that are named, or the pairs of an A/B, and what their profiles show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import ab, rundir
from lab.errors import ConfigError, RunDirError
from lab.model import BASE, CANDIDATE, Interleaved, ProfileComparison, ProfileKind
from lab.profile_diff import compare_profiles
from lab.rundir import AbDir, RunDir
from lab.sides import under_test


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRuns:
    """The runs of both sides, oldest first; of pairs, in their order.

    Of an A/B also what it was asked for: `route` ("": every one), `look_for`, `effect` and `alpha` (None: not asked).
    `notes` say how it came about.
    """

    base: tuple[RunDir, ...]
    candidate: tuple[RunDir, ...]
    are_pairs: bool = False
    under_test: tuple[str, ...] = ()
    route: str = ""
    look_for: float | None = None
    effect: float | None = None
    alpha: float | None = None
    notes: tuple[str, ...] = ()


def named(root: Path, base: Sequence[str], candidate: Sequence[str], *, are_pairs: bool = False) -> ComparedRuns:
    """Find the runs of both sides by their names. Raises ConfigError where a side has none, RunDirError as `find`."""
    if not (base and candidate):
        raise ConfigError("name a run of each side (`lab runs` lists them), or the directory of an A/B alone")
    sides = [tuple(rundir.find(root, name) for name in names) for names in (base, candidate)]
    return ComparedRuns(base=sides[0], candidate=sides[1], are_pairs=are_pairs)


def of_ab(folder: AbDir) -> ComparedRuns:
    """Give the pairs of an A/B, as far as it has come.

    Raises ConfigError where it has none yet, RunDirError where its file is damaged, or a run is gone.
    """
    state = folder.read()
    name, pairs = folder.path.name, folder.pairs()
    if not pairs:
        raise ConfigError(f"{name}: has no whole pair yet; `lab ab --resume {name}` goes on with it")
    gone = [run.run_id for pair in pairs for run in pair if not run.record.is_file()]
    if gone:
        raise RunDirError(f"{name}: these of its runs are gone: {', '.join(gone)}; name those that are left one by one")
    return ComparedRuns(
        base=tuple(base for base, _ in pairs),
        candidate=tuple(candidate for _, candidate in pairs),
        are_pairs=True,
        under_test=under_test(state.sides[BASE], state.sides[CANDIDATE]),
        route=state.route,
        look_for=state.stopping.look_for,
        effect=state.stopping.effect,
        alpha=_alpha(state),
        notes=tuple(ab.notes(folder, state)),
    )


def _alpha(state: Interleaved) -> float:
    """Give the error rate of the look at all pairs: whoever looks several times may not spend all of it at each."""
    last = state.looks[-1] if state.looks else None
    return last.alpha if last is not None and last.pairs == len(state.pairs) else state.stopping.alpha


def profiles_of(runs: ComparedRuns) -> ProfileComparison | None:
    """Compare the CPU profiles of the first two runs, one of each side, that have some of the same moments.

    None where no two have, or a run's files cannot be read.
    """
    for base, candidate in zip(runs.base, runs.candidate, strict=False):
        if not (_has_profiles(base) and _has_profiles(candidate)):
            continue
        try:
            found = compare_profiles(base, candidate)
        except RunDirError:
            continue
        if found.differences:
            return found
    return None


def _has_profiles(run: RunDir) -> bool:
    return any(profile.kind == ProfileKind.CPU for profile in run.read_profiles())
