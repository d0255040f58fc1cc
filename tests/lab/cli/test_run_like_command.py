"""`lab run --like`, as it is typed: what contradicts it, and how it ends."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from lab import comparing
from lab.cli import driving
from lab.conclude import conclude
from lab.errors import ConfigError
from lab.model import Comparison, Judgement, Outcome, Report, Side
from lab.pack_places import Places
from lab.packing import pack
from tests.lab.recorded_run import a_recorded_run

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {"id": "e1", "engine": "process", "services": []}


def lab(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {
        "LAB_ARTIFACTS": str(root / "runs"),
        "LAB_HOME": str(root / "home"),
        "COLUMNS": "200",
        "LAB_ENGINE": "process",
    }
    return subprocess.run(
        [sys.executable, "-m", "lab", "run", *arguments],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "beside",
    [
        ("mixed",),
        ("--plan", "smoke"),
        ("--phases", "sustain"),
        ("--rate", "3"),
        ("--seed", "3"),
        ("--set", "seed=3"),
        ("--cpus", "ai_core=1"),
        ("--memory", "ai_core=1g"),
        ("--cpuset", "ai_core=0"),
    ],
)
def test_what_the_run_has_settled_is_refused_beside_it(tmp_path: Path, beside: tuple[str, ...]) -> None:
    runner = CliRunner(env={"LAB_ARTIFACTS": str(tmp_path), "LAB_HOME": str(tmp_path / "home")})
    result = runner.invoke(driving.run, ["--like", "latest", *beside])
    assert isinstance(result.exception, ConfigError)
    assert "give none of them beside it" in str(result.exception)


def test_it_does_not_go_with_resume(tmp_path: Path) -> None:
    refused = lab(tmp_path, "--like", "latest", "--resume", "latest")
    assert refused.returncode == 2
    assert "--resume goes on with" in refused.stderr


def test_a_run_that_is_not_there_and_a_target_of_another_name_are_said(tmp_path: Path) -> None:
    refused = lab(tmp_path, "--like", "none", "--up")
    assert refused.returncode == 2
    assert "there is no run 'none'" in refused.stderr
    run = a_recorded_run(tmp_path / "runs", environment=ENVIRONMENT, target="another")
    refused = lab(tmp_path, "--like", run.run_id, "--target", "stubs", "--up")
    assert refused.returncode == 2
    assert "the run is one of target 'another', and stubs is target 'stubs'" in refused.stderr


def test_a_pack_is_unpacked_beside_the_other_runs_first(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here", environment=ENVIRONMENT)
    file = pack(run, tmp_path, Places(())).path
    refused = lab(tmp_path, "--like", str(file))
    assert refused.returncode == 2
    assert "no environment runs" in refused.stderr
    assert (tmp_path / "runs" / run.run_id / "pack.json").is_file()


def a_comparison(judgement: Judgement) -> Comparison:
    class Judged(Comparison):
        @property
        def judgement(self) -> Judgement:
            return judgement

    side = Side(name="one", told="", runs=("x",))
    return Judged(base=side, candidate=replace(side, name="two"), pairs=0, confidence=0.99, look_for=0.1, figures=())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return conclude(a_recorded_run(tmp_path_factory.mktemp("runs"), environment=ENVIRONMENT))


def ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report, outcome: Outcome, judgement: Judgement | None
) -> Result:
    """Repeat a run without driving it: it ends with `outcome`, its comparison with `judgement` (None: with none)."""
    root = tmp_path / "runs"
    like, run = (a_recorded_run(root, environment=ENVIRONMENT) for _ in range(2))

    def driven(_settings: object, job: driving._Job) -> tuple[object, None]:
        assert job.like == like
        assert (job.plan.name, job.plan.seed, job.scenario.name) == ("recorded", 14, "mixed")
        return replace(report, run_id=run.run_id, verdict=replace(report.verdict, outcome=outcome)), None

    def compared(base: object, candidate: object, **options: object) -> Comparison:
        assert (base, candidate, options["force"]) == ([like], [run], True)
        if judgement is None:
            raise ConfigError("there is nothing to compare")
        return a_comparison(judgement)

    monkeypatch.setattr(driving, "_drive", driven)
    monkeypatch.setattr(driving, "_add_summary", lambda _: None)
    monkeypatch.setattr(comparing, "compare_runs", compared)
    runner = CliRunner(env={"LAB_ARTIFACTS": str(root), "LAB_HOME": str(tmp_path / "home")})
    command: click.Command = driving.run
    return runner.invoke(command, ["--like", like.run_id, "--up"])


@pytest.mark.parametrize(
    ("outcome", "judgement", "code"),
    [
        (Outcome.PASSED, Judgement.UNCHANGED, 0),
        (Outcome.PASSED, Judgement.IMPROVED, 0),
        (Outcome.PASSED, Judgement.CANNOT_TELL, 0),
        (Outcome.PASSED, Judgement.REGRESSED, 1),
        (Outcome.FAILED, Judgement.UNCHANGED, 1),
        (Outcome.INVALID, Judgement.UNCHANGED, 4),
        (Outcome.INVALID, Judgement.REGRESSED, 1),
        (Outcome.PASSED, None, 0),
    ],
)
def test_it_ends_as_the_verdict_says_and_with_1_where_something_regressed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    *,
    outcome: Outcome,
    judgement: Judgement | None,
    code: int,
) -> None:
    result = ended(tmp_path, monkeypatch, report, outcome, judgement)
    assert result.exit_code == code, result.output
    if judgement is None:
        assert "there is nothing to compare" in result.output
    else:
        assert judgement.upper() in result.output
