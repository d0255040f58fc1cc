"""From a run directory to its verdict, with k6's real output and whatever a run may have left behind."""

import gzip
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lab import processes, rundir
from lab.collectors import logs
from lab.conclude import conclude
from lab.errors import LoadError, RunDirError
from lab.model import Environment, Outcome, RunningService, RunState
from lab.rundir import RunDir
from tests.lab.recorded_run import a_recorded_run

DERIVED = (
    *("analysis.json", "verdict.json", "summary.md", "playbooks.md", "junit.xml", "report.html"),
    *("samples.parquet", "points.parquet"),
    *("capacity.json", "capacity_plan.md"),
)
MakeRun = Callable[..., RunDir]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    return partial(a_recorded_run, tmp_path)


def test_everything_derived_is_written_and_is_the_same_each_time(make_run: MakeRun) -> None:
    run = make_run()
    report = conclude(run)
    first = {name: (run.path / name).read_bytes() for name in DERIVED}
    assert report.analysis.run_id == run.run_id
    assert rundir.read_json(run.verdict)["outcome"] == report.verdict.outcome
    for name in DERIVED:
        (run.path / name).unlink()
    conclude(run)
    assert {name: (run.path / name).read_bytes() for name in DERIVED} == first


def test_a_run_without_telemetry_has_no_verdict(make_run: MakeRun) -> None:
    assert conclude(make_run()).verdict.outcome == Outcome.INVALID


def test_the_window_that_was_never_recorded_is_measured_and_kept(make_run: MakeRun) -> None:
    run = make_run()
    conclude(run)
    (window,) = run.windows()
    assert window.phase == "mixed"
    assert window.ended_at - window.started_at == pytest.approx(10)
    assert window.achieved_rate_per_s > 0


def test_a_run_of_a_killed_controller_is_closed_as_interrupted(make_run: MakeRun, tmp_path: Path) -> None:
    log = tmp_path / "backend.jsonl"
    log.write_text('{"message":"before"}\n{"message":"in the run"}\n')
    run = make_run(state="running", ended_at=None, log_begins={"backend": 21})
    report = conclude(run, an_environment("e1", log))
    assert report.state == RunState.INTERRUPTED
    assert report.verdict.outcome == Outcome.INVALID
    assert run.read_record()["state"] == "interrupted"
    assert run.read_record()["ended_at"] is not None
    assert list(logs.raw_lines(run.logs / "backend.jsonl.gz")) == [b'{"message":"in the run"}']
    assert run.log_index.exists()


def test_the_logs_of_a_later_environment_are_not_the_runs(make_run: MakeRun, tmp_path: Path) -> None:
    log = tmp_path / "backend.jsonl"
    log.write_text('{"message":"of another run"}\n')
    run = make_run(state="running", ended_at=None)
    conclude(run, an_environment("e2", log))
    assert list(run.logs.iterdir()) == []


def an_environment(identity: str, log: Path) -> Environment:
    backend = RunningService(name="backend", url="http://127.0.0.1:1", version="1", process=None, log=log)
    return Environment(
        id=identity,
        engine="process",
        target="stubs",
        entry_url=backend.url,
        mongo_url="",
        started_at=0.0,
        services=(backend,),
    )


def test_a_run_that_goes_on_is_left_alone(make_run: MakeRun) -> None:
    run = make_run(state="running", controller=asdict(processes.identify(os.getpid())))
    with pytest.raises(RunDirError, match=f"still goes on \\(pid {os.getpid()}\\)"):
        conclude(run)
    assert run.read_record()["state"] == "running"


def test_output_that_was_cut_off_counts_as_far_as_it_goes_and_forbids_a_verdict(make_run: MakeRun) -> None:
    run = make_run()
    output = run.load / "mixed.json.gz"
    output.write_bytes(output.read_bytes()[: output.stat().st_size // 2])
    report = conclude(run)
    assert report.verdict.outcome == Outcome.INVALID
    assert 0 < pq.read_metadata(run.samples).num_rows < 302
    assert any(doubt.invalidates and doubt.phase == "mixed" for doubt in report.verdict.doubts)


def test_damaged_lines_are_a_doubt(make_run: MakeRun) -> None:
    run = make_run()
    output = run.load / "mixed.json.gz"
    output.write_bytes(output.read_bytes() + gzip.compress(b"no line of k6\n"))
    doubts = conclude(run).verdict.doubts
    assert [doubt.why for doubt in doubts if "damaged" in doubt.what] == [
        "lines that could not be read, and are left out: 1"
    ]


def test_a_run_that_was_interrupted_before_its_first_phase_is_invalid_and_readable(make_run: MakeRun) -> None:
    run = make_run(state="interrupted")
    for path in run.load.iterdir():
        path.unlink()
    report = conclude(run)
    assert report.verdict.outcome == Outcome.INVALID
    assert report.analysis.windows == ()
    assert pq.read_metadata(run.samples).num_rows == 0


def test_incidents_of_the_run_are_doubts_of_the_verdict(make_run: MakeRun) -> None:
    incident = {
        "kind": "incident",
        "what": "a service died",
        "why": "backend",
        "remedy": "again",
        "invalidates": True,
        "phase": "",
    }
    doubts = conclude(make_run(incidents=[incident])).verdict.doubts
    assert any(incident.items() <= asdict(doubt).items() for doubt in doubts)


@pytest.mark.parametrize("missing", ["plan", "scenario", "provenance", "incidents"])
def test_a_damaged_record_is_said(make_run: MakeRun, missing: str) -> None:
    run = make_run()
    run.write_record({key: value for key, value in run.read_record().items() if key != missing})
    with pytest.raises(RunDirError, match="damaged"):
        conclude(run)


def test_output_that_is_none_of_k6_is_said(make_run: MakeRun) -> None:
    run = make_run()
    (run.load / "mixed.json.gz").write_text("not gzip at all")
    with pytest.raises(LoadError, match=r"mixed\.json\.gz"):
        conclude(run)


def test_a_file_that_cannot_be_written_is_said(make_run: MakeRun) -> None:
    run = make_run()
    run.samples.mkdir()
    with pytest.raises(RunDirError, match="cannot be"):
        conclude(run)
