"""Where the level of a series of runs changes: E-Divisive means, and a t-test for whether it did.

After Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data" (2014), and
Fleming et al., "Hunter: Using Change Point Detection to Hunt for Performance Regressions" (2023): windows are split
where the two sides are least alike by energy distance, and splits are merged until each of them is a change by itself.
Unlike there, `alpha` is the rate of false alarms of a whole series: a p-value counts the places that a change could
have been at. A side needs three runs, and its median must move too, so that a run that stands alone is no change. And a
split of a window is tested against the stretch behind it that it was found by, so that a change is not hidden by one
that takes it back.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lab.model import Estimate

Values: TypeAlias = NDArray[np.float64]

_ROUNDING = 1e-12
_MOST_CORRELATED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a split is a change.

    `alpha` is the share of series without a change in which one is found; `least` how many values each side has at
    least (2 or more), `window` how many values are split at once.
    """

    alpha: float = 0.001
    least: int = 3
    window: int = 50


RULE = Rule()
"""What holds where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A place where a series may change: `index` is that of the first value after it.

    `begin` and `end` bound the levels beside it, `change` is the mean after less the mean before. `p_value` is that of
    Student's t-test, multiplied by the number of places at which a change could be.
    """

    begin: int
    index: int
    end: int
    before: float
    after: float
    change: Estimate
    p_value: float
    medians_moved: bool

    def is_change(self, alpha: float) -> bool:
        """Whether the two sides differ."""
        return self.p_value <= alpha and self.medians_moved


def change_points(values: Values, rule: Rule = RULE, *, least_change: float = 0.0) -> tuple[Split, ...]:
    """Give the changes of a series in time order; those of `least_change` or less, in the values' unit, are none.

    Values must be finite. A series that is too short for two sides has no change.
    """
    kept = sorted(_weak(values, rule))
    while kept:
        splits = _tested(values, kept, rule)
        doubtful = [split for split in splits if not split.is_change(rule.alpha)]
        small = [split for split in splits if abs(split.change.value) <= least_change]
        if not doubtful and not small:
            return splits
        worst = max(doubtful, key=_doubt) if doubtful else min(small, key=lambda split: abs(split.change.value))
        kept.remove(worst.index)
    return ()


def _doubt(split: Split) -> tuple[bool, float]:
    return not split.medians_moved, split.p_value


def _weak(values: Values, rule: Rule) -> set[int]:
    """Give the places that may be changes, from windows that overlap by half and begin anew behind each of them."""
    alpha = min(10 * rule.alpha, 1.0)
    found: set[int] = set()
    start = 0
    while start < len(values):
        own = _divided(values[start : start + rule.window], rule, alpha)
        found |= {start + index for index in own}
        start = max(start + rule.window // 2, start + max(own, default=0))
    return found


def _divided(values: Values, rule: Rule, alpha: float) -> list[int]:
    """Split one window, each time where its pieces are least alike, as long as the best split may be a change."""
    sums = _distance_sums(values)
    bounds = [0, len(values)]
    while True:
        pieces = pairwise(bounds)
        candidates = [found for begin, end in pieces if (found := _best(sums, begin, end, rule.least))]
        if not candidates:
            break
        _, begin, index, until = max(candidates)
        left, right = values[begin:index], values[index:until]
        p_value, _ = _t_test(left, right, _pooled_error(left, right))
        if p_value * _places(values, rule) > alpha:
            break
        bounds = sorted([*bounds, index])
    return bounds[1:-1]


def _distance_sums(values: Values) -> Values:
    """Give the sums of the distances between all values before i and all before j, as an (n + 1) x (n + 1) table."""
    sums = np.zeros((len(values) + 1, len(values) + 1))
    sums[1:, 1:] = np.abs(values[:, None] - values[None, :]).cumsum(axis=0).cumsum(axis=1)
    return sums


def _best(sums: Values, begin: int, end: int, least: int) -> tuple[float, int, int, int] | None:
    """Give the split of a piece whose sides are least alike, with how unlike they are: (Q, begin, index, until).

    Q is the scaled energy distance of Matteson and James (their eq. 7 and 11), of the values before the split and of
    those from it until any later place. None where a piece is too short.
    """
    if end - begin < 2 * least:
        return None
    at = np.arange(begin + least, end - least + 1)[:, None]
    to = np.arange(begin + 2 * least, end + 1)[None, :]
    n, m = at - begin, to - at
    diagonal = np.diagonal(sums)
    within_left = (diagonal[at] - 2 * sums[begin, at] + sums[begin, begin]) / 2
    within_right = (diagonal[to] - 2 * sums[at, to] + diagonal[at]) / 2
    between = sums[at, to] - sums[begin, to] - diagonal[at] + sums[begin, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(n > 1, within_left * m / (n - 1), 0.0)
        right = np.where(m > 1, within_right * n / (m - 1), 0.0)
        q = np.where(m >= least, 2 * (between - left - right) / (n + m), -np.inf)
    place = int(q.argmax()) // q.shape[1]
    return float(q[place].max()), begin, begin + least + place, begin + 2 * least + int(q[place].argmax())


def _tested(values: Values, indices: list[int], rule: Rule) -> tuple[Split, ...]:
    bounds = [0, *indices, len(values)]
    return tuple(
        _split(values, begin, index, end, rule)
        for begin, index, end in zip(bounds[:-2], bounds[1:-1], bounds[2:], strict=True)
    )


def _split(values: Values, begin: int, index: int, end: int, rule: Rule) -> Split:
    left, right = values[begin:index], values[index:end]
    before, after = float(left.mean()), float(right.mean())
    change = after - before
    p_value, half = _t_test(left, right, _cautious_error(left, right))
    moved = float(np.median(right) - np.median(left))
    return Split(
        begin=begin,
        index=index,
        end=end,
        before=before,
        after=after,
        change=Estimate(value=change, low=change - half, high=change + half),
        p_value=min(p_value * _places(values, rule), 1.0),
        medians_moved=change != 0 and bool(moved * np.sign(change) >= abs(change) / 2),
    )


def _places(values: Values, rule: Rule) -> int:
    """Give at how many places a change could be."""
    return max(len(values) - 2 * rule.least + 1, 1)


def _t_test(left: Values, right: Values, error: float) -> tuple[float, float]:
    """Give the two-sided p-value of a t-test, and half the width of the 95 % interval of the difference of the means.

    `error` is the standard error of that difference.
    """
    freedom = len(left) + len(right) - 2
    difference = abs(float(right.mean() - left.mean()))
    rounding = _ROUNDING * float(max(np.abs(left).max(), np.abs(right).max()))
    if error <= rounding:  # both sides are constant: nothing but rounding stands against a difference
        return float(difference <= rounding), 0.0
    p_value = 2 * float(special.stdtr(freedom, -difference / error))
    return p_value, float(special.stdtrit(freedom, 0.975)) * error


def _pooled_error(left: Values, right: Values) -> float:
    """Give the standard error of the difference of two means, as Student has it."""
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (left, right))
    return math.sqrt(squares / (len(left) + len(right) - 2) * (1 / len(left) + 1 / len(right)))


def _cautious_error(left: Values, right: Values) -> float:
    """Give the standard error of the difference of two means, with regard to two things that runs do.

    A side which varies more than both together stands with its own variance: two runs of three that are far off must
    not look like a level because many runs before them were quiet. And where runs resemble those before them, they
    count as the fewer that they are worth: the variance of a mean of values whose lag-1 autocorrelation is r is
    (1 + r) / (1 - r) times as large.
    """
    residuals = [side - side.mean() for side in (left, right)]
    squares = [float((own**2).sum()) for own in residuals]
    if sum(squares) == 0:
        return 0.0
    pooled = sum(squares) / (len(left) + len(right) - 2)
    alone = [square / (len(own) - 1) for square, own in zip(squares, residuals, strict=True)]
    variance = sum(max(pooled, own) / len(side) for own, side in zip(alone, residuals, strict=True))
    correlation = sum(float((own[1:] * own[:-1]).sum()) for own in residuals) / sum(squares)
    alike = min(max(correlation, 0.0), _MOST_CORRELATED)
    return math.sqrt(variance * (1 + alike) / (1 - alike))
