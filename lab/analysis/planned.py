"""What a phase asked for between any two of its moments."""

from collections.abc import Sequence

from lab.model import Stage


def requests_between(stages: Sequence[Stage], begin_s: float, end_s: float) -> float:
    """Give the area under the rate between two moments, in seconds after the first stage's begin."""
    return requests_until(stages, end_s) - requests_until(stages, begin_s)


def requests_until(stages: Sequence[Stage], second: float) -> float:
    """Give the area under the rate from the first stage's begin; nothing is asked for before it or after the last."""
    area = 0.0
    for stage in stages:
        part_s = min(max(second, 0.0), stage.duration_s)
        slope = (stage.to_rate_per_s - stage.from_rate_per_s) / stage.duration_s
        area += part_s * (stage.from_rate_per_s + slope * part_s / 2)
        second -= part_s
    return area
