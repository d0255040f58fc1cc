"""Universal Scalability Laws as a run has them, from points that obey one."""

import numpy as np

from lab.analysis.capacity.scalability import fit_scalability, throughput
from lab.model import Scalability
from tests.lab.analysis.capacity.a_slice import a_slice

_JOURNEYS = np.array([0.5, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 40, 50, 60])


def a_law(*, most: float = 60, contention: float = 0.03, coherency: float = 0.001) -> Scalability:
    """Give a law fitted to what is under way up to `most`; without contention and coherency it is refused."""
    n = _JOURNEYS[most >= _JOURNEYS]
    x = throughput(n, 12.0, contention, coherency) * (1 + 0.03 * np.cos(7 * n))
    pairs = zip(n.tolist(), x.tolist(), strict=True)
    return fit_scalability([a_slice(rate, concurrency=under_way, goodput_per_s=rate) for under_way, rate in pairs])
