"""What benchmarks say of a few values: their mean, and how far it may be from the true one."""

import statistics

from scipy import stats


def interval(values: list[float]) -> tuple[float, float, float]:
    """Give the mean of some values and its 95 % interval (Student's t); two values at least."""
    mean = statistics.fmean(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=stats.sem(values))
    return mean, float(low), float(high)
