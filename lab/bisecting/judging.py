"""Which judge a search has: one that holds a target against each commit, or one that compares it with the good end."""

from collections.abc import Sequence

from lab.bisecting.by_comparison import ByComparison, Compare
from lab.bisecting.by_target import ByTarget
from lab.bisecting.keeping import BisectDir
from lab.bisecting.measure import Judge, Measure
from lab.comparing import compare_runs
from lab.model import AgainstGood, Bisection, Comparison


def judge_of(begun: Bisection, measure: Measure, kept: BisectDir, *, seed: int) -> Judge:
    """Give the judge of a search, whose runs `measure` leaves in its folder; `seed` is that of a commit's first run."""
    if begun.target is not None:
        return ByTarget(threshold=begun.target, measure=measure, seed=seed)
    assert begun.against is not None, "a search without a target compares"
    return ByComparison(
        good=begun.good, measure=measure, compare=_compare(kept, begun.against), seed=seed, against=begun.against
    )


def _compare(kept: BisectDir, against: AgainstGood) -> Compare:
    def compare(base: Sequence[str], candidate: Sequence[str], alpha: float) -> Comparison:
        return compare_runs(
            [kept.run(run_id) for run_id in base],
            [kept.run(run_id) for run_id in candidate],
            are_pairs=True,
            route=against.route,
            effect=against.effect,
            look_for=against.look_for,
            alpha=alpha,
        )

    return compare
