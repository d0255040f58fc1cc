"""The steps of a stress phase: how each of them ended, judged alike while load is driven and from disk."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lab.analysis.staircase import Trial
from lab.analysis.values import Load, needed_values, statistic_of, values_of
from lab.model import (
    Guards,
    Observation,
    Phase,
    PhaseKind,
    Staircase,
    Step,
    StepOutcome,
    StepPurpose,
    StepResult,
    Threshold,
    Window,
)
from lab.thresholds import holds

_SPARE = 1.3
"""How many times the values that a percentile needs a step is made for, since journeys do not come evenly."""


def step_length_s(staircase: Staircase, rate_per_s: float) -> float:
    """Give how long a step must last at a rate: the plan's length, or what its percentiles need after settling."""
    needed_s = staircase.settle_s + _SPARE * needed_values(staircase.breaks) / rate_per_s
    return max(staircase.step_s, float(np.ceil(needed_s)))


def as_phase(step: Step, phase: Phase) -> Phase:
    """Give a step as a phase of its own, at a constant rate; what is driven to be profiled is of that kind."""
    return replace(
        phase,
        name=step.name,
        kind=PhaseKind.PROFILE if step.purpose == StepPurpose.PROFILE else phase.kind,
        rate_per_s=step.rate_per_s,
        duration_s=step.duration_s,
        start_rate_per_s=None,
        surge=None,
    )


def judge_step(step: Step, window: Window, phase: Phase, load: Load, guards: Guards) -> StepResult:
    """Hold what was due in a step, after it had settled, against what the phase breaks at."""
    assert phase.staircase is not None, "a stress phase has a staircase"
    started_at = min(window.started_at + phase.staircase.settle_s, window.ended_at)
    seen = tuple(_see(threshold, window, started_at, load) for threshold in phase.staircase.breaks)
    missed = tuple(
        each.threshold
        for each, threshold in zip(seen, phase.staircase.breaks, strict=True)
        if each.observed is not None and not holds(threshold, each.observed.value)
    )
    outcome, why = _outcome(seen, missed, window, load, guards)
    return StepResult(
        phase=step.phase,
        step=step.number,
        purpose=step.purpose,
        rate_per_s=step.rate_per_s,
        achieved_rate_per_s=window.achieved_rate_per_s,
        started_at=started_at,
        ended_at=window.ended_at,
        outcome=outcome,
        seen=seen,
        missed=missed,
        dropped_iterations=_dropped(window, load),
        drained_s=step.drained_s,
        why=why,
    )


def _see(threshold: Threshold, window: Window, started_at: float, load: Load) -> Observation:
    values = values_of(threshold, window.name, load).between(started_at, window.ended_at).values
    observed, why = statistic_of(threshold, values)
    return Observation(
        threshold=threshold.text,
        phase=window.phase,
        started_at=started_at,
        ended_at=window.ended_at,
        count=len(values),
        observed=observed,
        why=why,
    )


def _dropped(window: Window, load: Load) -> int:
    return round(float(load.points.value[load.points.of("dropped_iterations", window.name)].sum()))


def _outcome(
    seen: Sequence[Observation], missed: Sequence[str], window: Window, load: Load, guards: Guards
) -> tuple[StepOutcome, str]:
    late = _generator_fault(window, load, guards)
    if late:
        return StepOutcome.GENERATOR, late
    if missed:
        return StepOutcome.BAD, ""
    unseen = [f"{each.threshold}: {each.why}" for each in seen if each.observed is None]
    if unseen:
        return StepOutcome.UNKNOWN, "; ".join(unseen)
    return StepOutcome.GOOD, ""


def _generator_fault(window: Window, load: Load, guards: Guards) -> str:
    """Say why k6 did not offer the load of a step, "" where it did.

    Journeys that it dropped are not missing: it was there to begin them, and every VU was waiting for the system.
    """
    per_request = 1 / load.scenario.requests_per_journey
    duration_s = window.ended_at - window.started_at
    planned = window.planned_rate_per_s * per_request * duration_s
    begun = window.achieved_rate_per_s * per_request * duration_s + _dropped(window, load)
    rounding = max(1, len(load.scenario.mix))
    if planned - begun > guards.rate_tolerance * planned + rounding:
        return f"k6 began {begun:.0f} journeys where {planned:.0f} were due, and dropped none of the others"
    return ""


def trials(results: Sequence[StepResult]) -> tuple[Trial, ...]:
    """Give the steps that were judged good or bad, for the search."""
    judged = (StepOutcome.GOOD, StepOutcome.BAD)
    return tuple(
        Trial(result.rate_per_s, result.outcome == StepOutcome.BAD) for result in results if result.outcome in judged
    )
