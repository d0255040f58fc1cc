"""Drives a stress phase: step after step, each judged when it has ended, until the break point is known.

What is decided is pure (`lab.analysis.staircase`, `lab.analysis.steps`); here it is done and recorded.
"""

import tempfile
from pathlib import Path

from lab.analysis.points import read_points
from lab.analysis.samples import read_samples
from lab.analysis.staircase import next_step
from lab.analysis.steps import as_phase, judge_step, step_length_s, trials
from lab.analysis.values import Load
from lab.collectors.backlog import Backlog
from lab.driving import Driver
from lab.load.k6_samples import convert, output_of
from lab.model import Phase, Step, StepOutcome, StepResult, Window

_MOST_UNJUDGED = 2
"""How many steps without a judgement end the search: what forbids it will not go away by repeating."""


def drive_steps(phase: Phase, driver: Driver, backlog: Backlog) -> None:
    """Drive the steps of a stress phase that are still to be driven, and record each before and after it.

    Steps that an earlier attempt at the run has driven count. Raises what `Driver.drive` raises.
    """
    results = _driven_before(phase, driver)
    while sum(result.outcome in (StepOutcome.UNKNOWN, StepOutcome.GENERATOR) for result in results) < _MOST_UNJUDGED:
        following = next_step(phase, trials(results))
        if following is None:
            return
        assert phase.staircase is not None
        rate_per_s = following.rate_per_s
        step = Step(
            phase=phase.name,
            number=len(results) + 1,
            rate_per_s=rate_per_s,
            duration_s=step_length_s(phase.staircase, rate_per_s),
            purpose=following.purpose,
            drained_s=backlog.drain(timeout_s=phase.staircase.drain_s) if driver.target.backlog else None,
        )
        _record(step, driver)
        window = driver.drive(as_phase(step, phase), of=phase, step=step.number)
        results.append(_judge(step, window, phase, driver))


def _record(step: Step, driver: Driver) -> None:
    others = [other for other in driver.run.steps() if other.name != step.name]
    driver.run.write_steps([*others, step])


def _driven_before(phase: Phase, driver: Driver) -> list[StepResult]:
    """Judge the steps whose windows are recorded; one that was cut off has none, and is forgotten with its output."""
    windows = {window.name: window for window in driver.run.windows()}
    steps = driver.run.steps()
    cut_off = [step for step in steps if step.phase == phase.name and step.name not in windows]
    for step in cut_off:
        output_of(driver.run.load, step.name).unlink(missing_ok=True)
    driver.run.write_steps([step for step in steps if step not in cut_off])
    done = [step for step in steps if step.phase == phase.name and step.name in windows]
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
