"""Spike and stress phases on the real parts, and a run that goes on after its controller was killed."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab_command import PLAN, Lab, end, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6"), pytest.mark.timeout(300)]

PHASES = """
[[phases]]
name = "spike"
kind = "spike"
surge = { factor = 3, before_s = 5, surge_s = 3, after_s = 5 }

[[phases]]
name = "stress"
kind = "stress"
start_rate_per_s = 6
rate_per_s = 12

[phases.staircase]
step_s = 4
settle_s = 1
growth = 2
max_steps = 5
confirmations = 1
breaks = ["max(response_time) < 60s"]
"""


def the_plan(lab: Lab) -> str:
    path = lab.folder / "phases.toml"
    path.write_text(PLAN.replace('phases = ["steady"]', 'phases = ["spike"]') + PHASES, encoding="utf-8")
    return str(path)


def latest(lab: Lab) -> Path:
    return (lab.folder / "runs" / "latest").resolve()


def content(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_a_killed_run_goes_on_where_it_was_and_keeps_what_was_measured(running_lab: Lab) -> None:
    run = running_lab.start("run", "mixed", "--plan", the_plan(running_lab), "--phases", "spike,stress")
    wait_for(run, "stress-02")
    assert end(run, signal.SIGKILL)[0] == -signal.SIGKILL
    killed = latest(running_lab)
    before = content(killed / "windows.json")
    assert [(window["phase"], window["step"]) for window in before] == [("warmup", 0), ("spike", 0), ("stress", 1)]

    resumed = running_lab("run", "--resume", killed.name)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert latest(running_lab) == killed
    record = content(killed / "run.json")
    assert record["state"] == "finished"
    assert [resume["anew"] for resume in record["resumes"]] == [False]
    after = content(killed / "windows.json")
    assert after[:3] == before
    assert [(window["phase"], window["step"]) for window in after[3:]] == [("stress", 2), ("stress", 3)]
    (found,) = content(killed / "analysis.json")["break_points"]
    assert found["outcome"] == "not_broken"
    assert [step["purpose"] for step in found["steps"]] == ["climb", "climb", "confirm"]
    assert all(step["drained_s"] is not None for step in found["steps"])

    again = running_lab("run", "--resume", killed.name)
    assert again.returncode == 2
    assert "there is nothing to go on with" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "say which scenario to drive"),
        (["run", "mixed", "--resume", "latest"], "give none of them beside it"),
        (["run", "mixed", "--plan", "quick", "--phases", "soka"], "did you mean 'soak'"),
        (["run", "--resume", "nothing"], "there is no run 'nothing'"),
        (
            ["run", "mixed", "--set", 'profiling.services=["ai_cor"]'],
            "stubs has no service 'ai_cor'; did you mean 'ai_core'?",
        ),
    ],
)
def test_what_cannot_be_driven_is_said_before_anything_is_started(lab: Lab, arguments: list[str], said: str) -> None:
    answer = lab(*arguments)
    assert answer.returncode in (2, 3)
    assert said in answer.stderr
    assert lab.processes() == []
