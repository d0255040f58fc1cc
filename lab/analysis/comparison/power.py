"""What a comparison can find, and how many pairs of runs would find what is looked for.

Power is that of Student's t (noncentral t; Cohen, "Statistical Power Analysis for the Behavioral Sciences", chapter 2).
The spread from pair to pair is itself known from a few pairs only, so pairs are asked for as if it were its upper 80 %
confidence bound (Browne, "On the use of a pilot sample for sample size determination", Statistics in Medicine 14,
1995): with the estimate itself, every second plan would be too short.
"""

import math

from scipy.special import gammaincinv, nctdtrinc, stdtrit

from lab.analysis.comparison.contrast import NORMAL, Contrast

LEAST_PAIRS = 4
"""Fewer pairs say next to nothing about their own spread."""

_MOST_PAIRS = 1000
_MISSED = 0.05
_ASSURANCE = 0.8
_Z95, _Z975 = 1.644854, 1.959964


def detectable(found: Contrast, alpha: float) -> float:
    """Give the smallest true difference whose interval (missing in `alpha` of cases) excludes 0 in 95 of 100."""
    return _noncentrality(found.freedom, alpha) * found.error


def pairs_wanted(found: Contrast, alpha: float, *, effect: float, look_for: float) -> int | None:
    """Give how many pairs would tell, or None where a thousand would not.

    In 95 of 100 comparisons they find a true difference of `look_for`, at least `effect` of it, and where there is
    none, show in as many that none of `look_for` is there. Only the spread decides, never the difference that was seen.
    """
    spread = found.spread * _doubt(found.spread_freedom)
    for pairs in range(LEAST_PAIRS, _MOST_PAIRS + 1):
        error, freedom = spread / math.sqrt(pairs), pairs - 1
        reach = max(_noncentrality(freedom, alpha), float(stdtrit(freedom, 1 - alpha / 2)) + _Z975)
        if reach * error <= look_for and effect + _Z95 * error <= look_for:
            return pairs
    return None


def _noncentrality(freedom: float, alpha: float) -> float:
    """Give how many standard errors a difference must have to be found in 95 of 100 cases."""
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    if freedom >= NORMAL:
        return critical + _Z95
    return float(nctdtrinc(freedom, _MISSED, critical))


def _doubt(freedom: float) -> float:
    """Give the upper confidence bound of a standard deviation, over its estimate."""
    if freedom >= NORMAL:
        return 1.0
    return math.sqrt(freedom / float(2 * gammaincinv(freedom / 2, 1 - _ASSURANCE)))
