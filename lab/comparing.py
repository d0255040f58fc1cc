"""Two sides held against one another: from run directories to what regressed, improved, or stayed as it was."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from lab.analysis.comparison import judged, measured
from lab.analysis.comparison.measures import Effects
from lab.analysis.comparison.measuring import routes_of
from lab.comparable import Differences, differences
from lab.conclude import evidence_of
from lab.errors import ConfigError
from lab.model import Compared, Comparison, Evidence, RunFigure, Side
from lab.rundir import RunDir

LOOK_FOR = 0.1
"""The change that a comparison is made to find, where nobody says another."""

ALPHA = 0.01
"""How often a comparison of two equal sides may raise an alarm, over all its figures together."""


def compare_runs(
    base: Sequence[RunDir],
    candidate: Sequence[RunDir],
    *,
    are_pairs: bool = False,
    route: str = "",
    effect: float | None = None,
    look_for: float = LOOK_FOR,
    alpha: float = ALPHA,
    force: bool = False,
    under_test: Sequence[str] = (),
    names: tuple[str, str] = ("base", "candidate"),
) -> Comparison:
    """Compare the runs of two sides; as pairs, the first with the first and so on.

    `effect` is the smallest change that matters, a ratio less 1 (None: half of `look_for`, which is the change that is
    to be found). `under_test` names what differs on purpose beside code: `settings`, `target`, `versions`. `route` is
    the only one that is looked at. With `force`, what must not differ is said in the result. Raises ConfigError where
    runs cannot be compared, or hold nothing to compare, and RunDirError and LoadError where they cannot be read.
    """
    _refuse((*_unusable(base, candidate, are_pairs=are_pairs), *_unasked(look_for, effect, alpha)))
    records = [[run.read_record() for run in side] for side in (base, candidate)]
    found = _allowed(differences(records[0], records[1], under_test=under_test), force=force)
    effects = Effects(ratio=look_for / 2 if effect is None else effect, growth_bytes_per_h=_growth(records[0][0]))
    sides, notes = _figures(base, candidate, effects, route)
    figures = judged(*sides, are_pairs=are_pairs, alpha=alpha, look_for=look_for)
    _refuse(() if figures else _nothing(base, candidate, route))
    return Comparison(
        base=_side(names[0], base, records[0]),
        candidate=_side(names[1], candidate, records[1]),
        pairs=len(base) if are_pairs else 0,
        confidence=1 - alpha,
        look_for=look_for,
        figures=figures,
        route=route,
        under_test=found.on_purpose,
        differs=found.forbidden,
        notes=(*found.notes, *_verdicts((*base, *candidate)), *notes, *_one_sided(sides, figures)),
    )


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise ConfigError(tuple(problems))


def _allowed(found: Differences, *, force: bool) -> Differences:
    """Give what differs, where that does not forbid a comparison. Raises ConfigError where it does."""
    if found.forbidden and not force:
        raise ConfigError(
            [
                "these runs cannot be compared:",
                *found.forbidden,
                "drive both in the same way (`lab run --like RUN`), or add --force to compare them all the same",
            ]
        )
    return found


def _unusable(base: Sequence[RunDir], candidate: Sequence[RunDir], *, are_pairs: bool) -> Iterator[str]:
    if not base or not candidate:
        yield "a comparison needs at least one run of each side"
    if are_pairs and len(base) != len(candidate):
        yield f"pairs need as many runs of each side; there are {len(base)} and {len(candidate)}"
    for path in sorted({run.path for run in base} & {run.path for run in candidate}):
        yield f"{path.name} is on both sides; a run is no news about itself"


def _unasked(look_for: float, effect: float | None, alpha: float) -> Iterator[str]:
    if not 0 < look_for < 10:
        yield f"the change to be found must be above 0 and below 1000 %, not {look_for:.0%}"
    elif effect is not None and not 0 < effect < look_for:
        yield f"the smallest change that matters must be above 0 and below the one to be found, not {effect:.2%}"
    if not 0 < alpha < 0.5:
        yield f"the rate of false alarms must be above 0 and below a half, not {alpha:g}"


def _growth(record: Mapping[str, Any]) -> float:
    growth: float = record["plan"]["leaks"]["rss_bytes_per_h"]
    return growth


def _figures(
    base: Sequence[RunDir], candidate: Sequence[RunDir], effects: Effects, route: str
) -> tuple[list[list[tuple[RunFigure, ...]]], list[str]]:
    """Give the figures of each run of each side, and what is to be known of phases that are not compared."""
    sides: list[list[tuple[RunFigure, ...]]] = []
    notes: list[str] = []
    for side in (base, candidate):
        evidences = [evidence_of(run) for run in side]
        sides.append([measured(evidence, effects=effects, route=route) for evidence in evidences])
        notes += [note for evidence in evidences for note in _cut_off(evidence)]
    return sides, notes


def _cut_off(evidence: Evidence) -> list[str]:
    return [
        f"{evidence.run_id}: phase {window.phase} was cut off, and is not compared"
        for window in evidence.windows
        if not window.is_whole
    ]


def _nothing(base: Sequence[RunDir], candidate: Sequence[RunDir], route: str) -> list[str]:
    if route:
        routes = sorted({name for run in (*base, *candidate) for name in routes_of(evidence_of(run))})
        if route not in routes:
            return [f"--route: no run has the route {route!r}", f"there are: {', '.join(routes) or 'none at all'}"]
    return [
        "there is nothing to compare: no phase that both sides finished has enough requests for a figure",
        "percentiles need 20 values, and warm-up, stress and profile phases are not compared",
        "`lab report RUN` shows what a run has",
    ]


def _side(name: str, runs: Sequence[RunDir], records: Sequence[Mapping[str, Any]]) -> Side:
    told = (records[0].get("side") or {}).get("told") or _told(records[0])
    return Side(name=name, told=told, runs=tuple(run.run_id for run in runs))


def _told(record: Mapping[str, Any]) -> str:
    code = record["provenance"].get("code") or {}
    commit = str(code.get("commit") or "")[:12]
    return f"commit {commit}{' with changes' if code.get('dirty') else ''}" if commit else "no commit known"


def _verdicts(runs: Sequence[RunDir]) -> list[str]:
    """Say of runs without a valid answer that they have none; what they measured is compared all the same."""
    notes = []
    for run in runs:
        try:
            verdict = orjson.loads(run.verdict.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if verdict.get("outcome") == "invalid":
            notes.append(f"{run.run_id} is invalid: `lab report {run.run_id}` says why; its figures are used with care")
    return notes


def _one_sided(sides: Sequence[Sequence[Sequence[RunFigure]]], figures: Sequence[Compared]) -> list[str]:
    """Say how many figures not every run has: cells with few requests, or phases that one run lacks."""
    compared = {(figure.measure.name, figure.cell) for figure in figures}
    runs = [{(figure.measure.name, figure.cell) for figure in run} for side in sides for run in side]
    seen, everywhere = set().union(*runs), set(runs[0]).intersection(*runs)
    dropped, thin = len(seen - compared), len(compared - everywhere)
    notes = []
    if dropped:
        notes.append(f"{dropped} figures are of one side alone, and are not compared")
    if thin:
        notes.append(f"{thin} figures are missing in some of the runs, and rest on the others")
    return notes
