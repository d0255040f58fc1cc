"""Profiles as a user takes them: beside a run, and in the middle of one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab_command import PLAN, Lab, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose ai_core tells of its heap, and whose backend does not."""
    own = Lab(tmp_path_factory.mktemp("lab"))
    up = own("up", "--ports", "auto", "--target-set", "services.backend.env.LAB_PROFILING=0")
    assert up.returncode == 0, up.stderr
    yield own
    own("down", "--force")
    assert own.processes() == []


def test_a_heap_is_told_by_file_and_line_of_every_process(telling: Lab) -> None:
    taken = telling("profile", "ai_core", "--heap", "--seconds", "2")
    assert taken.returncode == 0, taken.stderr
    assert "python-heap" in taken.stdout
    folder = Path(telling.environ["LAB_HOME"]) / "profiles"
    (listed,) = json.loads((folder / "profiles.json").read_text())
    (file,) = [name for kind, name in listed["files"] if kind == "allocations"]
    heap = json.loads((folder / file).read_text())
    assert {process["role"] for process in heap["processes"]} >= {"worker"}
    assert len(heap["processes"]) >= 3  # two workers, and the one that they are of


def test_a_service_that_does_not_tell_says_how_it_can_be_made_to(telling: Lab) -> None:
    refused = telling("profile", "backend", "--heap", "--seconds", "1")
    assert refused.returncode == 3
    assert "LAB_PROFILING=1" in refused.stderr
    assert "is not Node" in refused.stderr


def test_a_service_that_there_is_not_is_refused_with_those_that_there_are(telling: Lab) -> None:
    refused = telling("profile", "backnd")
    assert refused.returncode == 2
    assert "there are: mongo, ai_core, backend" in refused.stderr


def test_a_run_keeps_what_was_profiled_in_it_and_says_so(telling: Lab) -> None:
    run = telling.start("run", "mixed", "--plan", telling.plan, "--set", "phases.steady.duration_s=25")
    wait_for(run, "steady")
    taken = telling("profile", "ai_core", "--heap", "--seconds", "3")
    output, _ = run.communicate(timeout=200)
    assert taken.returncode == 0, taken.stderr
    assert run.returncode == 0, output
    assert "a profiler looked on" in output
    (folder,) = Path(telling.environ["LAB_ARTIFACTS"]).glob("2*")
    assert len(json.loads((folder / "profiles" / "profiles.json").read_text())) == 1


def test_without_an_environment_there_is_nobody_to_profile(lab: Lab) -> None:
    refused = lab("profile", "ai_core")
    assert refused.returncode == 3
    assert "no environment runs" in refused.stderr


@pytest.mark.needs("py-spy")
def test_cpu_is_told_by_function_with_a_flame_graph(telling: Lab) -> None:
    run = telling.start("run", "upload_analyze", "--plan", telling.plan, "--set", "phases.steady.duration_s=25")
    wait_for(run, "steady")
    taken = telling("profile", "ai_core", "--seconds", "6")
    output, _ = run.communicate(timeout=200)
    assert taken.returncode == 0, taken.stderr
    assert "py-spy" in taken.stdout
    assert "function" in taken.stdout
    assert "a profiler looked on" in output
    folder = max(Path(telling.environ["LAB_ARTIFACTS"]).glob("2*")) / "profiles"
    (listed,) = json.loads((folder / "profiles.json").read_text())
    files = dict(listed["files"])
    assert "sklearn" in (folder / files["folded"]).read_text()
    assert (folder / files["svg"]).read_text().startswith("<svg")
    assert "of ai_core CPU in" in output
    assert "worked for POST /analyze" in (folder.parent / "summary.md").read_text()
    compared = telling("profile", "--diff", "latest", "latest", "ai_core")
    assert compared.returncode == 0, compared.stderr
    assert "CPU per request of ai_core in steady" in compared.stdout
    assert "No function of" in compared.stdout
    assert list(folder.glob("*-against-*.svg"))


PHASES = """
[profiling]
cpu_s = 4
heap_s = 6

[[phases]]
name = "spike"
kind = "spike"
surge = { factor = 2, before_s = 5, surge_s = 2, after_s = 5 }
profile = ["top"]

[[phases]]
name = "stress"
kind = "stress"
start_rate_per_s = 8
rate_per_s = 8
staircase = { step_s = 4, settle_s = 1, max_steps = 3, confirmations = 1, breaks = ["max(response_time) < 60s"] }
profile = ["good", "break"]

[[phases]]
name = "soak"
kind = "soak"
rate_per_s = 4
duration_s = 16
profile = ["start", "heap"]
"""


@pytest.mark.needs("py-spy")
def test_a_plan_has_its_services_profiled_beside_what_is_judged(telling: Lab) -> None:
    plan = telling.folder / "profiled.toml"
    plan.write_text(PLAN + PHASES, encoding="utf-8")
    run = telling("run", "mixed", "--plan", str(plan), timeout_s=300)
    assert run.returncode == 0, run.stdout + run.stderr
    folder = max(Path(telling.environ["LAB_ARTIFACTS"]).glob("2*"))
    windows = json.loads((folder / "windows.json").read_text())
    assert [(window["phase"], window["step"], window["kind"]) for window in windows[2:]] == [
        ("spike", 0, "spike"),
        ("spike", 1, "profile"),
        ("stress", 1, "stress"),
        ("stress", 2, "stress"),
        ("stress", 3, "profile"),
        ("soak", 0, "soak"),
        ("soak", 1, "profile"),
    ]
    listed = json.loads((folder / "profiles" / "profiles.json").read_text())
    taken = {(each["drive"], each["moment"], each["kind"], each["service"]) for each in listed}
    assert taken == {
        *(
            (drive, moment, "cpu", service)
            for drive, moment in (("spike-01", "top"), ("stress-03", "good"), ("soak", "start"))
            for service in ("backend", "ai_core")
        ),
        ("soak-01", "heap", "heap", "ai_core"),
    }
    assert sum(each["kind"] == "heap" for each in listed) == 2
    assert (folder / "profiles" / "spike-01-top-ai_core-cpu.svg").is_file()
    verdict = json.loads((folder / "verdict.json").read_text())
    doubts = [(doubt["kind"], doubt["phase"]) for doubt in verdict["doubts"]]
    assert doubts.count(("profiled", "soak")) == 2  # within what is judged, and only there
    assert {phase for kind, phase in doubts if kind == "profiled"} == {"soak"}
    assert doubts.count(("not_profiled", "soak")) == 2  # the backend does not tell of its heap
    assert [path.name for path in (folder / "profiles").glob("*.part")] == []
