"""How often comparisons of runs are right: real short runs of the stubs, with one route as it is, 5 % and 10 % slower.

`drive` makes the runs, cycle by cycle, for as long as is asked. By how much the route is slowed in milliseconds follows
from its median in the first runs. `table` reads them and prints

- what runs differ by from start to start, and from one run of a pair to the other;
- A/A: runs of one kind against one another, where every regression or improvement is a false alarm;
- A/B: runs as they are against slower ones, where each set of pairs should end in "regressed".

Sets are put together as `lab ab` does it: four pairs, then as many as their noise asks for, with its looks in between,
and the next set begins where the last one ended. No run is in two sets. Since in an A/A it is chance which run of a
pair is called base, each set is also judged with the two exchanged in some of its pairs, again and again; and since the
order of pairs is chance too, the pairs of an A/B are also cut into sets in other orders.

    python benchmarks/ab.py drive FOLDER [--minutes 60]
    python benchmarks/ab.py table FOLDER [--find 0.1] [--markdown]
"""

import argparse
import contextlib
import itertools
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab import preparing, sides
from lab.analysis.comparison import judged, measured
from lab.analysis.comparison.measures import Effects
from lab.analysis.turns import Check, LookNow, PlanPairs, Turn, next_step, planned_pairs
from lab.conclude import evidence_of
from lab.config.settings import Settings
from lab.model import Comparison, InterimLook, Interleaved, Judgement, RunFigure, Side, Stopping, Variant
from lab.preparing import Wanted
from lab.run_lock import exclusive
from lab.rundir import RunDir

_AS_IS, _TEN, _FIVE = "as it is", "10 %", "5 %"
_SLOWER = {_AS_IS: 0.0, _TEN: 0.1, _FIVE: 0.05}
_CYCLE = (_AS_IS, _TEN, _TEN, _AS_IS, _FIVE, _FIVE, _AS_IS, _TEN, _TEN, _AS_IS)
_SHORT = (_AS_IS, _TEN, _TEN, _AS_IS)
_PAIRS: Mapping[tuple[str, ...], Mapping[tuple[str, str], Sequence[tuple[int, int]]]] = {
    _CYCLE: {
        (_AS_IS, _AS_IS): ((0, 3), (6, 9)),
        (_TEN, _TEN): ((1, 2), (7, 8)),
        (_FIVE, _FIVE): ((4, 5),),
        (_AS_IS, _TEN): ((0, 1), (3, 2), (6, 7), (9, 8)),
        (_AS_IS, _FIVE): ((3, 4), (6, 5)),
    },
    _SHORT: {
        (_AS_IS, _AS_IS): ((0, 3),),
        (_TEN, _TEN): ((1, 2),),
        (_AS_IS, _TEN): ((0, 1), (3, 2)),
    },
}
"""Which runs of a cycle are a pair: neighbours where the kinds differ, and else the nearest."""

_FIRST = 4
_EXCHANGES = 200
_ORDERS = 50
_ALARMS = (Judgement.REGRESSED, Judgement.IMPROVED)
Figures = tuple[RunFigure, ...]
Pair = tuple[Figures, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Driven:
    """One run: its kind, and its cycle, which gives its seed."""

    kind: str
    cycle: int
    run: str
    slow_ms: float


# --------------------------------------------------------------------------------------------------------------- drive


def _drive(asked: argparse.Namespace) -> None:
    folder: Path = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(home=folder / "home", artifacts=folder / "runs", engine="process")
    until = time.monotonic() + asked.minutes * 60
    with exclusive(settings.home):
        ten_ms = asked.slow_ms or _a_tenth_ms(settings, asked)
        for cycle in itertools.count(asked.cycle):
            for kind in _SHORT if asked.short else _CYCLE:
                if time.monotonic() > until:
                    return
                driven = _run(settings, asked, kind, cycle, _SLOWER[kind] / _SLOWER[_TEN] * ten_ms)
                with (folder / "driven.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(driven), "route": asked.route}) + "\n")


def _a_tenth_ms(settings: Settings, asked: argparse.Namespace) -> float:
    """Give a tenth of the route's median in some runs, in milliseconds."""
    runs = [_run(settings, asked, "first", -1, 0.0) for _ in range(_FIRST)]
    return 100 * statistics.median(_median_s(settings.artifacts / driven.run, asked.route) for driven in runs)


def _run(settings: Settings, asked: argparse.Namespace, kind: str, cycle: int, slow_ms: float) -> _Driven:
    slow = (f"SUT_FAULT_SLOW_ROUTE={asked.route}", f"SUT_FAULT_SLOW_MS={slow_ms:.3f}") if slow_ms else ()
    side = sides.pin(Variant(name=kind, settings=tuple(f"services.backend.env.{text}" for text in slow)))
    wanted = Wanted(target="stubs", ports=("auto",), engine="process")
    plan = preparing.read_plan(
        "ab", asked.scenario, wanted, overrides=(f"seed={14 + cycle}",), rate_per_s=asked.rate, phases=()
    )
    with sides.ready(side, wanted, settings.home, say=_silent) as ready:
        run, report = sides.measure(ready, plan, settings, say=_silent, showing=lambda _: _unseen())
    print(f"{kind:>8}  {run.run_id}  {report.verdict.outcome}", file=sys.stderr, flush=True)
    return _Driven(kind=kind, cycle=cycle, run=run.run_id, slow_ms=slow_ms)


def _silent(_: str) -> None:
    """Say nothing."""


@contextlib.contextmanager
def _unseen() -> Iterator[Any]:
    yield lambda *_: None


def _median_s(path: Path, route: str) -> float:
    figures = measured(evidence_of(RunDir(path)), effects=_effects(0.1), route=route)
    return next(figure.value for figure in figures if figure.measure.name == "p50(http_req_duration)")


# --------------------------------------------------------------------------------------------------------------- table


def _effects(find: float) -> Effects:
    return Effects(ratio=find / 2, growth_bytes_per_h=20e6)


def _table(asked: argparse.Namespace) -> None:
    lines = (asked.folder / "driven.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    route = "" if asked.everything else rows[0]["route"]
    found = {
        row["run"]: measured(
            evidence_of(RunDir(asked.folder / "runs" / row["run"])), effects=_effects(asked.find), route=route
        )
        for row in rows
    }
    driven = [_Driven(**{name: row[name] for name in _Driven.__slots__}) for row in rows]
    tables = [
        _spreads(driven, found),
        _alarms(driven, found, asked),
        _found(driven, found, asked),
    ]
    for table in tables:
        if asked.markdown:
            _print_markdown(table)
        else:
            Console(width=120).print(table)


def _pairs(driven: Sequence[_Driven], found: Mapping[str, Figures], base: str, candidate: str) -> list[Pair]:
    """Give the pairs of two kinds, cycle by cycle; one that was not driven to its end has none."""
    cycles = [list(cycle) for _, cycle in itertools.groupby(driven, key=lambda one: one.cycle)]
    return [
        (found[runs[one].run], found[runs[two].run])
        for runs in cycles
        for one, two in _PAIRS.get(tuple(run.kind for run in runs), {}).get((base, candidate), ())
    ]


def _spreads(driven: Sequence[_Driven], found: Mapping[str, Figures]) -> Table:
    """Say what figures of equal runs differ by, from start to start and within pairs."""
    table = Table(title="What equal runs differ by (standard deviation)")
    for column in ("figure", "typical value", "from start to start", "from run to run of a pair"):
        table.add_column(column)
    equal = _equal(driven, found)
    runs = [figures for pair in _pairs(driven, found, _AS_IS, _AS_IS) for figures in pair]
    for name, values in _by_figure(runs).items():
        pairs = [(one, two) for one, two in (_both(pair, name) for pair in equal) if one > 0 and two > 0]
        if not values or min(values) <= 0 or len(pairs) < 3:
            continue
        logs = [math.log(value) for value in values]
        differences = [math.log(two / one) for one, two in pairs]
        table.add_row(
            " ".join(part for part in name if part),
            f"{math.exp(statistics.mean(logs)):.4g}",
            f"{statistics.stdev(logs):.1%}",
            f"{math.sqrt(statistics.mean(value**2 for value in differences)):.1%}",
        )
    return table


def _by_figure(runs: Sequence[Figures]) -> dict[tuple[str, str, str], list[float]]:
    values: dict[tuple[str, str, str], list[float]] = {}
    for figures in runs:
        for figure in figures:
            values.setdefault(_name(figure), []).append(figure.value)
    return values


def _name(figure: RunFigure) -> tuple[str, str, str]:
    return figure.measure.name, figure.cell.route, figure.cell.service


def _both(pair: Pair, name: tuple[str, str, str]) -> tuple[float, float]:
    one, two = ({_name(figure): figure.value for figure in figures} for figures in pair)
    return one.get(name, 0.0), two.get(name, 0.0)


def _equal(driven: Sequence[_Driven], found: Mapping[str, Figures]) -> list[Pair]:
    return [pair for kind in _SLOWER for pair in _pairs(driven, found, kind, kind)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """How one set of pairs came out: what was said, after how many pairs, and how many the noise had asked for."""

    judgement: Judgement
    pairs: tuple[Pair, ...]
    planned: int


def _sets(pairs: Sequence[Pair], find: float) -> list[_Set]:
    """Cut pairs into sets as `lab ab` would have ended them; what is left over makes none."""
    sets: list[_Set] = []
    rest = list(pairs)
    while (one := _set(rest, find)) is not None:
        sets.append(one)
        rest = rest[len(one.pairs) :]
    return sets


def _set(pairs: Sequence[Pair], find: float) -> _Set | None:
    """Go through an A/B with the pairs that there are; None where they do not suffice."""
    stopping = Stopping(pairs=None, max_pairs=40, look_for=find, alpha=0.01)
    ab = Interleaved(scenario="", plan={}, wanted={}, sides={}, stopping=stopping, started_at=0.0)
    while (step := next_step(ab)) is not None:
        count = len(ab.pairs)
        if isinstance(step, Turn):
            if count == len(pairs):
                return None
            ab = replace(ab, pairs=(*ab.pairs, ("", "")))
        elif isinstance(step, Check):
            ab = replace(ab, is_checked=True)
        elif isinstance(step, PlanPairs):
            wanted = _compared(pairs[:count], step.alpha, find).pairs_wanted
            ab = replace(ab, planned=planned_pairs(ab, wanted))
        elif isinstance(step, LookNow):
            found = _compared(pairs[:count], step.alpha, find).judgement
            if step.is_last or found != Judgement.CANNOT_TELL:
                return _Set(judgement=found, pairs=tuple(pairs[:count]), planned=ab.planned or count)
            ab = replace(ab, looks=(*ab.looks, InterimLook(pairs=count, alpha=step.alpha, judgement=found)))
    return None


def _compared(pairs: Sequence[Pair], alpha: float, find: float) -> Comparison:
    figures = judged([one for one, _ in pairs], [two for _, two in pairs], are_pairs=True, alpha=alpha, look_for=find)
    nobody = Side(name="", told="", runs=())
    return Comparison(
        base=nobody, candidate=nobody, pairs=len(pairs), confidence=1 - alpha, look_for=find, figures=figures
    )


def _alarms(driven: Sequence[_Driven], found: Mapping[str, Figures], asked: argparse.Namespace) -> Table:
    """Say how often equal sides are told apart."""
    table = Table(title="A/A: two sides that are equal")
    for column in ("runs", "pairs", "sets", "pairs a set", "alarms", "unchanged", "exchanged", "alarms of them"):
        table.add_column(column)
    chance = random.Random(14)
    for kind in (*_SLOWER, "all"):
        pairs = _equal(driven, found) if kind == "all" else _pairs(driven, found, kind, kind)
        sets = _sets(pairs, asked.find)
        exchanged = [_exchanged(one.pairs, asked.find, chance) for one in sets for _ in range(_EXCHANGES)]
        told = [judgement for judgement in exchanged if judgement is not None]
        table.add_row(
            kind,
            str(len(pairs)),
            str(len(sets)),
            _lengths(sets),
            str(sum(one.judgement in _ALARMS for one in sets)),
            str(sum(one.judgement == Judgement.UNCHANGED for one in sets)),
            str(len(told)),
            f"{sum(judgement in _ALARMS for judgement in told) / max(len(told), 1):.2%}",
        )
    return table


def _exchanged(pairs: Sequence[Pair], find: float, chance: random.Random) -> Judgement | None:
    """Judge a set again, with base and candidate exchanged in about half of its pairs, in another order."""
    turned = [(two, one) if chance.random() < 0.5 else (one, two) for one, two in pairs]
    chance.shuffle(turned)
    one = _set(turned, find)
    return None if one is None else one.judgement


def _found(driven: Sequence[_Driven], found: Mapping[str, Figures], asked: argparse.Namespace) -> Table:
    """Say how often a slower route is found."""
    table = Table(title=f"A/B: one route slower, --find {asked.find:.0%}")
    for column in ("slower by", "measured", "pairs", "sets", "pairs a set", "regressed", "cannot tell", "unchanged"):
        table.add_column(column)
    table.add_column("in other orders: sets")
    table.add_column("regressed")
    chance = random.Random(14)
    for kind, share in _SLOWER.items():
        if not share:
            continue
        pairs = _pairs(driven, found, _AS_IS, kind)
        sets = _sets(pairs, asked.find)
        counts = {judgement: sum(one.judgement == judgement for one in sets) for judgement in Judgement}
        table.add_row(
            _injected(driven, found, kind, asked.route),
            f"{_compared(pairs, 0.01, asked.find).headlines[0].change.value:+.1%}",
            str(len(pairs)),
            str(len(sets)),
            _lengths(sets),
            f"{counts[Judgement.REGRESSED]} ({counts[Judgement.REGRESSED] / max(len(sets), 1):.0%})",
            str(counts[Judgement.CANNOT_TELL]),
            str(counts[Judgement.UNCHANGED] + counts[Judgement.IMPROVED]),
            *_in_other_orders(pairs, asked.find, chance),
        )
    return table


def _in_other_orders(pairs: Sequence[Pair], find: float, chance: random.Random) -> tuple[str, str]:
    """Cut shuffled pairs into sets, again and again; give how many sets that are, and the share that regressed."""
    told = []
    for _ in range(_ORDERS):
        shuffled = list(pairs)
        chance.shuffle(shuffled)
        told += [one.judgement for one in _sets(shuffled, find)]
    return str(len(told)), f"{told.count(Judgement.REGRESSED) / max(len(told), 1):.1%}"


def _injected(driven: Sequence[_Driven], found: Mapping[str, Figures], kind: str, route: str) -> str:
    """Give what was added to the route, in milliseconds and as a share of its median as it is."""
    slow_ms = next(one.slow_ms for one in driven if one.kind == kind)
    medians = [
        math.log(figure.value)
        for one in driven
        if one.kind == _AS_IS
        for figure in found[one.run]
        if figure.measure.name == "p50(http_req_duration)" and figure.cell.route == route
    ]
    if not medians:
        return f"{slow_ms:.2f} ms"
    return f"{slow_ms:.2f} ms, {slow_ms / 1000 / math.exp(statistics.mean(medians)):.1%}"


def _lengths(sets: Sequence[_Set]) -> str:
    if not sets:
        return ""
    counts = sorted(len(one.pairs) for one in sets)
    return f"{statistics.median(counts):.0f} ({counts[0]} to {counts[-1]})"


def _print_markdown(table: Table) -> None:
    names = [str(column.header) for column in table.columns]
    print(f"\n{table.title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        print(f"| {' | '.join(str(cell) for cell in cells)} |")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["drive", "table"])
    parser.add_argument("folder", type=Path, help="where the runs are kept")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cycle", type=int, default=0, help="the first cycle, where earlier ones are there already")
    parser.add_argument("--short", action="store_true", help="as it is and 10 %% slower alone")
    parser.add_argument("--slow-ms", type=float, help="what 10 %% is, where earlier runs have said it")
    parser.add_argument("--scenario", default="auth_dashboard")
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--route", default="POST /login", help="the one that is slowed, and that is looked at")
    parser.add_argument("--find", type=float, default=0.1, help="the change that is looked for, 0.1 for 10 %%")
    parser.add_argument("--everything", action="store_true", help="look at all figures, and not at the route alone")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    asked.folder = asked.folder.resolve()
    (_drive if asked.what == "drive" else _table)(asked)


if __name__ == "__main__":
    _main()
