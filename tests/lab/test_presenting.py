"""The pages about runs, from run directories as runs leave them."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from lab import presenting, rundir
from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.errors import ExitCode
from lab.model import Capacity, Evidence, Profile, ProfileKind, Report, RunState, SlowRequest
from lab.rundir import RunDir
from tests.lab.analysis.a_run import START, ARun
from tests.lab.report.a_law import a_law

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run directory with the log lines of the request r-5.2, among others."""
    made = rundir.create(tmp_path / "runs", "auth_dashboard-tiny", now=NOON)
    made.write_record(
        {"started_at": START, "scenario": {"name": "auth_dashboard"}, "plan": {"name": "tiny"}, "target": "stubs"}
    )
    lines = [
        {
            "time": _stamp(5.15),
            "service": "backend",
            "level": "error",
            "requestId": "r-5.2",
            "message": "it </pre> failed",
        },
        {"time": _stamp(5.1), "service": "backend", "level": "info", "requestId": "r-5.2", "message": "it began"},
        {"time": _stamp(6), "service": "backend", "level": "info", "requestId": "r-6.2", "message": "another one"},
    ]
    (made.logs / "backend.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return made


def _stamp(second: float) -> str:
    return datetime.fromtimestamp(START + second, UTC).isoformat(timespec="milliseconds")


@pytest.fixture
def evidence(run: RunDir) -> Evidence:
    return ARun(run.path).evidence()


def a_report(evidence: Evidence, **changes: object) -> Report:
    analysis = analyse(evidence)
    slow = SlowRequest(
        phase="sustain",
        scenario="auth_dashboard",
        route="POST /login",
        status=200,
        started_at=START + 5,
        duration_s=0.2,
        request_id="r-5.2",
    )
    report = Report(
        run_id="20260102T120000Z-auth_dashboard-tiny",
        scenario=evidence.scenario,
        plan=evidence.plan,
        target="stubs",
        seed=14,
        state=RunState.FINISHED,
        started_at=START,
        ended_at=START + 60,
        provenance={},
        analysis=replace(analysis, slowest=(slow,)),
        verdict=judge(analysis, evidence.plan),
    )
    return replace(report, **changes)  # type: ignore[arg-type]  # the fields of the test


def test_the_lines_of_slow_requests_are_there_in_time_order_and_no_others(run: RunDir, evidence: Evidence) -> None:
    trail = presenting.page_of(run, a_report(evidence), evidence).trails
    assert list(trail) == ["r-5.2"]
    assert ["it began" in trail["r-5.2"][0].text, trail["r-5.2"][1].level] == [True, "error"]


def test_a_run_without_logs_has_a_page(run: RunDir, evidence: Evidence) -> None:
    (run.logs / "backend.jsonl").unlink()
    presenting.write_page(run, a_report(evidence), evidence)
    assert "PASSED" in run.html.read_text(encoding="utf-8")


def test_documents_that_a_run_has_become_chapters(run: RunDir, evidence: Evidence) -> None:
    (run.path / "capacity_plan.md").write_text("# Plan\n\nTwo replicas.\n", encoding="utf-8")
    presenting.write_page(run, a_report(evidence), evidence)
    page = run.html.read_text(encoding="utf-8")
    assert '<section id="capacity"' in page
    assert "Two replicas." in page
    assert '<section id="playbooks"' not in page


def test_the_plan_of_a_run_brings_the_law_that_it_is_made_of(run: RunDir, evidence: Evidence) -> None:
    (run.path / "capacity_plan.md").write_text("# Plan\n", encoding="utf-8")
    planned = Capacity(run_id=run.run_id, scenario="mixed", headroom=0.3, scalability=a_law())
    (document,) = presenting.page_of(run, a_report(evidence), evidence, planned).documents
    assert [chart.kind for chart in document.charts] == ["usl"]
    assert document.note == ""
    refused = replace(planned, scalability=a_law(contention=0, coherency=0))
    (document,) = presenting.page_of(run, a_report(evidence), evidence, refused).documents
    assert document.charts == ()
    assert "is not fitted" in document.note


def test_flame_graphs_of_the_run_are_packed_and_paths_that_lead_elsewhere_are_not_followed(
    run: RunDir, evidence: Evidence
) -> None:
    run.profiles.mkdir()
    (run.profiles / "cpu.svg").write_text("<svg/>", encoding="utf-8")
    (run.path / "secret.svg").write_text("<svg/>", encoding="utf-8")
    for name in ("cpu.svg", "../secret.svg", "missing.svg"):
        rundir.add_profile(run.profiles, a_profile(name))
    assert [flame.name for flame in presenting.page_of(run, a_report(evidence), evidence).flames] == ["cpu.svg"]


def a_profile(svg: str) -> Profile:
    return Profile(
        kind=ProfileKind.CPU,
        service="ai_core",
        profiler="py-spy",
        pids=(1,),
        started_at=START,
        ended_at=START + 10,
        rate_hz=20,
        samples=10,
        lost=0,
        files=(("svg", svg),),
    )


def test_the_page_is_written_as_a_whole_and_is_the_same_each_time(run: RunDir, evidence: Evidence) -> None:
    presenting.write_page(run, a_report(evidence), evidence)
    first = run.html.read_bytes()
    presenting.write_page(run, a_report(evidence), evidence)
    assert run.html.read_bytes() == first
    assert list(run.path.glob("*.part")) == []


def test_the_series_are_read_for_what_is_drawn_of_them_alone(run: RunDir, evidence: Evidence) -> None:
    assert len(set(pq.read_table(evidence.series["processes"])["metric"].to_pylist())) > 2
    whole = presenting.page_of(run, a_report(evidence), evidence).curves.whole
    assert {curve.name for curve in whole.memory} == {"ai_core", "backend", "k6", "lab"}


# ---------------------------------------------------------------------------------------------------- the command line


def lab(*arguments: str, artifacts: Path, browser: str = "false") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LAB_ARTIFACTS": str(artifacts), "BROWSER": browser, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


def test_the_index_is_written_beside_the_runs_and_its_path_is_printed(run: RunDir) -> None:
    root = run.path.parent
    ended = lab("runs", "--html", artifacts=root)
    assert ended.returncode == ExitCode.PASSED, ended.stderr
    assert ended.stdout.strip() == str(root / "index.html")
    assert run.run_id in (root / "index.html").read_text(encoding="utf-8")


def test_a_page_is_opened_in_the_browser_that_the_system_names(run: RunDir, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened"}\n')
    browser.chmod(0o755)
    root = run.path.parent
    ended = lab("runs", "--open", artifacts=root, browser=str(browser))
    assert ended.returncode == ExitCode.PASSED, ended.stderr
    assert (tmp_path / "opened").read_text().strip() == (root / "index.html").as_uri()


def test_a_run_that_cannot_be_read_keeps_no_other_from_the_index(run: RunDir) -> None:
    broken = run.path.parent / "20260101T120000Z-mixed-broken"
    broken.mkdir()
    (broken / "run.json").write_text("{", encoding="utf-8")
    page = presenting.write_index(run.path.parent).read_text(encoding="utf-8")
    assert run.run_id in page
    assert broken.name in page
