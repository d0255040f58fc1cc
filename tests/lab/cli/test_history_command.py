"""`lab history`, as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from lab.model import Outcome
from tests.lab.many_runs import ARunOfMany, wobbling

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    for n in range(20):
        ARunOfMany(p95_s=0.1 * wobbling(n) * (1.5 if n >= 12 else 1), commit=f"{n:02x}" * 20).write(folder, n)
    ARunOfMany(outcome=Outcome.INVALID).write(folder, 20)
    return folder


def lab(artifacts: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", "history", *arguments],
        cwd=ROOT,
        env={**os.environ, "LAB_ARTIFACTS": str(artifacts), "LAB_HOME": str(artifacts / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_what_changed_since_when_and_with_which_commits(artifacts: Path) -> None:
    ended = lab(artifacts)
    assert ended.returncode == 0, ended.stderr
    assert "regressed within the last 10 runs" in ended.stdout
    assert "left out: 1 run: invalid" in ended.stdout
    assert "Since 20260113T120000Z, commits 0b0b0b0b..0c0c0c0c" in ended.stdout
    assert "╎" in ended.stdout


def test_a_new_regression_ends_with_1_where_that_is_asked_for(artifacts: Path) -> None:
    assert lab(artifacts, "--fail-on-regression").returncode == 1
    assert lab(artifacts, "--fail-on-regression", "--within", "5").returncode == 0
    assert lab(artifacts, "--fail-on-regression", "--metric", "error_rate").returncode == 0


def test_json_is_all_that_is_printed_and_files_are_written(artifacts: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "history.html", tmp_path / "history.md"
    ended = lab(artifacts, "--json", "-", "--html", str(page), "--markdown", str(text), "--metric", "p95")
    content = orjson.loads(ended.stdout)
    assert {track["measure"]["name"] for track in content["groups"][0]["tracks"]} == {"p95(http_req_duration)"}
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert text.read_text(encoding="utf-8").startswith("# History: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--metric", "p42"), "--metric p42: there is no such figure"),
        (("--since", "yesterday"), "--since 'yesterday': write a date such as 2026-01-31"),
        (("--plan", "weekly"), "no run in"),
        (("--since", "9999-01-01"), "no run in"),
        (("--since", "0h"), "no run in"),
        (("--within", "2"), "--within"),
        (("--html", "no/such/folder/history.html"), "cannot write"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], told: str, artifacts: Path) -> None:
    ended = lab(artifacts, *arguments)
    assert ended.returncode == 2
    assert told in ended.stderr


@pytest.mark.parametrize("since", ["2026-01-15", "2026-01-15T12:00:00+00:00"])
def test_a_date_bounds_it(since: str, artifacts: Path) -> None:
    ended = lab(artifacts, "--since", since, "--json", "-")
    assert len(orjson.loads(ended.stdout)["groups"][0]["runs"]) == 6


def test_an_age_bounds_it(artifacts: Path) -> None:
    assert len(orjson.loads(lab(artifacts, "--since", "5000w", "--json", "-").stdout)["groups"][0]["runs"]) == 20


def test_no_runs_are_no_error(tmp_path: Path) -> None:
    ended = lab(tmp_path, "--fail-on-regression")
    assert ended.returncode == 0, ended.stderr
    assert "nothing can be told yet" in ended.stdout
