"""`lab bisect`, as it is typed: what is refused before anything is measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.bisecting.a_history import Repository

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository.of(tmp_path_factory.mktemp("of") / "checkout", commits=3)


def lab(repository: Repository, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"LAB_ARTIFACTS": str(repository.path.parent / "runs"), "LAB_HOME": str(repository.path.parent / "home")}
    return subprocess.run(
        [sys.executable, "-m", "lab", "bisect", *arguments],
        cwd=ROOT,
        env={**os.environ, **own, "LAB_ENGINE": "process"},
        capture_output=True,
        text=True,
        check=False,
    )


ENDS = ("--good", "HEAD~2", "--bad", "HEAD")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (ENDS, "say which scenario"),
        (("mixed", "--good", "HEAD~2"), "--good REF --bad REF"),
        (("mixed", *ENDS, "--target", "p95 < soon"), "is no number"),
        (("mixed", *ENDS, "--target", "p95 < 1s", "--pairs", "9", "--find", "5%"), "leave --pairs, --find out"),
        (("mixed", *ENDS, "--resume", "latest"), "leave SCENARIO, --good, --bad out"),
        (("--resume", "latest"), "there is no search 'latest'"),
        (("mixed", "--good", "HEAD", "--bad", "HEAD~2", "--target", "p95 < 1s"), "swapped"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_2(
    repository: Repository, arguments: tuple[str, ...], said: str
) -> None:
    ended = lab(repository, *arguments, *([] if "--resume" in arguments else ["--repo", str(repository.path)]))
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert not list((repository.path.parent / "runs").glob("*-bisect-*"))
