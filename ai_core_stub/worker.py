"""What happens in a worker process; SHAP is imported there and never by the service."""

import logging
import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from multiprocessing.connection import wait

from ai_core_stub.jobs import Done, Job, Recipe
from service_kit.heap import HeapOrder, Told, obey
from service_kit.json_log import JsonLog


def begin(follow_heap: bool = False) -> None:  # an executor passes arguments by place alone
    """Prepare a worker: its log, its signals, its end when the service dies, and what is told of its heap."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    JsonLog("ai_core").take_over_logging()
    logging.captureWarnings(capture=True)
    if follow_heap:
        heap(HeapOrder.FOLLOW)
    threading.Thread(target=_end_with_the_service, daemon=True).start()


def warm_up(recipe: Recipe) -> int:
    """Explain a tiny table both ways, so that the first request finds everything imported; gives the worker's pid."""
    rows = "".join(f"{i},{i * i % 7},{i * i % 7 + i}\n" for i in range(20))
    job = Job(csv=f"a,b,y\n{rows}", target="y", explainer="tree", samples=2, recipe=replace(recipe, trees=2))
    for explainer in ("tree", "kernel"):
        analyse(replace(job, explainer=explainer))
    return os.getpid()


def analyse(job: Job) -> Done:
    """One analysis (see ai_core_stub.analysis)."""
    from ai_core_stub import analysis  # noqa: PLC0415  # two seconds of imports that only workers need

    return analysis.analyse(job)


def heap(order: HeapOrder) -> Told:
    """What this process does and tells about its heap (see service_kit.heap)."""
    return obey(order, "worker")


def _end_with_the_service() -> None:
    # closes even when the service is killed, and also where the parent is a forkserver; a worker that waits for work
    # would not notice, since it holds the writing end of its own queue
    service = multiprocessing.parent_process()
    if service is not None:
        wait([service.sentinel])
        os._exit(1)
