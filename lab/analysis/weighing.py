"""Which doubts forbid a verdict: what is usual, and what a plan says against it."""

from dataclasses import replace

from lab.model import Doubt, Guards


def as_planned(guards: Guards, *doubts: Doubt) -> tuple[Doubt, ...]:
    """Give the doubts with what the plan says of their kinds."""
    return tuple(_weighed(doubt, guards) for doubt in doubts)


def _weighed(doubt: Doubt, guards: Guards) -> Doubt:
    if doubt.kind in guards.invalidating:
        return replace(doubt, invalidates=True)
    return replace(doubt, invalidates=False) if doubt.kind in guards.tolerated else doubt
