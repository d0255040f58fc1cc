"""Targets as they are typed, and what a run's report tells of one."""

from dataclasses import replace

import pytest

from lab.bisecting.by_target import ByTarget, read_target
from lab.bisecting.reading import read_run
from lab.errors import CommitError, ConfigError
from lab.model import Commit, Doubt, DoubtKind, Mark, Report, Trial, TrialRun
from tests.lab.bisecting.a_history import TARGET, a_run
from tests.lab.report.test_reports import passed

COMMIT = Commit(sha="a" * 40, subject="one", author_date="2026-01-01T00:00:00+00:00")
ROUTE = "GET /report/{id}"


@pytest.mark.parametrize(
    ("typed", "route", "text"),
    [
        ("p95 < 300ms", "", "p95(http_req_duration) < 300ms"),
        (" mean>=1s ", "", "mean(http_req_duration)>=1s"),
        ("p95(http_req_waiting) < 1s", "", "p95(http_req_waiting) < 1s"),
        ("error_rate < 1%", "", "error_rate < 1%"),
        ("p95 < 300ms", ROUTE, f'p95(http_req_duration{{route="{ROUTE}"}}) < 300ms'),
        ("p99(http_req_waiting) < 1s", ROUTE, f'p99(http_req_waiting{{route="{ROUTE}"}}) < 1s'),
        ("error_rate < 1%", ROUTE, f'error_rate{{route="{ROUTE}"}} < 1%'),
    ],
)
def test_a_target_is_read_as_it_is_typed(typed: str, route: str, text: str) -> None:
    assert read_target(typed, route=route).text == text


def test_a_target_with_labels_of_its_own_takes_no_route_beside_them() -> None:
    with pytest.raises(ConfigError, match="--route"):
        read_target("p95(http_req_duration{scenario=mixed}) < 1s", route=ROUTE)


@pytest.mark.parametrize("typed", ["p95", "p95 < soon", "p94 < 300ms", "", "p95 < 300"])
def test_what_is_no_target_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError):
        read_target(typed)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return passed(tmp_path_factory.mktemp("run"))


def with_doubts(report: Report, *kinds: DoubtKind) -> Report:
    doubts = tuple(Doubt(kind=kind, what=f"of {kind}", why="because", remedy="", invalidates=True) for kind in kinds)
    return replace(report, verdict=replace(report.verdict, doubts=doubts))


def test_a_run_tells_what_its_target_saw(report: Report) -> None:
    wanted = report.plan.thresholds[0]
    found = read_run(with_doubts(report), wanted, is_base=False)
    assert found.run_id == report.run_id
    assert found.observations
    assert {seen.threshold for seen in found.observations} == {wanted.text}
    assert (found.unusable, found.fell_behind) == ("", False)
    assert read_run(with_doubts(report), None, is_base=True).observations == ()


def test_a_doubt_that_forbids_a_verdict_makes_a_run_unusable_but_for_load_that_fell_behind(report: Report) -> None:
    useless = read_run(with_doubts(report, DoubtKind.STEAL, DoubtKind.RATE), None, is_base=False)
    assert useless.unusable == "of steal: because"
    behind = read_run(with_doubts(report, DoubtKind.RATE, DoubtKind.DROPPED_ITERATIONS), None, is_base=False)
    assert (behind.unusable, behind.fell_behind) == ("", True)


def test_a_service_that_died_makes_the_commit_one_that_cannot_be_measured(report: Report) -> None:
    with pytest.raises(CommitError, match="because"):
        read_run(with_doubts(report, DoubtKind.INCIDENT), None, is_base=False)


def judged(*runs: TrialRun) -> tuple[Trial, list[Trial]]:
    """Mark a commit that these runs come from, one after the other."""
    left, kept = list(runs), []

    def measure(_commit: Commit, *, seed: int, is_base: bool) -> TrialRun:  # noqa: ARG001  # as the protocol has it
        return left.pop(0)

    judge = ByTarget(threshold=read_target(TARGET), measure=measure, seed=1)
    return judge(Trial(commit=COMMIT), kept.append), kept


def test_each_run_is_kept_as_soon_as_it_is_there() -> None:
    trial, kept = judged(a_run(0.27), a_run(0.2))
    assert trial.mark == Mark.GOOD
    assert [len(each.runs) for each in kept] == [1, 2]


def test_runs_without_a_verdict_are_driven_again_and_given_up_after_three() -> None:
    useless = a_run(0.1, unusable="the machine was busy")
    assert judged(useless, useless, a_run(0.1))[0].mark == Mark.GOOD
    trial, _ = judged(useless, useless, useless)
    assert trial.mark == Mark.SKIP
    assert trial.why == "3 runs gave no verdict, the last one since the machine was busy"


def test_too_few_requests_are_told_after_one_run() -> None:
    trial, kept = judged(a_run(None, why="p95 needs 200 values, and there are 40"))
    assert (trial.mark, len(kept)) == (Mark.SKIP, 1)
    assert trial.why == "steady: p95 needs 200 values, and there are 40"
