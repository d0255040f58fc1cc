"""Workers that die, and a service that dies: nothing is lost but one analysis, and nothing is left."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from lab import processes
from tests.ai_core_stub.a_table import a_csv
from tests.ai_core_stub.conftest import StartAiCore
from tests.service_kit.running_service import Running

pytestmark = pytest.mark.e2e


def ask(ai_core: Running, **fields: object) -> httpx.Response:
    body = {"analysisId": "an-1", "target": "y", "csv": a_csv(), **fields}
    return httpx.post(f"{ai_core.url}/analyze", json=body, timeout=60)


def endless(ai_core: Running) -> httpx.Response:
    return ask(ai_core, csv=a_csv(rows=2000, features=30), explainer="kernel", samples=1000)


def workers(ai_core: Running) -> list[psutil.Process]:
    """The forkserver's children."""
    family = ai_core.members()
    forkservers = {member.pid for member in family if member.ppid() == ai_core.child.pid}
    return [member for member in family if member.ppid() in forkservers]


def is_computing(worker: psutil.Process) -> bool:
    before = sum(worker.cpu_times()[:2])
    return processes.wait_until(lambda: sum(worker.cpu_times()[:2]) > before + 0.2, timeout_s=60)


def test_a_worker_that_is_killed_fails_its_analysis_and_is_replaced(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="1")
    (worker,) = workers(ai_core)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(endless, ai_core)
        assert is_computing(worker)
        worker.kill()
        assert answer.result().status_code == 500
        assert answer.result().json()["kind"] == "worker_died"
    assert ask(ai_core).status_code == 200
    assert [member.pid for member in workers(ai_core)] != [worker.pid]
    assert ai_core.metric('ai_core_errors_total{kind="worker_died"}') == 1


def test_a_worker_that_died_while_idle_costs_no_analysis(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="2")
    for worker in workers(ai_core):
        worker.kill()
        worker.wait(60)
    assert [ask(ai_core).status_code for _ in range(4)] == [200] * 4
    assert processes.wait_until(lambda: len(workers(ai_core)) == 2, timeout_s=60)


def test_when_the_service_is_killed_its_workers_end_too_even_at_work(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="2")
    worker = workers(ai_core)[0]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2):
            threads.submit(endless, ai_core)
        assert is_computing(worker)
        assert len(ai_core.members()) >= 4
        ai_core.end(signal.SIGKILL)
        assert processes.wait_until(lambda: not ai_core.members(), timeout_s=60), ai_core.members()


def test_a_sigterm_ends_service_and_workers_soon_even_at_work(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="1")
    (worker,) = workers(ai_core)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(endless, ai_core)
        assert is_computing(worker)
        began = time.monotonic()
        assert ai_core.end() == 0
        # 3 s are promised; the analysis itself would take minutes
        assert time.monotonic() - began < 10
    assert processes.wait_until(lambda: not ai_core.members(), timeout_s=60)
    for line in ai_core.log.read_text().splitlines():
        assert line.startswith("{"), line


def test_a_signal_to_the_whole_group_ends_it_in_order_too(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="2")
    os.killpg(ai_core.child.pid, signal.SIGTERM)
    assert ai_core.child.wait(60) == 0
    assert "worker is replaced" not in ai_core.log.read_text()
