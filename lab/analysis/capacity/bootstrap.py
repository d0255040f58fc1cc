"""Which slices are drawn again to give an interval: blocks of neighbours, since neighbours are alike.

Source: Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of Statistics 17, 1989
(moving blocks).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lab.analysis.quantiles import Floats
from lab.model import Estimate

DRAWS = 300
_LEVEL = (0.025, 0.975)


def block_draws(count: int, *, draws: int = DRAWS, seed: int = 14) -> Iterator[npt.NDArray[np.int64]]:
    """Give the places of slices for each draw; blocks are as long as the cube root of the count."""
    random = np.random.default_rng(seed)
    length = max(round(count ** (1 / 3)), 1)
    blocks = -(-count // length)
    for _ in range(draws):
        begins = random.integers(0, count, blocks)
        places: npt.NDArray[np.int64] = ((begins[:, None] + np.arange(length)[None, :]) % count).ravel()[:count]
        yield places


def interval(value: float, drawn: Floats) -> Estimate:
    """Give a value with the interval between the 2.5 % and the 97.5 % quantile of what was drawn."""
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return Estimate(value=value, low=value, high=value)
    low, high = np.quantile(finite, _LEVEL)
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
