"""How much figures differ on this machine when nothing has changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFigure:
    """One figure over the repeats: its mean, and the smallest change between two runs that is more than noise.

    `smallest_change` is a ratio of the mean: at 95 %, two runs of which nothing differs differ by less.
    """

    name: str
    unit: str
    mean: float
    variation: float
    smallest_change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The noise of a machine, as `repeats` of the same `duration_s` at `rate_per_s` showed it at `measured_at`."""

    run_id: str
    measured_at: float
    scenario: str
    rate_per_s: float
    duration_s: float
    repeats: int
    figures: tuple[NoiseFigure, ...]
