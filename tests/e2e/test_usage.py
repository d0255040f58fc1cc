"""Bad input at the command line: a clear error, the documented exit code, and nothing started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.lab_command import Lab

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "mixd"], "did you mean 'mixed'"),
        (["run", "mixed", "--plan", "smok"], "did you mean 'smoke'"),
        (["run", "mixed", "--rate", "-5"], "greater than 0"),
        (["run", "mixed", "--rate", "1e9"], "less than or equal to 5000"),
        (["run", "mixed", "--set", "phases.sustain.duration_s=-1"], "duration_s"),
        (["run", "mixed", "--set", "sed=1"], "did you mean 'seed'"),
        (["run", "mixed", "--set", "phases=[]"], "phases"),
        (["run", "mixed", "--seed", "x"], "--seed"),
        (["run", "mixed", "--target", "stub"], "did you mean 'stubs'"),
        (["run", "mixed"], "--up"),
        (["up", "--ports", "backend=99999"], "1 to 65535"),
        (["up", "--ports", "backnd=9999"], "backnd"),
        (["report", "nothing"], "lab runs"),
        (["nonsense"], "No such command"),
        (["run"], "say which scenario to drive"),
    ],
)
def test_what_cannot_be_meant_is_said_and_ends_with_2(lab: Lab, arguments: list[str], said: str) -> None:
    done = lab(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_problem_of_a_run_is_said_at_once(lab: Lab) -> None:
    done = lab("run", "mixd", "--plan", "smok", "--target", "stub")
    assert all(name in done.stderr for name in ("'mixed'", "'smoke'", "'stubs'"))


def test_an_artefact_folder_that_cannot_be_written_is_found_before_anything_starts(lab: Lab) -> None:
    (lab.folder / "file").write_text("no folder")
    broken = Lab(lab.folder, {"LAB_ARTIFACTS": str(lab.folder / "file" / "runs")})
    done = broken("run", "mixed", "--up", "--ports", "auto")
    assert done.returncode == 2
    assert "LAB_ARTIFACTS" in done.stderr
    assert not (lab.folder / "home" / "logs").exists()


def test_a_busy_port_is_said_with_its_holder_before_anything_starts(lab: Lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lab("up", "--ports", f"auto,backend={port}")
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert lab.processes() == []


def test_a_mongodb_that_does_not_answer_is_said(lab: Lab) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = Lab(lab.folder, {"MONGO_URL": f"mongodb://user:secret@127.0.0.1:{port}"})("up", "--ports", "auto")
    assert done.returncode == 3
    assert "MONGO_URL" in done.stderr
    assert "secret" not in done.stderr
    assert lab.processes() == []


def test_status_down_and_runs_with_nothing_there_say_so(lab: Lab) -> None:
    assert lab("status").returncode == 3
    down = lab("down")
    assert down.returncode == 0
    assert "nothing was running" in down.stderr
    runs = lab("runs")
    assert runs.returncode == 0
    assert "no runs yet" in runs.stdout


def test_the_doctor_shows_every_part_and_is_content_where_the_main_job_runs(lab: Lab) -> None:
    done = lab("doctor")
    assert done.returncode == 0, done.stdout
    names = ("k6", "mongod", "Docker", "compose", "Prometheus", "Grafana", "py-spy", "node")
    assert [name for name in names if name.lower() not in done.stdout.lower()] == []


@pytest.mark.parametrize("command", ["doctor", "up", "status", "run", "runs", "report", "logs", "down"])
def test_every_command_has_help(lab: Lab, command: str) -> None:
    done = lab(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")


def test_a_run_that_is_no_run_directory_is_said(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    done = lab("report", str(tmp_path / "x"))
    assert done.returncode == 2


def test_an_error_that_nobody_expected_is_never_taken_for_a_verdict(lab: Lab) -> None:
    strange = lab.folder / "strange"
    strange.mkdir()
    (strange / "run.json").write_text(
        '{"state": "running", "controller": {"pid": 0, "started_at": 0}, "environment": 7}'
    )
    (strange / "series").mkdir()
    done = lab("report", str(strange))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" in done.stderr
    assert "did not expect" in done.stderr


def test_a_reader_that_leaves_early_gets_no_verdict_and_no_traceback(lab: Lab) -> None:
    command = f"{sys.executable} -m lab doctor | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=lab.environ, timeout=60, check=False
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""
