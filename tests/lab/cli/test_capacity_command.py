"""`lab capacity`, as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.lab.analysis.capacity.a_loaded_run import ALoadedRun

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    ALoadedRun(folder, name="mixed-whole").write()
    ALoadedRun(folder, name="mixed-short", has_ramp=False, steps=()).write()
    return folder


def lab(artifacts: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", "capacity", *arguments],
        cwd=ROOT,
        env={**os.environ, "LAB_ARTIFACTS": str(artifacts), "LAB_HOME": str(artifacts / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def of(artifacts: Path, name: str) -> Path:
    return next(path for path in artifacts.iterdir() if path.name.endswith(name) and not path.is_symlink())


def test_it_shows_the_plan_and_writes_it_into_the_run(artifacts: Path) -> None:
    run = of(artifacts, "mixed-whole")
    ended = lab(artifacts, run.name)
    assert ended.returncode == 0, ended.stderr
    assert "First to fill up: the machine" in ended.stdout
    assert "First to fill up: the machine" in (run / "capacity_plan.md").read_text(encoding="utf-8")
    assert orjson.loads((run / "capacity.json").read_bytes())["run_id"] == run.name


def test_other_rates_are_shown_and_leave_the_plan_of_the_run_alone(artifacts: Path) -> None:
    run = of(artifacts, "mixed-whole")
    before = lab(artifacts, run.name) and (run / "capacity_plan.md").read_bytes()
    ended = lab(artifacts, run.name, "--rate", "5000", "--rate", "50000", "--headroom", "0.5")
    assert ended.returncode == 0, ended.stderr
    assert "Services at 50000 requests/s" in ended.stdout
    assert (run / "capacity_plan.md").read_bytes() == before


def test_a_change_is_shown(artifacts: Path) -> None:
    ended = lab(artifacts, of(artifacts, "mixed-whole").name, "--what-if", "ai_core.explain=0.5")
    assert ended.returncode == 0, ended.stderr
    assert "0.5 times the explain of ai_core" in ended.stdout


def test_a_change_that_cannot_be_made_is_refused_with_what_can(artifacts: Path) -> None:
    ended = lab(artifacts, of(artifacts, "mixed-whole").name, "--what-if", "ai_core.explian=0.5")
    assert ended.returncode == 2
    assert "ai_core.explian cannot be changed" in ended.stderr
    assert "ai_core.explain (factor of the time of explain)" in ended.stderr


def test_a_run_that_carries_no_plan_ends_with_4(artifacts: Path) -> None:
    ended = lab(artifacts, of(artifacts, "mixed-short").name)
    assert ended.returncode == 4, ended.stderr
    assert "no plan can be made" in ended.stdout


def test_json_is_all_that_is_printed(artifacts: Path) -> None:
    ended = lab(artifacts, of(artifacts, "mixed-whole").name, "--json")
    assert orjson.loads(ended.stdout)["bounds"][0]["resource"] == "machine"


def test_a_prediction_is_held_against_another_run(artifacts: Path) -> None:
    run = of(artifacts, "mixed-whole")
    ended = lab(artifacts, run.name, "--against", run.name)
    assert ended.returncode == 0, ended.stderr
    assert "Errors of the prediction" in ended.stdout


def test_a_run_that_has_nothing_to_predict_from_is_refused(artifacts: Path) -> None:
    ended = lab(artifacts, of(artifacts, "mixed-short").name, "--against", of(artifacts, "mixed-whole").name)
    assert ended.returncode == 2
    assert "no ramp and no stress phase" in ended.stderr


def test_a_run_that_is_not_there_is_a_usage_error(artifacts: Path) -> None:
    ended = lab(artifacts, "20000101")
    assert ended.returncode == 2
    assert "there is no run" in ended.stderr


@pytest.mark.parametrize("options", [("--rate", "0"), ("--rate", "nan"), ("--headroom", "1"), ("--rate", "fast")])
def test_options_out_of_their_range_are_usage_errors(artifacts: Path, options: tuple[str, str]) -> None:
    assert lab(artifacts, "latest", *options).returncode == 2
