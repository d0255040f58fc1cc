"""Which functions use more or less CPU per request in one profile than in another.

A sample stands for some CPU seconds: 1 / rate, or what the kernel counted over the samples where that is known, which
is better on a busy machine (a thread that waits for a CPU is sampled as if it had one). Times samples, over requests,
that is CPU seconds per request. Two Poisson counts are compared:

- interval of the difference of two rates: MOVER (Zou and Donner, "Construction of confidence limits about effect
  measures: a general approach", Statistics in Medicine 27(10), 2008) from score limits of each count,
  x + z²/2 ± z √(x + z²/4);
- test: given a + b samples, a is binomial when nothing changed (Przyborowski and Wilenski, "Homogeneity of results in
  testing samples from Poisson series", Biometrika 31, 1940); both tails, the smaller one doubled;
- all functions are compared at once, so p values are corrected by Holm's method, which holds for functions that call
  one another, as these do.

Samples of one long call are not independent: a call of 100 ms at 100 Hz is seen ten times. `clumping` says how many
samples come of one call, and counts are worth that much less. `variation` is what CPU per request varies by from one
profile to the next without any change, as a share of it (a standard deviation): intervals are wider by it, and p is
that of the difference over its standard error (normal) where it is the larger one.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from scipy.special import betainc

from lab.errors import ProfileError
from lab.model import FrameChange, FrameKind, Stack, StackDifference

_Z = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A profile with what makes its counts comparable. `totals` are samples by function; see `sampled`."""

    totals: Counter[str]
    kinds: dict[str, FrameKind] = field(default_factory=dict)
    samples: int
    seconds_per_sample: float
    requests: float

    @property
    def scale_s(self) -> float:
        """The CPU seconds per request that one sample stands for."""
        return self.seconds_per_sample / self.requests


def sampled(stacks: Iterable[Stack], *, seconds_per_sample: float, requests: float) -> Sampled:
    """Count each function's samples that were not idle. Raises ProfileError without requests, or time to a sample."""
    if requests <= 0 or seconds_per_sample <= 0:
        raise ProfileError("CPU per request needs requests: take the profile while load is driven")
    totals: Counter[str] = Counter()
    kinds: dict[str, FrameKind] = {}
    samples = 0
    for stack in stacks:
        if stack.idle:
            continue
        samples += stack.count
        for words, kind in {frame.words: frame.kind for frame in stack.frames}.items():
            totals[words] += stack.count
            kinds[words] = kind
    return Sampled(
        totals=totals, kinds=kinds, samples=samples, seconds_per_sample=seconds_per_sample, requests=requests
    )


def difference(
    before: Sampled,
    after: Sampled,
    *,
    level: float = 0.05,
    min_share: float = 0.01,
    clumping: float = 1.0,
    variation: float = 0.0,
) -> StackDifference:
    """Give the functions whose CPU per request changed: p under `level`, and by `min_share` of all CPU per request.

    The smallest change to be named keeps out what is sure but does not matter.
    """
    names = sorted(before.totals.keys() | after.totals.keys())
    changes = [_change(name, before, after, clumping, variation) for name in names]
    corrected = holm([change.p for change in changes])
    total_s = max(before.samples * before.scale_s, after.samples * after.scale_s)
    found = [
        _with_p(change, p)
        for change, p in zip(changes, corrected, strict=True)
        if p < level and abs(change.change_s) >= min_share * total_s
    ]
    return StackDifference(
        before_s=before.samples * before.scale_s,
        after_s=after.samples * after.scale_s,
        before_samples=before.samples,
        after_samples=after.samples,
        changed=tuple(sorted(found, key=lambda change: (-abs(change.change_s), change.words))),
        compared=len(changes),
    )


def _change(words: str, before: Sampled, after: Sampled, clumping: float, variation: float) -> FrameChange:
    a, b = before.totals[words], after.totals[words]
    low, high = rate_difference(a, before.scale_s, b, after.scale_s, clumping=clumping, variation=variation)
    return FrameChange(
        words=words,
        kind=after.kinds.get(words) or before.kinds[words],
        before_s=a * before.scale_s,
        after_s=b * after.scale_s,
        change_s=b * after.scale_s - a * before.scale_s,
        low_s=low,
        high_s=high,
        before_samples=a,
        after_samples=b,
        p=rate_test(a, before.scale_s, b, after.scale_s, clumping=clumping, variation=variation),
    )


def _with_p(change: FrameChange, p: float) -> FrameChange:
    values = {name: getattr(change, name) for name in FrameChange.__slots__}
    return FrameChange(**{**values, "p": p})


def rate_difference(
    a: int, scale_a: float, b: int, scale_b: float, *, clumping: float = 1.0, variation: float = 0.0
) -> tuple[float, float]:
    """Bound b × scale_b - a × scale_a with 95 % confidence, a and b being Poisson counts."""
    of_machine = _Z * variation * math.hypot(a * scale_a, b * scale_b)
    low_a, mid_a, high_a = _score_limits(a / clumping)
    low_b, mid_b, high_b = _score_limits(b / clumping)
    scale_a, scale_b = scale_a * clumping, scale_b * clumping
    gap = mid_b * scale_b - mid_a * scale_a
    down = math.hypot((mid_b - low_b) * scale_b, (high_a - mid_a) * scale_a, of_machine)
    up = math.hypot((high_b - mid_b) * scale_b, (mid_a - low_a) * scale_a, of_machine)
    return gap - down, gap + up


def _score_limits(count: float) -> tuple[float, float, float]:
    half = _Z * math.sqrt(count + _Z * _Z / 4)
    return max(0.0, count + _Z * _Z / 2 - half), count, count + _Z * _Z / 2 + half


def rate_test(
    a: int, scale_a: float, b: int, scale_b: float, *, clumping: float = 1.0, variation: float = 0.0
) -> float:
    """How likely a difference as large as this one is when both rates are the same (two-sided)."""
    # counts are inversely proportional to what one of them stands for
    p = (1 / scale_a) / (1 / scale_a + 1 / scale_b)
    lower = _binomial_tail(a / clumping, b / clumping, p)
    upper = _binomial_tail(b / clumping, a / clumping, 1 - p)
    exact = min(1.0, 2 * min(lower, upper))
    if not variation:
        return exact
    before_s, after_s = a * scale_a, b * scale_b
    of_counts = clumping * (before_s * scale_a + after_s * scale_b)
    error = math.sqrt(of_counts + variation**2 * (before_s**2 + after_s**2))
    normal = math.erfc(abs(after_s - before_s) / error / math.sqrt(2)) if error else 1.0
    return max(exact, normal)


def _binomial_tail(count: float, others: float, p: float) -> float:
    """P(X <= count) of a binomial X of count + others tries: the incomplete beta function, for parts of a count too.

    (NIST Digital Library of Mathematical Functions, 8.17.5)
    """
    return float(betainc(others, count + 1, 1 - p)) if others > 0 else 1.0


def holm(values: list[float]) -> list[float]:
    """P values corrected for how many there are, in their order (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected = [1.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = highest
    return corrected
