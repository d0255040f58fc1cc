"""The steps of a stress phase and the break point that they tell, from the files of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import (
    BreakOutcome,
    BreakPoint,
    Evidence,
    Outcome,
    Phase,
    PhaseKind,
    Staircase,
    Step,
    StepOutcome,
    StepPurpose,
    Window,
)
from lab.thresholds import parse
from tests.lab.analysis.a_run import START, ARun, a_profile

STEP_S = 40.0
STAIRCASE = Staircase(
    breaks=(parse("max(response_time) < 1s"), parse("error_rate < 5%")),
    step_s=STEP_S,
    settle_s=10,
    growth=2,
    resolution=1.0,
    confirmations=1,
    max_steps=8,
)


class AStress:
    """A run of one stress phase, whose steps are given as (rate, is it bad)."""

    def __init__(self, folder: Path, steps: Sequence[tuple[float, bool]], *, staircase: Staircase = STAIRCASE) -> None:
        self.run = ARun(folder, kind=PhaseKind.STRESS, seconds=int(len(steps) * STEP_S))
        self.run.samples.clear()
        self.run.points.clear()
        self.staircase = staircase
        self.rates = [rate for rate, _ in steps]
        for number, (rate, is_bad) in enumerate(steps, 1):
            for row in self._requests(number, rate, 500 if is_bad else 200):
                self.run.samples.append(row)

    def name(self, number: int) -> str:
        return f"stress-{number:02d}"

    def begin(self, number: int) -> float:
        return (number - 1) * STEP_S

    def _requests(self, number: int, rate: float, status: int) -> Iterator[dict[str, object]]:
        for place in range(int(rate * STEP_S)):
            at_s = self.begin(number) + place / rate + 0.05
            yield self.run.request(at_s, status=status, phase=self.name(number))

    def evidence(self, expect: str = "break_point > 1") -> Evidence:
        evidence = self.run.evidence()
        phase = Phase(
            name="stress",
            kind=PhaseKind.STRESS,
            start_rate_per_s=2,
            rate_per_s=16,
            duration_s=STEP_S * 8,
            staircase=self.staircase,
        )
        plan = replace(evidence.plan, phases=(phase,), thresholds=(parse(expect),))
        return replace(
            evidence, plan=plan, steps=self._steps(), windows=self._windows(), summaries={}, truncated=self._names()
        )

    def _names(self) -> tuple[str, ...]:
        return tuple(self.name(number) for number in range(1, len(self.rates) + 1))

    def _steps(self) -> tuple[Step, ...]:
        return tuple(
            Step(
                phase="stress",
                number=number,
                rate_per_s=rate,
                duration_s=STEP_S,
                purpose=StepPurpose.CLIMB,
                drained_s=0.5,
            )
            for number, rate in enumerate(self.rates, 1)
        )

    def _windows(self) -> tuple[Window, ...]:
        return tuple(
            Window(
                phase="stress",
                kind=PhaseKind.STRESS,
                step=number,
                started_at=START + self.begin(number),
                ended_at=START + self.begin(number) + STEP_S,
                planned_rate_per_s=rate,
                achieved_rate_per_s=rate,
                k6_exit_code=0,
            )
            for number, rate in enumerate(self.rates, 1)
        )

    def found(self) -> BreakPoint:
        (found,) = analyse(self.evidence()).break_points
        return found


GOOD_BAD = [(2.0, False), (4.0, True), (2.0, False), (4.0, True)]


def test_a_confirmed_break_is_found_between_the_good_and_the_bad_rate(tmp_path: Path) -> None:
    found = AStress(tmp_path, GOOD_BAD).found()
    assert found.outcome == BreakOutcome.FOUND
    assert (found.last_good_per_s, found.first_bad_per_s) == (2, 4)
    assert (found.confirmed_good, found.confirmed_bad) == (2, 2)
    assert found.rate_per_s is not None
    assert 2 < found.rate_per_s.value < 4
    assert found.first_broken == "error_rate < 5%"
    assert found.where == "POST /login"
    assert [step.outcome for step in found.steps] == [StepOutcome.GOOD, StepOutcome.BAD] * 2
    assert found.steps[0].drained_s == 0.5


def test_a_step_that_was_driven_for_its_profile_is_no_step_of_the_search(tmp_path: Path) -> None:
    stress = AStress(tmp_path, [*GOOD_BAD, (2.0, True)])
    evidence = stress.evidence()
    *others, last = evidence.windows
    evidence = replace(evidence, windows=(*others, replace(last, kind=PhaseKind.PROFILE)))
    (found,) = analyse(evidence).break_points
    assert len(found.steps) == 4
    assert (found.outcome, found.confirmed_good) == (BreakOutcome.FOUND, 2)
    assert [check.phase for check in analyse(evidence).load] == [stress.name(number) for number in range(1, 6)]


@pytest.mark.parametrize(("begin_s", "end_s"), [(1.0, 3.0), (39.5, 39.9)])
def test_a_step_in_which_a_profiler_was_at_work_is_not_judged(begin_s: float, end_s: float, tmp_path: Path) -> None:
    stress = AStress(tmp_path, GOOD_BAD)
    stress.run.profiles = (a_profile(begin_s, end_s),)
    found = stress.found()
    assert [step.outcome for step in found.steps] == [
        StepOutcome.UNKNOWN,
        StepOutcome.BAD,
        StepOutcome.GOOD,
        StepOutcome.BAD,
    ]
    assert found.steps[0].why == "a profiler looked on"
    assert found.confirmed_good == 1


def test_what_happens_while_a_step_settles_is_not_judged(tmp_path: Path) -> None:
    stress = AStress(tmp_path, [(2.0, False)])
    stress.run.samples += [stress.run.request(5, status=500, phase="stress-01")] * 5
    assert stress.found().steps[0].outcome == StepOutcome.GOOD


def test_nothing_broken_up_to_the_ceiling_is_said_and_no_number(tmp_path: Path) -> None:
    found = AStress(tmp_path, [(2.0, False), (4.0, False), (8.0, False), (16.0, False), (16.0, False)]).found()
    assert found.outcome == BreakOutcome.NOT_BROKEN
    assert found.rate_per_s is None
    assert found.why == "nothing broke up to the ceiling of 16/s"


def test_a_break_that_was_not_repeated_is_unconfirmed(tmp_path: Path) -> None:
    found = AStress(tmp_path, GOOD_BAD[:2]).found()
    assert found.outcome == BreakOutcome.UNCONFIRMED
    assert "ended before it was confirmed" in found.why


def test_a_generator_that_began_too_few_journeys_forbids_an_answer(tmp_path: Path) -> None:
    stress = AStress(tmp_path, GOOD_BAD[:1])
    evidence = stress.evidence()
    late = replace(evidence.windows[0], achieved_rate_per_s=1.0)
    (found,) = analyse(replace(evidence, windows=(late,))).break_points
    assert found.outcome == BreakOutcome.INVALID
    assert "k6 began 20 journeys where 40 were due" in found.why


def test_dropped_journeys_break_a_step_and_are_counted(tmp_path: Path) -> None:
    stress = AStress(tmp_path, GOOD_BAD[:1])
    stress.run.points.append(stress.run.point(20, "dropped_iterations", 3, phase="stress-01"))
    (step,) = stress.found().steps
    assert (step.outcome, step.dropped_iterations) == (StepOutcome.BAD, 3)
    assert step.missed == ("max(response_time) < 1s",)


def test_a_step_that_cannot_be_judged_says_why(tmp_path: Path) -> None:
    demanding = replace(STAIRCASE, breaks=(parse("p95(response_time) < 1s"),))
    found = AStress(tmp_path, [(2.0, False)], staircase=demanding).found()
    assert found.outcome == BreakOutcome.INVALID
    assert "p95 needs 200 values, and there are 60" in found.why


def test_the_fullest_resource_is_the_bottleneck(tmp_path: Path) -> None:
    stress = AStress(tmp_path, GOOD_BAD)
    stress.run.processes = [
        row for second in range(161) for row in stress.run.process(second, "backend", cores=0.95)
    ] + [row for second in range(161) for row in stress.run.process(second, "ai_core", cores=0.2)]
    evidence = replace(stress.evidence(), service_cores={"backend": 1.0, "ai_core": 3.0})
    (found,) = analyse(evidence).break_points
    assert found.bottleneck == "CPU of backend"
    assert found.saturated[0].used == pytest.approx(0.95)
    assert found.saturated[0].limit == "1 cores"


def test_where_nothing_was_full_no_resource_is_blamed(tmp_path: Path) -> None:
    assert AStress(tmp_path, GOOD_BAD).found().bottleneck.startswith("nothing that was watched was full")


@pytest.mark.parametrize(
    ("steps", "expect", "outcome"),
    [
        (GOOD_BAD, "break_point > 1", Outcome.PASSED),
        (GOOD_BAD, "break_point > 10", Outcome.FAILED),
        ([(16.0, False), (16.0, False)], "break_point > 10", Outcome.PASSED),
        ([(16.0, False), (16.0, False)], "break_point > 20", Outcome.INVALID),
        (GOOD_BAD[:2], "break_point > 1", Outcome.INVALID),
    ],
)
def test_a_break_point_is_held_against_its_limit(
    steps: list[tuple[float, bool]], expect: str, outcome: Outcome, tmp_path: Path
) -> None:
    evidence = AStress(tmp_path, steps).evidence(expect)
    (finding,) = judge(analyse(evidence), evidence.plan).findings
    assert finding.outcome == outcome
