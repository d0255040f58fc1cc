"""The main job, as a user runs it, on real parts: up, run, verdict, report, logs, down; and every way it can end."""

import json
import os
import re
import signal
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.e2e.lab_command import Lab, end, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6"), pytest.mark.timeout(300)]


def latest(lab: Lab) -> Path:
    return (lab.folder / "runs" / "latest").resolve()


def content(path: Path) -> dict[str, object]:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def finished(running_lab: Lab) -> Lab:
    """The lab after one whole run."""
    done = running_lab("run", "mixed", "--plan", running_lab.plan, timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return running_lab


def test_a_run_leaves_the_whole_run_directory(finished: Lab) -> None:
    names = {str(path.relative_to(latest(finished))) for path in latest(finished).rglob("*") if path.is_file()}
    expected = {"run.json", "windows.json", "samples.parquet", "points.parquet", "analysis.json", "verdict.json"}
    expected |= {"capacity.json", "capacity_plan.md"}
    expected |= {
        "summary.md",
        "playbooks.md",
        "report.html",
        "junit.xml",
        "load/steady.json.gz",
        "load/steady.summary.json",
        "load/steady.log",
    }
    expected |= {f"series/{name}.parquet" for name in ("host", "processes", "scrape", "mongo", "stage")}
    expected |= {f"logs/{name}.jsonl.gz" for name in ("backend", "ai_core", "mongo")}
    expected |= {"logs/index.parquet", "openmetrics.txt.gz"}
    assert expected <= names
    assert not [name for name in names if name.endswith((".part", ".arrows"))]


def test_it_passed_with_a_finding_for_every_threshold(finished: Lab) -> None:
    verdict = content(latest(finished) / "verdict.json")
    assert verdict["outcome"] == "passed"
    findings = verdict["findings"]
    assert isinstance(findings, list)
    assert {finding["threshold"] for finding in findings} == {
        "p50(http_req_duration) < 30s",
        "rate(http_req_failed) <= 0%",
        "rate(analysis_failed) <= 0%",
    }


def test_the_record_says_what_was_run_and_on_what(finished: Lab) -> None:
    record = content(latest(finished) / "run.json")
    assert record["state"] == "finished"
    provenance = record["provenance"]
    assert isinstance(provenance, dict)
    assert {"lab", "python", "k6", "mongo", "backend", "ai_core"} <= provenance["versions"].keys()
    assert all(provenance["versions"].values())
    assert provenance["host"]["cores"] == psutil.cpu_count()


def test_no_path_of_the_machine_and_no_secret_is_in_the_record(finished: Lab) -> None:
    text = (latest(finished) / "run.json").read_text(encoding="utf-8")
    assert str(finished.folder) not in text
    assert "@" not in text  # a MONGO_URL may hold a password


def test_every_scenario_of_the_mix_was_driven_and_no_request_of_setup_counts(finished: Lab) -> None:
    samples = pq.read_table(latest(finished) / "samples.parquet")
    scenarios = set(samples.column("scenario").to_pylist())
    assert scenarios == {"auth_dashboard", "upload_analyze", "explain_heavy", "report_retrieval"}
    assert set(samples.column("phase").to_pylist()) == {"warmup", "steady"}


def test_the_report_is_the_same_from_disk_alone_and_byte_for_byte(finished: Lab) -> None:
    files = [
        latest(finished) / name
        for name in ("analysis.json", "verdict.json", "summary.md", "playbooks.md", "report.html", "junit.xml")
    ]
    before = [path.read_bytes() for path in files]
    (latest(finished) / "samples.parquet").unlink()
    again = finished("report")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "PASSED" in again.stdout.upper()
    assert [path.read_bytes() for path in files] == before


def test_one_request_is_followed_through_generator_backend_and_ai_core(finished: Lab) -> None:
    samples = pq.read_table(latest(finished) / "samples.parquet").to_pylist()
    analyze = next(row["request_id"] for row in samples if row["route"] == "POST /analyze" and row["status"] == 202)
    shown = finished("logs", "--run", "latest", "--request-id", analyze)
    assert shown.returncode == 0, shown.stderr
    services = [line.split()[0] for line in shown.stdout.splitlines()]
    assert services[0] == "k6"
    assert {"backend", "ai_core"} <= set(services)
    assert all(analyze in line for line in shown.stdout.splitlines())


def test_an_unknown_request_and_an_unknown_service_are_said(finished: Lab) -> None:
    assert finished("logs", "--request-id", "never-sent").returncode == 2
    unknown = finished("logs", "--service", "backnd")
    assert unknown.returncode == 2
    assert "backend" in unknown.stderr


def test_runs_lists_it_with_its_verdict(finished: Lab) -> None:
    listed = finished("runs")
    assert latest(finished).name in listed.stdout
    assert "passed" in listed.stdout


def test_status_shows_every_service_with_its_pid(running_lab: Lab) -> None:
    shown = running_lab("status")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in ("mongo", "ai_core", "backend", "127.0.0.1"))


def test_a_second_up_finds_the_environment_that_runs(running_lab: Lab) -> None:
    before = running_lab("status").stdout
    assert running_lab("up").returncode == 0
    pids = re.compile(r"127\.0\.0\.1:\d+\S*\s+(\d+)")
    assert pids.findall(running_lab("status").stdout) == pids.findall(before) != []


def test_a_missed_threshold_fails_with_exit_code_1(running_lab: Lab) -> None:
    impossible = 'thresholds=[{expect="p50(http_req_duration) < 0.001ms"}]'
    done = running_lab("run", "mixed", "--plan", running_lab.plan, "--set", impossible, timeout_s=200)
    assert done.returncode == 1, done.stdout + done.stderr
    assert content(latest(running_lab) / "verdict.json")["outcome"] == "failed"


def test_two_runs_at_once_are_refused_with_the_others_pid(running_lab: Lab) -> None:
    first = running_lab.start("run", "mixed", "--plan", running_lab.plan)
    try:
        wait_for(first, "planned")
        second = running_lab("run", "mixed", "--plan", running_lab.plan)
        assert second.returncode == 2
        assert f"pid {first.pid}" in second.stderr
        down = running_lab("down")
        assert down.returncode == 2
        assert "a run is going on" in down.stderr
    finally:
        code, _ = end(first, signal.SIGINT)
    assert code == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_a_phase_keeps_what_was_measured_and_leaves_the_environment(
    running_lab: Lab, number: signal.Signals
) -> None:
    run = running_lab.start("run", "mixed", "--plan", running_lab.plan)
    wait_for(run, "steady")
    time.sleep(3)  # into the phase, so that there is something to keep
    code, output = end(run, number)
    assert code == 130, output
    assert content(latest(running_lab) / "run.json")["state"] == "interrupted"
    assert content(latest(running_lab) / "verdict.json")["outcome"] == "invalid"
    assert "steady" in set(pq.read_table(latest(running_lab) / "samples.parquet").column("phase").to_pylist())
    assert running_lab("status").returncode == 0
    assert not [line for line in running_lab.processes() if "k6" in line]
    assert running_lab("report").returncode == 4


def test_after_kill_9_of_the_controller_k6_is_gone_and_the_report_recovers(running_lab: Lab) -> None:
    run = running_lab.start("run", "mixed", "--plan", running_lab.plan)
    wait_for(run, "steady")
    time.sleep(8)  # a few seconds of series are flushed, and k6 has written
    code, _ = end(run, signal.SIGKILL)
    assert code == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while [line for line in running_lab.processes() if "k6" in line] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [line for line in running_lab.processes() if "k6" in line]
    report = running_lab("report")
    assert report.returncode == 4, report.stdout + report.stderr
    assert content(latest(running_lab) / "run.json")["state"] == "interrupted"
    phases = pq.read_table(latest(running_lab) / "samples.parquet").column("phase").to_pylist()
    assert set(phases) == {"warmup", "steady"}
    assert (latest(running_lab) / "series" / "host.parquet").is_file()


def test_a_service_that_dies_in_a_phase_makes_the_run_invalid_with_its_name(lab: Lab) -> None:
    up = lab("up", "--ports", "auto")
    assert up.returncode == 0, up.stderr
    run = lab.start("run", "mixed", "--plan", lab.plan)
    wait_for(run, "steady")
    pid = int(re.search(r"ai_core\s+http\S+\s+(\d+)", lab("status").stdout)[1])  # type: ignore[index]  # it is there, or the test fails
    os.kill(pid, signal.SIGKILL)
    output, _ = run.communicate(timeout=90)
    assert run.returncode == 4, output
    assert f"ai_core ended during the run: process {pid} has ended" in output
    assert content(latest(lab) / "verdict.json")["outcome"] == "invalid"
    assert lab("status").returncode == 3
    again = lab("run", "mixed", "--plan", lab.plan)
    assert again.returncode == 3
    assert "ai_core" in again.stderr


def test_run_with_up_brings_the_environment_up_and_takes_it_down(lab: Lab) -> None:
    short = ["--set", "phases.steady.duration_s=4", "--set", 'thresholds=[{expect="rate(http_req_failed) <= 0%"}]']
    done = lab("run", "upload_analyze", "--plan", lab.plan, "--up", "--ports", "auto", *short, timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.processes() == []
    assert lab("status").returncode == 3


def test_ctrl_c_while_the_environment_comes_up_leaves_nothing(lab: Lab) -> None:
    up = lab.start("up", "--ports", "auto")
    deadline = time.monotonic() + 30
    while not [line for line in lab.processes() if "mongod" in line] and time.monotonic() < deadline:
        time.sleep(0.02)
    code, output = end(up, signal.SIGINT)
    assert code == 130, output
    assert lab.processes() == []


def test_ctrl_c_in_a_run_with_up_takes_the_environment_down_too(lab: Lab) -> None:
    run = lab.start("run", "mixed", "--plan", lab.plan, "--up", "--ports", "auto")
    wait_for(run, "steady")
    code, output = end(run, signal.SIGINT)
    assert code == 130, output
    assert lab.processes() == []
    assert content(latest(lab) / "run.json")["state"] == "interrupted"


def test_after_kill_9_of_a_run_with_up_down_ends_what_it_left(lab: Lab) -> None:
    run = lab.start("run", "mixed", "--plan", lab.plan, "--up", "--ports", "auto")
    wait_for(run, "steady")
    end(run, signal.SIGKILL)
    assert [line for line in lab.processes() if "mongod" in line]
    down = lab("down")
    assert down.returncode == 0, down.stderr
    assert lab.processes() == []
    assert lab("report").returncode == 4
