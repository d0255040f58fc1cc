"""Which phases of a plan are judged, and by what."""

from lab.model import Phase, PhaseKind, Plan, Threshold

_NEVER = (PhaseKind.WARMUP,)
_ONLY_IF_NAMED = (PhaseKind.RAMP,)


def watched(plan: Plan) -> tuple[Phase, ...]:
    """Give the phases whose load and telemetry must be whole: all but the warm-ups."""
    return tuple(phase for phase in plan.phases if phase.kind not in _NEVER)


def judged_by(threshold: Threshold, plan: Plan) -> tuple[Phase, ...]:
    """Give the phases that a threshold is held against: those it names, else all that are no warm-up and no ramp."""
    if threshold.phases:
        return tuple(phase for phase in plan.phases if phase.name in threshold.phases)
    return tuple(phase for phase in watched(plan) if phase.kind not in _ONLY_IF_NAMED)
