"""Whether an A/B keeps its error rate: simulated pairs whose noise is known, with its choice of pairs and its looks.

Each simulated A/B takes the steps of `lab ab` itself: four pairs, as many as their noise asks for, and its looks. Its
figure is one latency whose ratio differs from pair to pair by a known spread (normal, on the logarithm), and beside it
independent ones that are no headline, as a real comparison has them. Printed are, for each spread and each true change
of all figures, how often it ended in which judgement, how often an interval of a look (of any figure) did not hold the
true change, which is what the error rate promises to be rare, and after how many pairs.

    python benchmarks/ab_stopping.py [--simulations 2000]
"""

import argparse
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from lab.analysis.comparison import judged
from lab.analysis.turns import Check, LookNow, PlanPairs, Turn, next_step, planned_pairs
from lab.model import Cell, Comparison, InterimLook, Interleaved, Judgement, Measure, RunFigure, Scale, Side, Stopping

_FIND, _ALPHA, _MOST, _OTHERS = 0.1, 0.01, 40, 9
_P95 = Measure(name="p95", unit="s", scale=Scale.RATIO, effect=_FIND / 2, start_spread=0.02)
_SPREADS = (0.02, 0.04, 0.06, 0.1)
_CHANGES = (0.0, 0.05, 0.1)
_NOBODY = Side(name="", told="", runs=())


def _figures(values: Sequence[float]) -> tuple[RunFigure, ...]:
    return tuple(
        RunFigure(
            measure=_P95,
            cell=Cell(phase="steady", route=str(number)),
            value=value,
            error=0.01,
            count=250,
            is_headline=number == 0,
        )
        for number, value in enumerate(values)
    )


def _compared(ratios: Sequence[Sequence[float]], alpha: float) -> Comparison:
    base = [_figures([1.0] * len(row)) for row in ratios]
    figures = judged(base, [_figures(row) for row in ratios], are_pairs=True, alpha=alpha, look_for=_FIND)
    return Comparison(
        base=_NOBODY, candidate=_NOBODY, pairs=len(ratios), confidence=1 - alpha, look_for=_FIND, figures=figures
    )


def _simulated(random: np.random.Generator, spread: float, change: float) -> tuple[Judgement, int, bool]:
    """Give how one A/B ends, after how many pairs, and whether an interval of one of its looks was wrong."""
    every = np.exp(random.normal(math.log1p(change), spread, size=(_MOST, 1 + _OTHERS))).tolist()
    stopping = Stopping(pairs=None, max_pairs=_MOST, look_for=_FIND, alpha=_ALPHA)
    is_wrong = False
    ab = Interleaved(scenario="", plan={}, wanted={}, sides={}, stopping=stopping, started_at=0.0)
    while True:
        step, count = next_step(ab), len(ab.pairs)
        match step:
            case Turn():
                ab = replace(ab, pairs=(*ab.pairs, ("", "")))
            case Check():
                ab = replace(ab, is_checked=True)
            case PlanPairs(alpha=alpha):
                ab = replace(ab, planned=planned_pairs(ab, _compared(every[:count], alpha).pairs_wanted))
            case LookNow(alpha=alpha, is_last=is_last):
                compared = _compared(every[:count], alpha)
                is_wrong |= any(not of.change.low <= change <= of.change.high for of in compared.figures)
                found = compared.judgement
                if is_last or found != Judgement.CANNOT_TELL:
                    return found, count, is_wrong
                ab = replace(ab, looks=(*ab.looks, InterimLook(pairs=count, alpha=alpha, judgement=found)))
            case None:
                raise AssertionError("an A/B ended without its last look")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000, help="of each row")
    simulations = parser.parse_args().simulations
    table = Table(
        title=f"{simulations} simulated A/Bs a row, which look for {_FIND:.0%} at an error rate of {_ALPHA:.0%}"
    )
    names = (
        "spread",
        "true change",
        "regressed",
        "improved",
        "unchanged",
        "cannot tell",
        "wrong interval",
        "pairs (median, 9 of 10)",
    )
    for name in names:
        table.add_column(name, justify="right")
    random = np.random.default_rng(14)
    for spread in _SPREADS:
        for change in _CHANGES:
            ended = [_simulated(random, spread, change) for _ in range(simulations)]
            counts, pairs = Counter(found for found, _, _ in ended), sorted(count for _, count, _ in ended)
            wrong = f"{sum(is_wrong for _, _, is_wrong in ended) / simulations:.1%}"
            shares = [f"{counts[judgement] / simulations:.1%}" for judgement in Judgement]
            lengths = f"{statistics.median(pairs):.0f}, {pairs[int(0.9 * simulations)]}"
            table.add_row(f"{spread:.0%}", f"{change:.0%}", *shares, wrong, lengths)
    Console(width=120).print(table)


if __name__ == "__main__":
    _main()
