"""How many samples come of one event, so that counts are worth that much less (see lab/analysis/stack_diff.py).

- A call that is seen m times in the mean: counts of samples that fall at random over calls of one length vary as if
  they came 1 + m at a time (a compound Poisson process, E[n²] / E[n]).
- A thread that waits for a CPU is seen again and again at one place. Looks beyond those that its CPU time is good for
  tell nothing new: with `rate` looks a second, CPU seconds × rate. `benchmarks/profile_diff.py` shows what that does.
"""

from collections.abc import Sequence

from lab.analysis.hot_code import active_samples, route_times, samples_per_call
from lab.model import LoadMeanwhile, Profile, Stack


def clumping_of(profile: Profile, stacks: Sequence[Stack], load: LoadMeanwhile) -> float:
    """Give how many samples of a profile come of one event in the mean; 1 where each is one of its own.

    Calls are known only of routes that show on stacks, and waits only where the kernel counted CPU.
    """
    calls = samples_per_call(route_times(stacks, load, seconds_per_sample=None))
    return max(1.0, waiting_ratio(profile, stacks)) + calls


def waiting_ratio(profile: Profile, stacks: Sequence[Stack]) -> float:
    """Give how many times as often threads were seen active as they had a CPU; 1 where that is not known."""
    looks = profile.cpu_s * profile.rate_hz
    return active_samples(stacks) / looks if looks > 0 else 1.0
