"""How the backend starts and ends, also when it is killed or MongoDB is gone."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import jwt
import pytest
from pymongo import MongoClient

from lab import processes
from lab.engines.mongod import find_mongod, mongod_argv
from lab.engines.ports import free_ports
from tests.service_kit.running_service import Running, started
from tests.sut.conftest import SECRET, MakeUser, StartBackend, listens
from tests.sut.scripted_ai_core import Reply, ScriptedAiCore
from tests.sut.user import PASSWORD, User

pytestmark = pytest.mark.e2e

HELD_UP = Reply(after=threading.Event())


def unfinished_report(user: User) -> str:
    """Of a backend whose ai_core never answers."""
    report_id = user.queued(user.dataset())
    assert processes.wait_until(lambda: user.report(report_id)["status"] == "running", timeout_s=60)
    return report_id


def test_reports_that_a_kill_left_unfinished_have_failed_after_the_next_start(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser
) -> None:
    scripted_ai_core.otherwise = HELD_UP
    settings = {"AI_CORE_URL": scripted_ai_core.url, "MONGO_DATABASE": "after_a_kill"}
    first = start_backend(**settings)
    user = a_user(first)
    report_id = unfinished_report(user)
    first.end(signal.SIGKILL)
    start_backend(port=int(first.url.rpartition(":")[2]), **settings)
    report = user.finished(report_id)
    assert report["error"] == {"kind": "interrupted", "detail": "the service ended before the analysis did"}


def test_another_server_does_not_touch_the_reports_that_this_one_works_on(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser
) -> None:
    scripted_ai_core.otherwise = HELD_UP
    settings = {"AI_CORE_URL": scripted_ai_core.url, "MONGO_DATABASE": "two_servers"}
    user = a_user(start_backend(**settings))
    report_id = unfinished_report(user)
    second = start_backend(**settings)
    assert second.end() == 0
    assert user.report(report_id)["status"] == "running"


def test_a_sigterm_ends_the_service_soon_with_0_and_fails_what_was_not_done(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser, mongo_url: str
) -> None:
    scripted_ai_core.otherwise = HELD_UP
    backend = start_backend(AI_CORE_URL=scripted_ai_core.url, MONGO_DATABASE="stopped")
    unfinished_report(a_user(backend))
    began = time.monotonic()
    assert backend.end() == 0
    # 3 s are promised; a hang would be the 30 s of the analysis' deadline or for ever
    assert time.monotonic() - began < 10
    with MongoClient[dict[str, object]](mongo_url) as client:
        report = client["stopped"]["reports"].find_one()
    assert report is not None
    assert report["error"] == {"kind": "interrupted", "detail": "the service was stopped"}
    assert backend.members() == []


def test_a_token_survives_a_restart_when_its_secret_does(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore
) -> None:
    settings = {"AI_CORE_URL": scripted_ai_core.url, "MONGO_DATABASE": "restarted"}
    with httpx.Client(timeout=60) as client:
        first, second = start_backend(**settings), start_backend(**settings)
        client.base_url = httpx.URL(first.url)
        user = User.registered(client)
        client.base_url = httpx.URL(second.url)
        assert user.get(f"/reports/{user.user_id}").status_code == 200


def test_without_a_secret_it_makes_one_and_says_so(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore
) -> None:
    backend = start_backend(AI_CORE_URL=scripted_ai_core.url, TOKEN_SECRET="")
    assert [line["level"] for line in backend.lines() if "TOKEN_SECRET" in line["message"]] == ["warning"]
    with httpx.Client(base_url=backend.url) as client:
        user = User.registered(client)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(user.token, SECRET, algorithms=["HS256"])


def test_a_token_of_the_service_expires(start_backend: StartBackend, scripted_ai_core: ScriptedAiCore) -> None:
    settings = {"AI_CORE_URL": scripted_ai_core.url, "SUT_TOKEN_LIFETIME_S": "1"}
    backend = start_backend(**settings)
    with httpx.Client(base_url=backend.url) as client:
        user = User.registered(client)
        assert processes.wait_until(lambda: user.get("/reports/me").status_code == 401, timeout_s=60)
        assert user.get("/reports/me").json() == {"detail": "the token has expired"}


def test_settings_that_cannot_be_used_are_all_told_at_once_and_end_it_with_2() -> None:
    env = {"PORT": "0", "SUT_WORKER": "2", "TOKEN_SECRET": "short", "MONGO_URL": "http://elsewhere", "PATH": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "sut"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 5
    for name in ("PORT", "SUT_WORKER", "TOKEN_SECRET", "MONGO_URL", "AI_CORE_URL"):
        assert f"backend: {name}" in ended.stderr
    assert "short" not in ended.stderr.replace("shorter", "")


def test_it_lives_without_mongodb_says_so_and_is_ready_once_mongodb_is_there(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    url = f"mongodb://127.0.0.1:{port}"
    backend = start_backend(AI_CORE_URL=scripted_ai_core.url, MONGO_URL=url, SUT_MONGO_TIMEOUT_S="0.5")
    assert httpx.get(f"{backend.url}/healthz").status_code == 200
    assert httpx.get(f"{backend.url}/readyz").json()["mongo"] == "no answer"
    refused = httpx.post(f"{backend.url}/login", json={"email": "a@b.example", "password": PASSWORD})
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert any(line["message"] == "MongoDB does not answer" for line in backend.lines())

    program = find_mongod({"PATH": ""}).program
    assert program is not None
    with started(mongod_argv(program, port=port, data=tmp_path), url=url, log=tmp_path / "mongod.log", env={}):
        assert processes.wait_until(lambda: listens(port), timeout_s=60)
        assert processes.wait_until(lambda: httpx.get(f"{backend.url}/readyz").status_code == 200, timeout_s=60)
        # 0.5 s is little for a first insert on a busy machine, and a 503 may be repeated
        assert processes.wait_until(lambda: registers(backend), timeout_s=60)


def registers(backend: Running) -> bool:
    body = {"email": "late@test.example", "password": PASSWORD}
    return httpx.post(f"{backend.url}/register", json=body, timeout=60).status_code in (201, 409)
