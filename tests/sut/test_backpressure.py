"""What happens when there is too much to do, or when ai_core does not do it."""

import threading

import httpx
import psutil
import pytest

from lab import processes
from lab.engines.ports import free_ports
from tests.service_kit.running_service import Running
from tests.sut.conftest import MakeUser, StartBackend
from tests.sut.scripted_ai_core import Reply, ScriptedAiCore, an_error
from tests.sut.user import a_table

pytestmark = pytest.mark.e2e


def test_a_full_queue_refuses_at_the_post_and_takes_again_when_there_is_room(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser
) -> None:
    may_go = threading.Event()
    scripted_ai_core.otherwise = Reply(after=may_go)
    backend = start_backend(
        AI_CORE_URL=scripted_ai_core.url,
        SUT_ANALYZE_CONCURRENCY="1",
        SUT_ANALYZE_QUEUE_LIMIT="2",
        SUT_RETRY_AFTER_S="7",
    )
    user = a_user(backend)
    dataset_id = user.dataset()
    taken = [user.queued(dataset_id) for _ in range(3)]
    refused = user.analyze(dataset_id)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "7"
    assert processes.wait_until(lambda: backend.metric("analyze_queue_depth") == 2, timeout_s=60)
    assert len(user.get(f"/reports/{user.user_id}").json()["reports"]) == 3

    may_go.set()
    assert [user.finished(report_id)["status"] for report_id in taken] == ["done"] * 3
    assert user.finished(user.queued(dataset_id))["status"] == "done"
    assert backend.metric('analyses_total{outcome="rejected"}') == 1
    assert backend.metric('analyses_total{outcome="done"}') == 4
    assert backend.metric("analyze_queue_depth") == 0


def test_a_post_that_is_refused_for_its_content_takes_no_room(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser
) -> None:
    backend = start_backend(AI_CORE_URL=scripted_ai_core.url, SUT_ANALYZE_CONCURRENCY="1", SUT_ANALYZE_QUEUE_LIMIT="0")
    user = a_user(backend)
    assert [user.analyze("0" * 32).status_code for _ in range(3)] == [404] * 3
    assert user.finished(user.queued(user.dataset()))["status"] == "done"


def test_what_ai_core_has_no_room_for_now_is_asked_for_again(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser
) -> None:
    scripted_ai_core.replies.extend([an_error(503, "queue_full")] * 2)
    user = a_user(start_backend(AI_CORE_URL=scripted_ai_core.url))
    assert user.finished(user.queued(user.dataset()))["status"] == "done"
    assert len(scripted_ai_core.seen) == 3
    assert len({asked["analysisId"] for asked in scripted_ai_core.seen}) == 1


@pytest.mark.parametrize(
    "failure",
    [
        (an_error(500, "worker_died", "worker 7 died"), "worker_died", "worker 7 died"),
        (an_error(504, "timeout", "too long"), "timeout", "too long"),
        (an_error(503, "queue_full"), "queue_full", "ai_core had no room until the deadline"),
        (Reply(body=b"<html>"), "bad_answer", "ai_core answered 200 and no JSON object"),
        (Reply(status=500, body=b"{}"), "bad_answer", "ai_core answered 500"),
        (Reply(after=threading.Event()), "timeout", "no answer within 1 s"),
    ],
)
def test_a_failed_analysis_says_why_in_its_report_and_counts_as_failed(
    start_backend: StartBackend, scripted_ai_core: ScriptedAiCore, a_user: MakeUser, failure: tuple[Reply, str, str]
) -> None:
    reply, kind, detail = failure
    scripted_ai_core.otherwise = reply
    backend = start_backend(AI_CORE_URL=scripted_ai_core.url, SUT_ANALYZE_DEADLINE_S="1")
    user = a_user(backend)
    report = user.finished(user.queued(user.dataset()))
    assert (report["status"], report["error"]) == ("failed", {"kind": kind, "detail": detail})
    assert "result" not in report
    assert backend.metric('analyses_total{outcome="failed"}') == 1
    assert backend.metric('http_requests_total{method="POST",route="/analyze",status="202"}') == 1


def test_without_ai_core_the_backend_lives_is_not_ready_and_analyses_fail(
    start_backend: StartBackend, a_user: MakeUser
) -> None:
    backend = start_backend(AI_CORE_URL=f"http://127.0.0.1:{free_ports(1)[0]}", SUT_ANALYZE_DEADLINE_S="0.5")
    ready = httpx.get(f"{backend.url}/readyz")
    assert ready.status_code == 503
    assert (ready.json()["mongo"], ready.json()["ai_core"]) == ("ok", "no answer")
    user = a_user(backend)
    assert user.finished(user.queued(user.dataset()))["error"]["kind"] == "unreachable"


def test_a_worker_that_is_killed_fails_one_analysis_and_the_next_succeeds(
    start_backend: StartBackend, ai_core: Running, a_user: MakeUser
) -> None:
    user = a_user(start_backend(AI_CORE_URL=ai_core.url))
    dataset_id = user.dataset(a_table(rows=300, features=12))
    report_id = user.queued(dataset_id, explainer="kernel", samples=300)
    seen: list[psutil.Process] = []

    def computes() -> bool:
        seen.extend(busy_workers(ai_core))
        return bool(seen)

    assert processes.wait_until(computes, timeout_s=60)
    seen[0].kill()
    assert user.finished(report_id)["error"]["kind"] == "worker_died"
    assert user.finished(user.queued(dataset_id))["status"] == "done"


def busy_workers(ai_core: Running) -> list[psutil.Process]:
    """The workers that compute now."""
    workers = [member for member in ai_core.members() if is_worker(member)]
    before = {worker.pid: sum(worker.cpu_times()[:2]) for worker in workers}
    processes.wait_until(lambda: False, timeout_s=0.2)
    return [worker for worker in workers if sum(worker.cpu_times()[:2]) - before[worker.pid] > 0.1]


def is_worker(member: psutil.Process) -> bool:
    parent = member.parent()
    return (
        parent is not None and "forkserver" in " ".join(parent.cmdline()) and "forkserver" in " ".join(member.cmdline())
    )
