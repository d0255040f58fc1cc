"""Reading reports: isolation, pages and cursors, at a real backend."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from tests.service_kit.running_service import Running
from tests.sut.user import User

pytestmark = pytest.mark.e2e

COUNT = 7


@pytest.fixture(scope="module")
def reader(backend: Running) -> Iterator[tuple[User, list[str]]]:
    """A user with finished reports, and their ids, newest first."""
    with httpx.Client(base_url=backend.url, timeout=60) as client:
        user = User.registered(client)
        dataset_id = user.dataset()
        ids = [user.queued(dataset_id) for _ in range(COUNT)]
        for report_id in ids:
            user.finished(report_id)
        yield user, ids[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, COUNT, COUNT + 1])
def test_pages_of_any_size_give_every_report_once_and_newest_first(reader: tuple[User, list[str]], limit: int) -> None:
    user, ids = reader
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = user.get(f"/reports/{user.user_id}", params={"limit": limit, **cursor}).json()
        found += [report["reportId"] for report in page["reports"]]
        if page["nextCursor"] is None:
            break
        assert len(page["reports"]) == limit
        cursor = {"cursor": page["nextCursor"]}
    assert found == ids


def test_a_cursor_stays_right_when_reports_are_added(stranger: User) -> None:
    dataset_id = stranger.dataset()
    ids = [stranger.queued(dataset_id) for _ in range(4)]
    path = f"/reports/{stranger.user_id}"
    first = stranger.get(path, params={"limit": 2}).json()
    stranger.queued(dataset_id)
    second = stranger.get(path, params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert [report["reportId"] for report in second["reports"]] == [ids[1], ids[0]]


def test_a_list_tells_what_there_is_without_the_results(reader: tuple[User, list[str]]) -> None:
    user, _ = reader
    reports = user.get(f"/reports/{user.user_id}").json()["reports"]
    assert all(report["status"] == "done" and "result" not in report for report in reports)
    assert "result" in user.report(reports[0]["reportId"])


def test_another_users_list_is_forbidden_and_another_users_report_is_not_there(
    reader: tuple[User, list[str]], stranger: User
) -> None:
    user, ids = reader
    assert stranger.get(f"/reports/{user.user_id}").status_code == 403
    theirs, nobodys = stranger.get(f"/report/{ids[0]}"), stranger.get("/report/6b054f68ce794a64d22e0668")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()
    assert stranger.get(f"/reports/{stranger.user_id}").json() == {"reports": [], "nextCursor": None}


@pytest.mark.parametrize("report_id", ["nonsense", "%00", "0" * 23, "0" * 25, "z" * 24])
def test_an_id_that_is_none_is_a_report_that_is_not_there(user: User, report_id: str) -> None:
    assert user.get(f"/report/{report_id}").status_code == 404


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "many", "٣", "9" * 400])
def test_a_limit_that_is_none_is_refused(user: User, limit: str) -> None:
    answer = user.get(f"/reports/{user.user_id}", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "limit must be a number from 1 to 100"


@pytest.mark.parametrize("cursor", ["", "nonsense", "ä", base64.urlsafe_b64encode(b"1.zz").decode(), "{}"])
def test_a_cursor_that_is_none_is_refused(user: User, cursor: str) -> None:
    answer = user.get(f"/reports/{user.user_id}", params={"cursor": cursor})
    assert answer.status_code == 422
    assert "nextCursor" in answer.json()["detail"]


def test_an_unfinished_report_is_read_without_an_error(user: User) -> None:
    report_id = user.queued(user.dataset(), explainer="kernel", samples=40)
    first = user.report(report_id)
    assert first["status"] in ("queued", "running", "done")
    assert "error" not in first
    user.finished(report_id)
