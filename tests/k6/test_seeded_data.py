"""The same seed gives the same bytes: users, datasets, and the order in which they are used."""

from pathlib import Path

import pytest

from tests.k6.backend_process import Backend, running_backend
from tests.k6.by_hand import k6

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]


Sent = dict[str, dict[str, str]]


def sent_by(folder: Path, script: str = "mixed", **settings: float | str) -> Sent:
    """The hash of each body by path and request id, for a backend that knew nothing before."""
    folder.mkdir()
    with running_backend(folder) as backend:
        run = k6(script, backend, folder, RATE=40, POLL_INTERVAL=0.05, **settings)
        assert run.exit_code == 0, run.output
        sent: Sent = {}
        for request in backend.seen():
            sent.setdefault(request["path"], {})[request["request_id"]] = request["sha256"]
        return sent


def of_journeys(sent: Sent, path: str) -> set[str]:
    return {sha256 for request_id, sha256 in sent[path].items() if "-setup-" not in request_id}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """What the mix sends with the seed that scripts have by default."""
    return sent_by(tmp_path_factory.mktemp("seeded") / "first")


@pytest.mark.parametrize("seed", [14, ""])
def test_the_same_seed_sends_the_same_bytes_under_the_same_ids(tmp_path: Path, first: Sent, seed: int | str) -> None:
    second = sent_by(tmp_path / "second", SEED=seed)
    for path in ("/datasets", "/register", "/login"):
        both = first[path].keys() & second[path].keys()
        assert len(both) >= len(first[path]) - 2  # of two runs, one may hold a journey more
        assert [key for key in both if first[path][key] != second[path][key]] == []


def test_another_seed_sends_other_datasets_and_users(tmp_path: Path, first: Sent) -> None:
    other = sent_by(tmp_path / "other", SEED=15)
    for path in ("/datasets", "/register", "/login"):
        assert set(first[path].values())
        assert not set(first[path].values()) & set(other[path].values())


def test_every_dataset_of_a_journey_is_new_in_every_iteration_and_phase(tmp_path: Path, first: Sent) -> None:
    other = sent_by(tmp_path / "other", PHASE="other")
    one = [key for key in first["/datasets"] if "-setup-" not in key]
    assert len(of_journeys(first, "/datasets")) == len(one) > 0
    assert not of_journeys(first, "/datasets") & of_journeys(other, "/datasets")


def test_large_tables_are_one_per_user_and_the_same_in_every_phase(tmp_path: Path) -> None:
    one = sent_by(tmp_path / "one", "explain_heavy", PHASE="one")["/datasets"].values()
    other = sent_by(tmp_path / "other", "explain_heavy", PHASE="other")["/datasets"].values()
    assert set(one) == set(other)
    assert len(set(one)) == len(one) == 4


def test_new_users_are_new_in_every_run(backend: Backend, tmp_path: Path) -> None:
    for run in ("one", "two"):
        assert k6("auth_dashboard", backend, tmp_path, RUN=run).total("journeys", outcome="failed") == 0
    # with the name of an earlier run, in a database that was not emptied, they exist
    again = k6("auth_dashboard", backend, tmp_path, RUN="one")
    assert again.total("http_req_failed", status="409") == again.total("journeys", outcome="failed") == 1
