"""One run of a commit: brought up from a worktree of its own, and what hinders it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab import sides
from lab.bisecting.history import History
from lab.bisecting.measuring import SideMeasure
from lab.config.plans import load_plan
from lab.config.settings import Settings
from lab.config.targets import load_scenario
from lab.errors import CommitError, EngineError, PortBusyError
from lab.model import Plan, Report, Scenario, TrialRun
from lab.preparing import Wanted
from lab.rundir import RunDir
from lab.sides import ReadySide
from tests.lab.report.test_reports import passed
from tests.lab.repositories import commit, git, repository


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1 and v2 of a small service, and v3 without anything that says how it is started."""
    made = repository(tmp_path_factory.mktemp("of") / "checkout")
    git(made, "rm", "--quiet", "-r", "targets")
    commit(made)
    git(made, "tag", "v3")
    return made


def measured(folder: Path, checkout: Path, ref: str) -> TrialRun:
    measure = SideMeasure(
        repository=checkout,
        asked=(load_plan("smoke"), load_scenario("mixed")),
        target=load_plan("smoke").thresholds[0],
        settings=Settings(home=folder / "home", artifacts=folder / "runs"),
        runs=folder / "runs" / "own",
        common=Wanted(target="small"),
        say=lambda _: None,
        showing=lambda _: pytest.fail("no load is driven here"),
    )
    return measure(History(checkout).commit(ref), seed=27, is_base=False)


def failing(error: Exception) -> Callable[..., tuple[RunDir, Report]]:
    def fail(*_: object, **_asked: object) -> tuple[RunDir, Report]:
        raise error

    return fail


def test_a_commit_without_a_target_cannot_be_measured(tmp_path: Path, checkout: Path) -> None:
    with pytest.raises(CommitError, match=r"has no targets/small\.toml"):
        measured(tmp_path, checkout, "v3")


def test_services_that_do_not_start_are_the_commits_own_fault(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sides, "measure", failing(EngineError("web has died\nthe end of its log:\n  Traceback\n  Boom"))
    )
    with pytest.raises(CommitError) as told:
        measured(tmp_path, checkout, "v1")
    assert str(told.value) == "web has died … Boom"


def test_a_port_that_is_taken_is_not(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "measure", failing(PortBusyError("8810 is taken")))
    with pytest.raises(PortBusyError):
        measured(tmp_path, checkout, "v1")


def test_it_is_driven_from_a_worktree_with_its_seed_and_read(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, seen = passed(tmp_path), []

    def measure(
        side: ReadySide, asked: tuple[Plan, Scenario], settings: Settings, **_: object
    ) -> tuple[RunDir, Report]:
        assert side.wanted.origin is not None
        seen.append((asked[0].seed, settings.artifacts, (side.wanted.origin.folder / "web.py").read_text("utf-8")))
        return RunDir(tmp_path), report

    monkeypatch.setattr(sides, "measure", measure)
    assert measured(tmp_path, checkout, "v2").run_id == report.run_id
    [(seed, artifacts, code)] = seen
    assert (seed, artifacts) == (27, tmp_path / "runs" / "own")
    assert "v2 " in code
    assert not list((tmp_path / "home" / "sides").glob("*/.git"))
