"""What a report says of stress phases: the break point, and each step on the way to it."""

from lab.model import BreakOutcome, BreakPoint, Outcome, Report, StepOutcome, StepResult
from lab.report.figures import estimate_in_unit, in_unit, per_s, percent
from lab.report.section import Section

_MARKS = {StepOutcome.GOOD: Outcome.PASSED, StepOutcome.BAD: Outcome.FAILED}
_STEPS = ("", ">step", ">planned", ">achieved", ">dropped", ">drained", "purpose", "what was seen")
_FULLEST = 5


def sections(report: Report) -> tuple[Section, ...]:
    """Give, per stress phase, the break point with its resources, and the steps."""
    found = report.analysis.break_points
    return tuple(section for point in found for section in (_answer(point), _steps(point, report)))


def sentence(point: BreakPoint) -> str:
    """Give the break point in one sentence."""
    if point.outcome != BreakOutcome.FOUND or point.rate_per_s is None:
        return f"no break point: {point.why}"
    return f"breaks at {estimate_in_unit(point.rate_per_s, 'per_s')}"


def _answer(point: BreakPoint) -> Section:
    rows = [("break point", sentence(point))]
    if point.last_good_per_s is not None:
        rows.append(("last good step", f"{per_s(point.last_good_per_s)}/s, good {point.confirmed_good} times"))
    if point.first_bad_per_s is not None:
        rows.append(("first bad step", f"{per_s(point.first_bad_per_s)}/s, bad {point.confirmed_bad} times"))
        rows.append(("first broken", f"{point.first_broken}, worst at {point.where}"))
        rows.append(("bottleneck", point.bottleneck))
    for each in point.saturated[:_FULLEST]:
        before = f", {percent(each.used_before)} before" if each.used_before is not None else ""
        rows.append((each.resource, f"{percent(each.used)} of {each.limit}{before}"))
    return Section(title=f"Break point ({point.phase})", columns=("", ""), rows=tuple(rows))


def _steps(point: BreakPoint, report: Report) -> Section:
    units = {
        threshold.text: threshold.unit
        for phase in report.plan.phases
        if phase.staircase is not None
        for threshold in phase.staircase.breaks
    }
    return Section(
        title=f"Steps ({point.phase}), in requests per second",
        columns=_STEPS,
        rows=tuple(_step(result, units) for result in point.steps),
        marks=tuple(_MARKS.get(result.outcome, Outcome.INVALID) for result in point.steps),
        note="dropped: journeys that found no VU; drained: seconds until nothing waited before the step.",
    )


def _step(result: StepResult, units: dict[str, str]) -> tuple[str, ...]:
    seen = [
        f"{each.threshold}: {in_unit(each.observed.value, units[each.threshold])}"
        for each in result.seen
        if each.observed is not None and (each.threshold in result.missed or not result.missed)
    ]
    return (
        result.outcome,
        str(result.step),
        per_s(result.rate_per_s),
        per_s(result.achieved_rate_per_s),
        str(result.dropped_iterations),
        "–" if result.drained_s is None else f"{result.drained_s:.1f}",
        result.purpose,
        result.why or ("; ".join(seen) if result.missed else seen[0] if seen else ""),
    )
