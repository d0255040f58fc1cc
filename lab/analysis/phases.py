"""Which phases of a plan are judged, and by what."""

from lab.model import UNJUDGED, Phase, PhaseKind, Plan, Threshold

SHEDDING = (PhaseKind.STRESS, PhaseKind.SPIKE)
"""Kinds in which the load may outgrow the system, the machine it lives on, and what k6 can keep open.

There a missed rate, dropped iterations and a busy machine are what is looked for: doubts that forbid no verdict.
"""

_ONLY_IF_NAMED = (PhaseKind.RAMP, PhaseKind.SPIKE, PhaseKind.STRESS)
_ABOUT = {"recovery_time": (PhaseKind.SPIKE,), "break_point": (PhaseKind.STRESS,)}
"""Results that only phases of some kinds have."""


def watched(plan: Plan) -> tuple[Phase, ...]:
    """Give the phases whose load and telemetry must be whole: all that are judged."""
    return tuple(phase for phase in plan.phases if phase.kind not in UNJUDGED)


def judged_by(threshold: Threshold, plan: Plan) -> tuple[Phase, ...]:
    """Give the phases that a threshold is held against: those it names, else those that it can be about.

    Results of spikes and of stress phases are about these; everything else is about phases whose rate is moderate and
    steady. What grows is about soaks, or, where a plan has none, about those phases too.
    """
    if threshold.phases:
        return tuple(phase for phase in plan.phases if phase.name in threshold.phases)
    if threshold.metric in _ABOUT:
        return tuple(phase for phase in plan.phases if phase.kind in _ABOUT[threshold.metric])
    steady = tuple(phase for phase in watched(plan) if phase.kind not in _ONLY_IF_NAMED)
    soaks = tuple(phase for phase in steady if phase.kind == PhaseKind.SOAK)
    return soaks or steady if threshold.statistic == "growth" else steady
