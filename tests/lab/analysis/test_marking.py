"""Good, bad or not to be told: what the runs of a commit say about a target."""

import numpy as np
import pytest

from lab.analysis.marking import CONFIDENCE, MAX_RUNS, START_SPREAD, pooled, told_by
from lab.model import Estimate, Mark, Observation, Outcome, TrialRun
from lab.thresholds import parse

P95 = parse("p95(http_req_duration) < 300ms")


def an_estimate(value: float, error: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value * (1 - error), high=value * (1 + error))


def a_run(value: float | None, *, phase: str = "steady", outcome: Outcome | None = None, **of: object) -> TrialRun:
    return TrialRun(run_id="run", observations=(an_observation(value, phase=phase, outcome=outcome),), **of)  # type: ignore[arg-type]


def an_observation(value: float | None, *, phase: str = "steady", outcome: Outcome | None = None) -> Observation:
    return Observation(
        threshold=P95.text,
        phase=phase,
        started_at=0.0,
        ended_at=10.0,
        count=40,
        observed=None if value is None else an_estimate(value),
        why="" if value is not None else "p95 needs 200 values, and there are 40",
        outcome=outcome,
    )


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ((0.1,), Mark.GOOD),
        ((0.9,), Mark.BAD),
        ((0.3,), None),
        ((0.28, 0.31), None),
        # each alone lies too close to the limit, all of them do not
        ((0.26,), None),
        ((0.26,) * 5, Mark.GOOD),
        ((0.345,), None),
        ((0.345,) * 5, Mark.BAD),
        # four of five are below the limit, and by how much the fifth is above it says that they cannot be trusted
        ((0.28, 0.28, 0.28, 0.28, 0.9), None),
    ],
)
def test_a_commit_is_told_by_the_mean_of_its_runs(values: tuple[float, ...], mark: Mark | None) -> None:
    told = told_by(P95, [a_run(value) for value in values])
    assert told.mark == mark
    assert bool(told.why) == (mark is None)
    assert told.figures[0].name == "p95(http_req_duration) in steady"


def test_a_target_turned_round_is_met_above_its_limit() -> None:
    slower = parse("p95(http_req_duration) > 300ms")
    assert told_by(slower, [a_run(0.9)]).mark == Mark.GOOD
    assert told_by(slower, [a_run(0.1)]).mark == Mark.BAD


def test_it_is_bad_where_one_phase_misses_and_good_where_all_of_them_keep() -> None:
    def both(first: float, second: float) -> Mark | None:
        seen = (an_observation(first, phase="one"), an_observation(second, phase="two"))
        return told_by(P95, [TrialRun(run_id="run", observations=seen)]).mark

    assert both(0.1, 0.1) == Mark.GOOD
    assert both(0.1, 0.9) == Mark.BAD
    assert both(0.3, 0.9) == Mark.BAD
    assert both(0.3, 0.1) is None


def test_a_run_that_no_verdict_can_be_given_on_tells_nothing() -> None:
    told = told_by(P95, [a_run(0.9, unusable="the machine was busy")])
    assert (told.mark, told.why, told.is_hopeless) == (None, "no run can be used", False)


def test_a_run_that_fell_behind_its_load_counts_where_it_misses_all_the_same() -> None:
    assert told_by(P95, [a_run(0.9, fell_behind=True)]).mark == Mark.BAD
    told = told_by(P95, [a_run(0.1, fell_behind=True)])
    assert (told.mark, told.why) == (None, "less load began than was planned, in every run")
    assert told_by(P95, [a_run(0.1), a_run(0.1, fell_behind=True)]).mark == Mark.GOOD


def test_too_few_requests_for_a_percentile_are_too_few_in_every_run() -> None:
    told = told_by(P95, [a_run(None)])
    assert told.mark is None
    assert told.is_hopeless
    assert told.why == "steady: p95 needs 200 values, and there are 40"


def test_a_target_that_saw_no_phase_is_hopeless_too() -> None:
    assert told_by(P95, [TrialRun(run_id="run")]).is_hopeless


def test_none_at_all_is_met_by_seeing_none() -> None:
    nothing_failed = parse("rate(http_req_failed) <= 0%")
    assert told_by(nothing_failed, [TrialRun(run_id="run", observations=(a_rate(0.0),))]).mark == Mark.GOOD
    assert told_by(nothing_failed, [TrialRun(run_id="run", observations=(a_rate(0.1),))]).mark == Mark.BAD


def a_rate(value: float) -> Observation:
    observed = Estimate(value=value, low=max(0.0, value - 0.01), high=value + 0.01)
    return Observation(
        threshold="rate(http_req_failed) <= 0%",
        phase="steady",
        started_at=0.0,
        ended_at=10.0,
        count=400,
        observed=observed,
    )


@pytest.mark.parametrize(
    ("outcomes", "mark"),
    [
        ((Outcome.PASSED,), Mark.GOOD),
        ((Outcome.FAILED, Outcome.INVALID), Mark.BAD),
        ((Outcome.PASSED, Outcome.FAILED), None),
        ((Outcome.INVALID,), None),
    ],
)
def test_results_that_know_their_outcome_are_told_where_all_agree(
    outcomes: tuple[Outcome, ...], mark: Mark | None
) -> None:
    assert told_by(P95, [a_run(None, outcome=outcome) for outcome in outcomes]).mark == mark


def test_an_interval_narrows_with_runs_and_widens_with_their_spread() -> None:
    def width(*values: float) -> float:
        found = pooled([an_estimate(value) for value in values], is_scaled=True)
        return found.high / found.low

    assert width(0.3, 0.3, 0.3) < width(0.3, 0.3) < width(0.3)
    assert width(0.2, 0.3, 0.45) > width(0.3, 0.3, 0.3)


def test_values_that_reach_to_nothing_are_pooled_as_they_are() -> None:
    found = pooled([Estimate(value=0.0, low=0.0, high=0.02), an_estimate(0.01)], is_scaled=True)
    assert found.value == pytest.approx(0.005)
    assert found.low < 0 < found.high


def test_a_commit_close_to_the_limit_is_seldom_told_to_be_on_its_other_side() -> None:
    rng = np.random.default_rng(8)
    truth, error, trials, wrong = 0.297, 0.03, 400, 0
    for _ in range(trials):
        runs: list[TrialRun] = []
        mark = None
        while mark is None and len(runs) < MAX_RUNS:
            started = truth * np.exp(rng.normal(0, START_SPREAD))
            seen = float(started * np.exp(rng.normal(0, error)))
            estimate = Estimate(value=seen, low=seen * np.exp(-1.96 * error), high=seen * np.exp(1.96 * error))
            observation = Observation(
                threshold=P95.text, phase="steady", started_at=0.0, ended_at=10.0, count=400, observed=estimate
            )
            runs.append(TrialRun(run_id="run", observations=(observation,)))
            mark = told_by(P95, runs).mark
        wrong += mark == Mark.BAD
    assert wrong / trials <= MAX_RUNS * (1 - CONFIDENCE) / 2
