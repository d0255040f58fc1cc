"""What the backend tells of its work: log lines, request ids and metrics."""

import re
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from lab import processes
from tests.service_kit.running_service import Running
from tests.sut.conftest import MakeUser, StartBackend
from tests.sut.scripted_ai_core import ScriptedAiCore
from tests.sut.user import PASSWORD, User, a_table

pytestmark = pytest.mark.e2e


def test_a_request_id_goes_through_both_services_and_into_the_report(
    user: User, backend: Running, ai_core: Running
) -> None:
    request_id = f"test:{uuid.uuid4().hex}"
    answer = user.analyze(user.dataset(), headers={"X-Request-Id": request_id})
    assert answer.headers["X-Request-Id"] == request_id
    analysis_id = answer.json()["analysisId"]
    assert user.finished(answer.json()["reportId"])["requestId"] == request_id
    lines = [*backend.lines_of(request_id), *ai_core.lines_of(request_id)]
    assert {(line["service"], line["message"]) for line in lines} >= {
        ("backend", "request"),
        ("backend", "analysis"),
        ("ai_core", "request"),
    }
    assert {line["analysisId"] for line in lines if line["message"] != "slow query"} == {analysis_id}
    assert {line["userId"] for line in lines if line["service"] == "backend"} == {user.user_id}


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, 'a"b', "ü"])
def test_a_request_without_a_sane_id_is_given_one(backend: Running, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode()}
    told = httpx.get(f"{backend.url}/healthz", headers=headers).headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", told)
    assert processes.wait_until(lambda: len(backend.lines_of(told)) == 1, timeout_s=60)


def messages_of(service: Running, request_id: str) -> list[str]:
    return [line["message"] for line in service.lines_of(request_id)]


def test_an_access_line_has_every_field_of_the_contract(user: User, backend: Running) -> None:
    request_id = uuid.uuid4().hex
    before = datetime.now(UTC)
    user.get("/report/6b054f68ce794a64d22e0668", headers={"X-Request-Id": request_id})
    # it is written when the answer has been sent
    assert processes.wait_until(lambda: "request" in messages_of(backend, request_id), timeout_s=60)
    (line,) = [line for line in backend.lines_of(request_id) if line["message"] == "request"]
    told = {name: line[name] for name in ("level", "service", "analysisId", "userId", "route", "status")}
    assert told == {
        "level": "info",
        "service": "backend",
        "analysisId": None,
        "userId": user.user_id,
        "route": "/report/{id}",
        "status": 404,
    }
    assert line["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert abs((datetime.fromisoformat(line["time"]) - before).total_seconds()) < 60


def test_no_password_token_or_cell_of_a_table_is_ever_logged(user: User, backend: Running) -> None:
    secret_cells = "a,b\n" + "".join(f"{i},73310{i:02d}\n" for i in range(12))
    user.finished(user.queued(user.dataset(secret_cells.encode())))
    user.client.post("/login", json={"email": user.email, "password": PASSWORD})
    user.client.post("/login", json={"email": user.email, "password": PASSWORD, "more": 1})
    user.client.get("/reports/me", headers={"Authorization": "Bearer of.bad.news"})
    log = backend.log.read_text()
    assert user.user_id in log
    for secret in (PASSWORD, user.token, user.token.rpartition(".")[2], "7331001", "bad.news", "argon2", user.email):
        assert secret not in log


def test_a_slow_query_is_logged_with_its_shape_and_the_request_it_belongs_to(user: User, backend: Running) -> None:
    # this backend calls every command slow
    request_id = uuid.uuid4().hex
    user.get(f"/reports/{user.user_id}", params={"limit": 3}, headers={"X-Request-Id": request_id})
    (line,) = [line for line in backend.lines_of(request_id) if line["message"] == "slow query"]
    assert (line["collection"], line["command"], line["level"]) == ("reports", "find", "warning")
    assert line["shape"] == {
        "filter": {"userId": "?"},
        "sort": {"createdAt": "?", "_id": "?"},
        "projection": {"result": "?"},
        "limit": 4,
    }
    assert line["duration_ms"] > 0


CONTRACT = {
    "http_requests": ("counter", {"method", "route", "status"}),
    "http_request_duration_seconds": ("histogram", {"method", "route", "le"}),
    "http_requests_in_flight": ("gauge", set()),
    "analyses": ("counter", {"outcome"}),
    "analyze_queue_depth": ("gauge", set()),
    "mongodb_pool_connections": ("gauge", {"state"}),
    "mongodb_pool_wait_seconds": ("histogram", {"le"}),
    "mongodb_pool_opened": ("counter", set()),
    "mongodb_pool_closed": ("counter", set()),
    "mongodb_command_duration_seconds": ("histogram", {"command", "collection", "le"}),
    "process_cpu_seconds": ("counter", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
}


def test_every_metric_of_the_contract_is_there_with_its_labels(user: User, backend: Running) -> None:
    user.finished(user.queued(user.dataset()))
    answer = httpx.get(f"{backend.url}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    for name, (kind, labels) in CONTRACT.items():
        assert found[name].type == kind
        assert {label for sample in found[name].samples for label in sample.labels} == labels, name


def test_no_label_grows_with_ids(user: User, backend: Running) -> None:
    for path in (f"/report/{uuid.uuid4().hex}", f"/reports/{uuid.uuid4().hex}", f"/{uuid.uuid4().hex}"):
        user.get(path)
    text = httpx.get(f"{backend.url}/metrics").text
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert {"/report/{id}", "/reports/{userId}", "unmatched"} <= routes
    assert not re.search(r"[0-9a-f]{24}", text)


def test_connections_are_counted_as_idle_when_nobody_works(user: User, backend: Running) -> None:
    user.dataset(a_table(rows=30, seed=int(time.time())))
    assert backend.metric('mongodb_pool_connections{state="waiting"}') == 0
    assert processes.wait_until(
        lambda: backend.metric('mongodb_pool_connections{state="checked_out"}') == 0, timeout_s=60
    )
    assert backend.metric('mongodb_pool_connections{state="idle"}') >= 1
    assert backend.metric('mongodb_command_duration_seconds_count{collection="datasets",command="insert"}') >= 1


def test_a_database_that_is_slow_shows_in_the_command_durations_alone(
    user: User, backend: Running, mongo_url: str
) -> None:
    block = {"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 600, "appName": "sut"}
    before = long_finds(backend)
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=block)
    assert user.get(f"/reports/{user.user_id}").status_code == 200
    assert long_finds(backend) == before + 1


def long_finds(backend: Running) -> float:
    """Finds on reports that took more than half a second."""
    name = "mongodb_command_duration_seconds_bucket"
    labels = 'collection="reports",command="find"'
    every = backend.metric(f'{name}{{collection="reports",command="find",le="+Inf"}}')
    return every - backend.metric(f'{name}{{{labels},le="0.5"}}')


def test_a_scrape_of_one_of_two_servers_that_share_a_folder_is_the_sum(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser, tmp_path: Path
) -> None:
    (tmp_path / "metrics").mkdir()
    settings = {"AI_CORE_URL": scripted_ai_core.url, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    first, second = start_backend(**settings), start_backend(**settings)
    for server in (first, second):
        user = a_user(server)
        assert user.finished(user.queued(user.dataset()))["status"] == "done"
    for server in (first, second):
        assert server.metric('http_requests_total{method="POST",route="/register",status="201"}') == 2
        assert server.metric('analyses_total{outcome="done"}') == 2
        assert server.metric('mongodb_command_duration_seconds_count{collection="users",command="insert"}') == 2
        assert server.metric('mongodb_pool_connections{state="waiting"}') == 0
    assert second.end() == 0
    assert first.metric('analyses_total{outcome="done"}') == 2
