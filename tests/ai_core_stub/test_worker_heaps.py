"""Workers tell of their heaps between two analyses, and those that start later follow as the others do."""

import json
import subprocess
import sys

import httpx
import psutil
import pytest

from lab import processes
from tests.ai_core_stub.a_table import a_csv
from tests.ai_core_stub.conftest import StartAiCore

pytestmark = pytest.mark.e2e

# a process of its own, which takes its forkserver with it
BUSY = """
import asyncio, json, sys
from ai_core_stub.jobs import Job
from ai_core_stub.pool import Worker, _context
from ai_core_stub.settings import AiCoreSettings
from service_kit.heap import HeapOrder

async def main():
    recipe = AiCoreSettings.read({"PORT": "1"}).recipe()
    worker = Worker(_context(), follow_heap=True)
    try:
        await worker.warm_up(recipe)
        idle = await worker.heap(HeapOrder.TELL)
        job = Job(csv=sys.stdin.read(), target="y", explainer="kernel", samples=300, recipe=recipe)
        worker.start(job).add_done_callback(lambda done: done.cancelled() or done.exception())
        busy = await worker.heap(HeapOrder.TELL, patience_s=0.1)
    finally:
        worker.end(wait=True)
    print(json.dumps([worker.pid, idle, busy]))

asyncio.run(main())
"""


def test_a_worker_that_takes_the_place_of_another_one_follows_too(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(LAB_PROFILING="1", AI_CORE_WORKERS="1")
    url = f"{ai_core.url}/debug/heap"
    (old,) = (each["pid"] for each in httpx.put(url, timeout=60).json()["processes"] if each["role"] == "worker")
    psutil.Process(old).kill()
    # the service learns of the death when it gives the worker something to do
    body = {"analysisId": "an-1", "target": "y", "csv": a_csv()}

    def works_again() -> bool:
        return httpx.post(f"{ai_core.url}/analyze", json=body, timeout=60).status_code == 200

    assert processes.wait_until(works_again, timeout_s=60)
    (worker,) = (each for each in httpx.get(url, timeout=60).json()["processes"] if each["role"] == "worker")
    assert worker["pid"] != old
    assert worker["followedSince"] > 0


def test_a_worker_tells_when_it_is_idle_and_is_not_waited_for_without_end_when_it_is_busy() -> None:
    table = a_csv(rows=300, features=12)
    told = subprocess.run(
        [sys.executable, "-c", BUSY], input=table, capture_output=True, text=True, timeout=100, check=True
    )
    pid, idle, busy = json.loads(told.stdout)
    assert (idle["pid"], idle["role"]) == (pid, "worker")
    assert idle["sites"]
    assert busy == {"pid": pid, "role": "worker", "missing": "it was busy for more than 0.1 s"}
