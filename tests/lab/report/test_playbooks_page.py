"""`playbooks.md`, against a golden file and in its parts."""

import os
from dataclasses import replace
from pathlib import Path

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import Journeys, Report, RunState
from lab.playbooks import RULES, diagnose
from lab.playbooks.remedies import remedied
from lab.report import playbooks
from tests.lab.analysis.a_run import START
from tests.lab.playbooks.a_case import ACase

GOLDEN = Path(__file__).parent / "golden" / "playbooks.md"


def report_of(case: ACase) -> Report:
    evidence = case.evidence()
    analysis = analyse(evidence)
    diagnosis = diagnose(evidence, analysis)
    return Report(
        run_id="20231114T221320Z-auth_dashboard-tiny",
        scenario=evidence.scenario,
        plan=evidence.plan,
        target="stubs",
        seed=14,
        state=RunState.FINISHED,
        started_at=START - 2,
        ended_at=START + 64,
        provenance={},
        analysis=analysis,
        verdict=remedied(judge(analysis, evidence.plan), evidence.plan, diagnosis.playbooks),
        diagnosis=diagnosis,
    )


def unwell(folder: Path) -> Report:
    """A blocked loop, collections in it, a generator that drops journeys, and errors that nothing explains."""
    case = ACase(
        folder,
        thresholds=["p50(http_req_duration) < 100ms", "rate(analysis_failed) < 1%", "count(checks_failed) <= 0"],
        journeys=Journeys(max_vus=3),
    )
    case.samples = [case.request(second + part / 10, took_s=0.4) for second in range(60) for part in range(10)]
    case.points += [case.point(second + 0.5, "dropped_iterations", 1.0) for second in range(60)]
    case.points += [case.point(9.5, "analyses", 1.0, "explainer=tree,outcome=failed")]
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=0.15, labels="service=backend")
    case.histogram("gc_pause_seconds", per_s=2, mean_s=0.05, labels="generation=2,service=backend")
    return report_of(case)


def test_the_page_is_the_golden_one(tmp_path: Path) -> None:
    page = playbooks.render(unwell(tmp_path))
    if os.environ.get("LAB_WRITE_GOLDEN"):
        GOLDEN.write_text(page, encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8")


def test_every_known_bottleneck_is_either_seen_or_said_not_to_be(tmp_path: Path) -> None:
    page = playbooks.render(unwell(tmp_path))
    assert [rule.title for rule in RULES.values() if rule.title not in page] == []


def test_a_failed_finding_without_a_remedy_is_said_to_lack_one(tmp_path: Path) -> None:
    report = unwell(tmp_path)
    (lacking,) = report.verdict.lacking
    assert "analysis_failed" in lacking
    row = next(line for line in playbooks.render(report).splitlines() if "| `rate(analysis_failed)" in line)
    assert "**lacking**" in row


def test_a_run_without_bottlenecks_has_no_table_and_no_findings(tmp_path: Path) -> None:
    page = playbooks.render(report_of(ACase(tmp_path)))
    assert "0 of 12 known bottlenecks were seen" in page
    assert "Failed findings" not in page
    assert "| bottleneck |" not in page


def test_text_of_others_makes_no_rows_of_its_own(tmp_path: Path) -> None:
    report = unwell(tmp_path)
    finding = replace(report.verdict.findings[0], remedy="one | two\nthree")
    page = playbooks.render(replace(report, verdict=replace(report.verdict, findings=(finding,))))
    assert r"one \| two three" in page
