"""Which moments of a phase can be profiled, and whether its profiles find room in it."""

from collections.abc import Sequence

from lab.model import Moment, PhaseKind

_OF_KIND = {PhaseKind.STRESS: (Moment.GOOD, Moment.BREAK), PhaseKind.SPIKE: (Moment.TOP, Moment.HEAP)}
_OF_OTHERS = (Moment.START, Moment.MIDDLE, Moment.END, Moment.HEAP)
_WITHIN = (Moment.START, Moment.MIDDLE, Moment.END)
ROOM_S = 5.0
"""What is left between two profiles of a phase, and before the first and after the last one."""


def moment_problems(kind: PhaseKind, asked: Sequence[Moment], *, duration_s: float, cpu_s: float) -> list[str]:
    """Say what is wrong with the moments that a phase asks for; `duration_s` is its length, `cpu_s` a profile's."""
    known = _OF_KIND.get(kind, _OF_OTHERS)
    problems = [
        f"profile: a {kind} has no moment {moment.value!r} (it has: {', '.join(known)})"
        for moment in asked
        if moment not in known
    ]
    within = [moment for moment in asked if moment in _WITHIN]
    needed_s = len(within) * (cpu_s + ROOM_S) + ROOM_S
    if within and not problems and needed_s > duration_s:
        problems.append(
            f"profile: {len(within)} of {cpu_s:g} s do not find room in {duration_s:g} s, {needed_s:g} s would do; "
            "name fewer, or lower profiling.cpu_s"
        )
    return problems
