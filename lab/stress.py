"""Drives a stress phase: step after step, each judged when it has ended, until the break point is known.

What is decided is pure (`lab.analysis.staircase`, `lab.analysis.steps`); here it is done and recorded.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.analysis.looks import again, sides, usable
from lab.analysis.points import read_points
from lab.analysis.samples import read_samples
from lab.analysis.staircase import Next, next_step, staircase_of
from lab.analysis.steps import as_phase, judge_step, step_length_s, trials
from lab.analysis.values import Load
from lab.collectors.backlog import Backlog
from lab.driving import Driver
from lab.load.k6_samples import convert
from lab.model import Moment, Phase, Step, StepOutcome, StepResult, Window

_MOST_UNJUDGED = 2
"""How many steps without a judgement end the search: what forbids it will not go away by repeating."""


def drive_steps(phase: Phase, driver: Driver, backlog: Backlog) -> None:
    """Drive the steps of a stress phase that are still to be driven, and record each before and after it.

    Steps that an earlier attempt at the run has driven count. What the plan asks to be profiled is driven again at the
    end, or else in the place of a step that repeats one. Raises what `Driver.drive` raises.
    """
    results = _driven_before(phase, driver)
    while _unjudged(results) < _MOST_UNJUDGED:
        tried = trials(results)
        following = next_step(phase, tried)
        if following is None:
            break
        moment = (
            None if driver.plan.profiling.repeat else usable(following, phase, tried, done=_profiled(phase, driver))
        )
        if moment is not None:
            _profile(moment, following.rate_per_s, phase, driver, backlog)
            continue
        step = _recorded(following, phase, driver, backlog)
        window = driver.drive(as_phase(step, phase), of=phase, step=step.number)
        results.append(_judge(step, window, phase, driver))
    if driver.plan.profiling.repeat:
        for moment, rate_per_s in sides(phase, trials(results)).items():
            if moment not in _profiled(phase, driver):
                _profile(moment, rate_per_s, phase, driver, backlog)


def _unjudged(results: Sequence[StepResult]) -> int:
    return sum(result.outcome in (StepOutcome.UNKNOWN, StepOutcome.GENERATOR) for result in results)


def _recorded(following: Next, phase: Phase, driver: Driver, backlog: Backlog) -> Step:
    step = Step(
        phase=phase.name,
        number=driver.next_number(phase),
        rate_per_s=following.rate_per_s,
        duration_s=step_length_s(staircase_of(phase), following.rate_per_s),
        purpose=following.purpose,
        drained_s=_drained_s(phase, driver, backlog),
    )
    driver.record(step)
    return step


def _profile(moment: Moment, rate_per_s: float, phase: Phase, driver: Driver, backlog: Backlog) -> None:
    stretch = again(moment, rate_per_s, driver.plan.profiling, settle_s=staircase_of(phase).settle_s)
    driver.drive_again(phase, stretch, drained_s=_drained_s(phase, driver, backlog))


def _drained_s(phase: Phase, driver: Driver, backlog: Backlog) -> float | None:
    return backlog.drain(timeout_s=staircase_of(phase).drain_s) if driver.target.backlog else None


def _profiled(phase: Phase, driver: Driver) -> list[Moment]:
    return [step.moment for step in driver.run.steps() if step.phase == phase.name and step.moment is not None]


def _driven_before(phase: Phase, driver: Driver) -> list[StepResult]:
    """Judge the steps whose windows are recorded; one that was cut off has none, and is forgotten with its output."""
    driver.forget_cut_off(phase)
    windows = {window.name: window for window in driver.run.windows()}
    done = [step for step in driver.run.steps() if step.phase == phase.name and step.moment is None]
    return [_judge(step, windows[step.name], phase, driver) for step in done]


def _judge(step: Step, window: Window, phase: Phase, driver: Driver) -> StepResult:
    with tempfile.TemporaryDirectory(prefix="judge-", dir=driver.run.path) as folder:
        load = _load_of(step.name, Path(folder), driver)
        return judge_step(step, window, phase, load, driver.plan.guards)


def _load_of(name: str, folder: Path, driver: Driver) -> Load:
    samples, points = folder / "samples.parquet", folder / "points.parquet"
    convert(driver.run.load, [name], samples, points)
    return Load(
        samples=read_samples(samples),
        points=read_points(points),
        scenario=driver.scenario,
        deadline_s=driver.plan.journeys.deadline_s,
    )
