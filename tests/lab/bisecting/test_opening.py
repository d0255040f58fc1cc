"""A search before its first commit, and one that goes on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.bisecting.opening import AskedSearch, OpenSearch, opened, reopened
from lab.config.settings import Settings
from lab.errors import ConfigError, RunDirError
from lab.model import AgainstGood
from lab.preparing import Wanted
from tests.lab.bisecting.a_history import Repository

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROUTE = "GET /report/{id}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository.of(tmp_path_factory.mktemp("of") / "checkout", commits=3)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")


def asked(repository: Repository, *, route: str = "", effect: float | None = None) -> AskedSearch:
    return AskedSearch(
        scenario="report_retrieval",
        plan="smoke",
        good="HEAD~2",
        bad="main",
        target="p95 < 300ms",
        against=AgainstGood(pairs=8, alpha=0.01, look_for=0.1, effect=effect, route=route),
        wanted=Wanted(target="stubs", ports=("auto",), engine="process", k6="host"),
        repository=repository.path,
        overrides=("seed=3",),
    )


def test_a_search_begins_with_its_target_in_the_plan_and_is_kept(repository: Repository, settings: Settings) -> None:
    search = opened(settings, asked(repository, route=ROUTE), now=NOW)
    assert (search.begun.good.subject, search.begun.bad.subject) == ("0", "2")
    assert search.begun.target is not None
    assert search.begun.target.text == f'p95(http_req_duration{{route="{ROUTE}"}}) < 300ms'
    assert search.asked[0].thresholds[0] == search.begun.target
    assert len(search.asked[0].thresholds) > 1
    assert search.begun.against is None
    assert search.folder.path == settings.artifacts / "20260102T030405Z-bisect-report_retrieval"


def test_without_a_target_it_compares(repository: Repository, settings: Settings) -> None:
    begun = opened(settings, replace(asked(repository, route=ROUTE), target=None), now=NOW).begun
    assert begun.target is None
    assert begun.against == AgainstGood(pairs=8, alpha=0.01, look_for=0.1, route=ROUTE)


def test_it_goes_on_as_it_was_asked_for(repository: Repository, settings: Settings) -> None:
    first = opened(settings, asked(repository), now=NOW)
    again = reopened(settings, "latest", repository=None, say=lambda _: None)
    assert again == replace(first, wanted=again.wanted)
    assert (again.wanted.target, tuple(again.wanted.ports), again.wanted.engine) == ("stubs", ("auto",), "process")
    moved = reopened(settings, first.folder.name, repository=Path("/elsewhere"), say=lambda _: None)
    assert moved.repository == Path("/elsewhere")


def test_one_that_has_its_answer_does_not_go_on(repository: Repository, settings: Settings) -> None:
    search = opened(settings, asked(repository), now=NOW)
    search.keep(replace(search.begun, suspects=(search.begun.bad,)))
    with pytest.raises(RunDirError, match="has its answer"):
        reopened(settings, "latest", repository=None, say=lambda _: None)


def test_one_of_another_version_is_told(repository: Repository, settings: Settings) -> None:
    search: OpenSearch = opened(settings, asked(repository), now=NOW)
    search.folder.write(search.begun, {})
    with pytest.raises(RunDirError, match="another version"):
        reopened(settings, "latest", repository=None, say=lambda _: None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"route": "GET /reprot/{id}"}, "did you mean 'GET /report/{id}'"),
        ({"effect": 0.2}, "--effect"),
    ],
)
def test_what_runs_would_be_refused_for_is_refused_before_them(
    repository: Repository, settings: Settings, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        opened(settings, asked(repository, **changes), now=NOW)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert not settings.artifacts.exists()
