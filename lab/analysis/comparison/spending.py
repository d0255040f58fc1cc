"""Looking at a comparison before it ends, without more false alarms.

Lan and DeMets ("Discrete sequential boundaries for clinical trials", Biometrika 70, 1983) let each look spend a part of
the error rate; the parts are those of O'Brien and Fleming, which spend next to nothing early, so that the last look
keeps almost all. Each look is judged at its own part alone, as if looks had nothing in common (Bonferroni): they have
much in common, so the true error rate is below what is stated.
"""

import math
from collections.abc import Sequence

from scipy.special import ndtr, ndtri

from lab.analysis.comparison.power import LEAST_PAIRS


def nominal_alphas(looks: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Give the error rate at which each look is judged; `looks` are the pairs at each, rising, the last being all."""
    total = looks[-1]
    spent = [_spent(look / total, alpha) for look in looks]
    return tuple(now - before for now, before in zip(spent, [0.0, *spent[:-1]], strict=True))


def looks_for(pairs: int) -> tuple[int, ...]:
    """Give after how many pairs to look, of `pairs` in all: about half, three quarters, and all of them."""
    looks = {max(math.ceil(pairs * part), LEAST_PAIRS) for part in (0.5, 0.75, 1.0)}
    return tuple(sorted(look for look in looks if look <= pairs)) or (pairs,)


def _spent(part: float, alpha: float) -> float:
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(part)))
