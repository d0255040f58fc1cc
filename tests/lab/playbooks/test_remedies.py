"""Every failed finding has a remedy, or the verdict says that it lacks one."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import Outcome, Verdict
from lab.playbooks import diagnose
from lab.playbooks.remedies import remedied
from tests.lab.playbooks.a_case import ACase

SLOW = "p50(http_req_duration) < 100ms"
ERRORS = "rate(http_req_failed) < 0.5%"


def verdict_of(case: ACase, *, remedy: str = "") -> Verdict:
    evidence = case.evidence()
    thresholds = tuple(replace(each, remedy=remedy) for each in evidence.plan.thresholds)
    evidence = replace(evidence, plan=replace(evidence.plan, thresholds=thresholds))
    analysis = analyse(evidence)
    return remedied(judge(analysis, evidence.plan), evidence.plan, diagnose(evidence, analysis).playbooks)


def slow(folder: Path) -> ACase:
    case = ACase(folder, thresholds=[SLOW])
    case.samples = [case.request(second + part / 2, took_s=0.3) for second in range(60) for part in range(2)]
    return case


def test_a_failed_finding_that_nothing_explains_lacks_a_remedy_and_fails(tmp_path: Path) -> None:
    found = verdict_of(slow(tmp_path))
    assert found.outcome == Outcome.FAILED
    assert found.lacking == (f"{SLOW} in sustain",)


def test_the_plans_own_remedy_is_one(tmp_path: Path) -> None:
    found = verdict_of(slow(tmp_path), remedy="add a worker")
    assert found.lacking == ()
    assert found.findings[0].remedy == "add a worker"


def test_a_playbook_of_the_same_phase_is_one(tmp_path: Path) -> None:
    case = slow(tmp_path)
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=0.1, labels="service=backend")
    found = verdict_of(case, remedy="add a worker")
    assert found.lacking == ()
    assert found.findings[0].remedy == "add a worker. playbooks.md: An event loop is blocked"


def test_a_playbook_about_something_else_is_none(tmp_path: Path) -> None:
    case = ACase(tmp_path, thresholds=[ERRORS])
    case.samples = [case.request(second + 0.2, status=500, took_s=0.3) for second in range(60)]
    case.analyses(per_s=4, explain_s=0.3)  # a slow explainer fails no request
    assert verdict_of(case).lacking == (f"{ERRORS} in sustain",)


def test_what_passed_needs_no_remedy(tmp_path: Path) -> None:
    found = verdict_of(ACase(tmp_path, thresholds=[SLOW, ERRORS]))
    assert found.outcome == Outcome.PASSED
    assert found.lacking == ()
    assert {finding.remedy for finding in found.findings} == {""}


@pytest.mark.parametrize("thresholds", [[SLOW, "p95(http_req_duration) < 100ms over 10s windows"]])
def test_each_finding_is_asked_for_by_itself(thresholds: list[str], tmp_path: Path) -> None:
    case = slow(tmp_path)
    case.thresholds = thresholds
    found = verdict_of(case)
    failed = [finding for finding in found.findings if finding.outcome == Outcome.FAILED]
    assert len(found.lacking) == len(failed) >= 1
