"""Whole reports against golden files, which `LAB_WRITE_GOLDEN=1 scripts/check tests/lab/report` renews."""

import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import Doubt, DoubtKind, Outcome, Report, RunState
from lab.playbooks import diagnose
from lab.playbooks.remedies import remedied
from lab.report import encode, junit, markdown, text
from tests.lab.analysis.a_run import START, ARun
from tests.lab.report.every_answer import with_every_answer

GOLDEN = Path(__file__).parent / "golden"
PROVENANCE = {
    "code": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
    "config_hash": "f" * 64,
    "versions": {"lab": "0.1.0", "python": "3.11.7", "k6": "1.1.0", "mongo": "6.0.5"},
    "host": {
        "cpu_model": "Some CPU 3000",
        "cores": 2,
        "memory_bytes": 8 * 2**30,
        "kernel": "6.1.0",
        "system": "Some Linux 12",
        "machine": "x86_64",
    },
}


def report_of(run: ARun) -> Report:
    evidence = run.evidence()
    analysis = analyse(evidence)
    diagnosis = diagnose(evidence, analysis)
    return Report(
        run_id="20231114T221320Z-auth_dashboard-tiny",
        scenario=evidence.scenario,
        plan=run.plan,
        target="stubs",
        seed=14,
        state=run.state,
        started_at=START - 2,
        ended_at=START + 64,
        provenance=PROVENANCE,
        analysis=analysis,
        verdict=remedied(judge(analysis, run.plan), run.plan, diagnosis.playbooks),
        diagnosis=diagnosis,
    )


def passed(folder: Path) -> Report:
    return report_of(ARun(folder))


def failed(folder: Path) -> Report:
    run = ARun(folder, thresholds=["p50(http_req_duration) < 300ms", "rate(http_req_failed) < 0.5%"], seconds=120)
    run.samples += [
        run.request(second + 0.7, scenario="upload_analyze", route="POST /analyze", status=503, took_s=1.25)
        for second in range(30)
    ]
    run.points += [run.point(second, "analyses", 1, "explainer=tree,outcome=done") for second in range(20)]
    run.points += [run.point(25, "analyses", 1, "explainer=tree,outcome=timeout")]
    run.points += [run.point(second, "upload_to_report", 0.4, "explainer=tree") for second in range(20)]
    run.points += [run.point(26, "checks", 0.0, "check=the report <is> *done* | in_time")]
    return report_of(run)


def invalid(folder: Path) -> Report:
    death = Doubt(
        kind=DoubtKind.INCIDENT,
        what="a service died while load was driven",
        why="backend (pid 4711) ended during the run; its log:\nTraceback [of it]\n\x1b[31mred\x00",
        remedy="`lab down && lab up`, and run again",
        invalidates=True,
    )
    run = ARun(folder, thresholds=["p99(http_req_duration) < 1s"], state=RunState.INTERRUPTED, incidents=(death,))
    return report_of(run)


def answers(folder: Path) -> Report:
    return with_every_answer(report_of(ARun(folder)))


REPORTS = {"passed": passed, "failed": failed, "invalid": invalid, "answers": answers}


def hold_against_golden(name: str, content: str) -> None:
    path = GOLDEN / name
    if os.environ.get("LAB_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert content == path.read_text(encoding="utf-8")


def shown(report: Report, width: int, *, colors: bool = False) -> str:
    console = Console(
        width=width, force_terminal=colors, color_system="standard" if colors else None, legacy_windows=False
    )
    with console.capture() as capture:
        console.print(text.render(report))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", REPORTS)
def test_the_terminal_shows_it(name: str, width: int, tmp_path: Path) -> None:
    content = shown(REPORTS[name](tmp_path), width)
    assert max(map(len, content.splitlines())) <= width
    hold_against_golden(f"{name}-{width}.txt", content)


@pytest.mark.parametrize("name", REPORTS)
def test_markdown_shows_it(name: str, tmp_path: Path) -> None:
    hold_against_golden(f"{name}.md", markdown.render(REPORTS[name](tmp_path)))


@pytest.mark.parametrize("name", REPORTS)
def test_junit_shows_it(name: str, tmp_path: Path) -> None:
    content = junit.render(REPORTS[name](tmp_path))
    hold_against_golden(f"{name}.xml", content)
    suite = ET.fromstring(content).find("testsuite")  # noqa: S314  # of our own making
    assert suite is not None
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("errors") == str(len(suite.findall("testcase/error")))


@pytest.mark.parametrize("name", REPORTS)
def test_json_holds_every_figure_in_plain_values(name: str, tmp_path: Path) -> None:
    report = REPORTS[name](tmp_path)
    content = orjson.dumps(
        {"analysis": encode.analysis(report.analysis), "verdict": encode.verdict(report.verdict)},
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS,
    )
    hold_against_golden(f"{name}.json", content.decode() + "\n")


def test_the_first_line_is_the_verdict_and_its_color_says_it_too(tmp_path: Path) -> None:
    first = {name: shown(make(tmp_path), 100, colors=True).splitlines()[0] for name, make in REPORTS.items()}
    assert first["passed"].startswith("\x1b[1;32mPASSED: 1 of 1")
    assert first["failed"].startswith("\x1b[1;31mFAILED: 1 of 2")
    assert first["invalid"].startswith("\x1b[1;33mINVALID: no verdict")


def test_a_report_of_another_machine_with_parts_unknown_is_shown_all_the_same(tmp_path: Path) -> None:
    report = replace(passed(tmp_path), provenance={}, ended_at=None)
    assert report.verdict.outcome == Outcome.PASSED
    assert "? cores" in shown(report, 100)
    assert "PASSED" in markdown.render(report)
    assert "passed" in junit.render(report)
