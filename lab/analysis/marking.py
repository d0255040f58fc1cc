"""Whether a commit meets a target, from all of its runs: good, bad, or not to be told yet.

The unit is the run, not the request: two starts of the same program differ by more than their requests can show (how
memory lies, which cores, which caches), so that to pool the requests of some runs is to be too sure, and to count the
runs on either side is to forget by how much they are. So each run gives one value with its own error; the mean over the
runs has an interval from the spread between them. Few runs know their spread badly, so a usual one stands in for ten
runs beside them (a moderated t: Smyth, "Linear Models and Empirical Bayes Methods", 2004), and a single run has an
interval too. Durations, rates per second and sizes are held by their logarithms, everything else as it is.

Whether a run more is needed is asked after each of at most five runs, with an interval of 99 % every time: that a
commit whose true value lies on one side of the limit is ever told to lie on the other one has a chance of 5 x 0.5 %
at most, also where it lies close by.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from lab.analysis.comparison.measures import Effects, latency
from lab.model import Estimate, Mark, Observation, Outcome, Threshold, TrialFigure, TrialRun
from lab.thresholds import holds, unit_of

MAX_RUNS = 5
CONFIDENCE = 0.99
START_SPREAD = latency("p95", Effects(ratio=1.0, growth_bytes_per_h=1.0)).start_spread
"""By how much two starts of the same program differ, as a standard deviation of the logarithm, until it is seen."""

_SPREAD_RUNS = 10
_Z95 = 1.959964
_SCALED = ("s", "per_s", "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What runs tell of a commit: its mark, None where they do not tell yet, and the figures that it rests on.

    `why` says why nothing is told. `is_hopeless` is that more runs like these would tell nothing either.
    """

    mark: Mark | None
    figures: tuple[TrialFigure, ...] = ()
    why: str = ""
    is_hopeless: bool = False


def told_by(threshold: Threshold, runs: Sequence[TrialRun]) -> Told:
    """Give what the runs of a commit tell of a target.

    It is bad where it surely misses in some phase, and good where it surely keeps in all of them. A run that fell
    behind its load is asked only whether it misses all the same.
    """
    whole = _told(threshold, [run for run in runs if not run.unusable and not run.fell_behind])
    if whole.mark == Mark.BAD or not any(run.fell_behind for run in runs):
        return whole
    behind = _told(threshold, [run for run in runs if not run.unusable])
    if behind.mark == Mark.BAD:
        return behind
    return whole if whole.figures else Told(mark=None, why="less load began than was planned, in every run")


def _told(threshold: Threshold, runs: Sequence[TrialRun]) -> Told:
    if not runs:
        return Told(mark=None, why="no run can be used")
    parts = [_of_part(threshold, seen) for seen in _parts(runs)]
    figures = tuple(figure for part in parts for figure in part.figures)
    why = "; ".join(dict.fromkeys(part.why for part in parts if part.why))
    marks = {part.mark for part in parts}
    if Mark.BAD in marks:
        return Told(mark=Mark.BAD, figures=figures)
    if marks == {Mark.GOOD}:
        return Told(mark=Mark.GOOD, figures=figures)
    return Told(mark=None, figures=figures, why=why, is_hopeless=any(part.is_hopeless for part in parts) or not parts)


def _parts(runs: Iterable[TrialRun]) -> list[list[Observation]]:
    """Give the observations of all runs by what they are about: a phase, and in it a service where it is of one."""
    parts: dict[tuple[str, str], list[Observation]] = {}
    for run in runs:
        for seen in run.observations:
            parts.setdefault((seen.phase, seen.subject), []).append(seen)
    return list(parts.values())


def _of_part(threshold: Threshold, observations: Sequence[Observation]) -> Told:
    where = " ".join(part for part in (observations[0].phase, observations[0].subject) if part)
    if any(seen.outcome is not None for seen in observations):
        return _of_outcomes(observations, where)
    estimates = [seen.observed for seen in observations if seen.observed is not None]
    if not estimates:
        return Told(mark=None, why=f"{where}: {observations[-1].why}", is_hopeless=True)
    unit = unit_of(threshold)
    value = pooled(estimates, is_scaled=unit.removesuffix("/h") in _SCALED)
    mark = _side(threshold, value)
    name = f"{threshold.text.split(threshold.comparison)[0].strip()} in {where}"
    why = "" if mark else f"{where}: the limit lies inside the interval"
    return Told(mark=mark, figures=(TrialFigure(name=name, value=value, unit=unit),), why=why)


def _side(threshold: Threshold, value: Estimate) -> Mark | None:
    if threshold.limit == 0:  # it asks that none was seen; that there can be none is what no run shows
        return Mark.GOOD if holds(threshold, value.value) else Mark.BAD
    sides = {holds(threshold, value.low), holds(threshold, value.high)}
    if len(sides) > 1:
        return None
    return Mark.GOOD if sides == {True} else Mark.BAD


def _of_outcomes(observations: Sequence[Observation], where: str) -> Told:
    """Give what results of whole phases tell, which know their outcome themselves: what all of them agree on."""
    outcomes = {seen.outcome for seen in observations} - {Outcome.INVALID, None}
    if outcomes == {Outcome.PASSED}:
        return Told(mark=Mark.GOOD)
    if outcomes == {Outcome.FAILED}:
        return Told(mark=Mark.BAD)
    said = "its runs disagree" if outcomes else observations[-1].why
    return Told(mark=None, why=f"{where}: {said}")


def pooled(estimates: Sequence[Estimate], *, is_scaled: bool) -> Estimate:
    """Give the mean of runs' values with an interval of 99 % (see the module).

    With `is_scaled` it is the geometric mean, unless a value or interval reaches to 0.
    """
    is_scaled = is_scaled and all(estimate.low > 0 for estimate in estimates)
    bounds = np.array([(estimate.value, estimate.low, estimate.high) for estimate in estimates], dtype=np.float64)
    bounds = np.log(bounds) if is_scaled else bounds
    values, within = bounds[:, 0], (bounds[:, 2] - bounds[:, 1]) / (2 * _Z95)
    usual = float(np.mean(within**2)) + (START_SPREAD**2 if is_scaled else 0.0)
    count = len(values)
    seen = float(np.var(values, ddof=1)) if count > 1 else 0.0
    degrees = _SPREAD_RUNS + count - 1
    variance = (_SPREAD_RUNS * usual + (count - 1) * seen) / degrees
    half = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * math.sqrt(variance / count)
    mean = float(np.mean(values))
    ends = np.array([mean, mean - half, mean + half])
    value, low, high = (np.exp(ends) if is_scaled else ends).tolist()
    return Estimate(value=value, low=low, high=high)
