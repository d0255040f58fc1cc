"""`python -m sut`: settings come from the environment (see sut.settings)."""

import os
import secrets
from contextlib import AsyncExitStack

from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.types import ASGIApp

from service_kit.body_limit import BodyLimit
from service_kit.exposition import Exposition
from service_kit.heap import Heaps
from service_kit.http_metrics import HttpMetrics
from service_kit.json_log import JsonLog
from service_kit.observed import Observed
from service_kit.pauses import measured_pauses
from service_kit.serving import run, serve
from sut.accounts import Accounts
from sut.ai_core import open_ai_core
from sut.analysis_queue import AnalysisQueue, working
from sut.analyst import Analyst
from sut.analyze import Analyze
from sut.app import create_app
from sut.database import answers, open_database
from sut.datasets import Datasets
from sut.faults import faults
from sut.health import Health
from sut.housekeeping import kept_reports
from sut.metrics import AnalysisMetrics
from sut.passwords import Passwords
from sut.reading import Reading
from sut.reports import Reports
from sut.settings import SutSettings
from sut.slow_route import SlowRoute
from sut.tokens import Tokens
from sut.uploads import FRAME_BYTES, Uploads

_CHECK_S = 1.0  # what a part may take to answer when readiness is asked for


async def _main(settings: SutSettings) -> None:
    log = JsonLog("backend")
    log.take_over_logging()
    exposition = Exposition()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(measured_pauses(exposition.registry))
        app = await _application(settings, exposition, log, stack)
        await stack.enter_async_context(faults(block_ms=settings.fault_block_ms, gc_objects=settings.fault_gc_objects))
        limited = BodyLimit(app, limit_bytes=settings.body_limit_bytes + FRAME_BYTES)
        layers = _slowed(limited, settings)
        await serve(Observed(layers, log=log, metrics=HttpMetrics(exposition.registry)), settings)


def _slowed(app: ASGIApp, settings: SutSettings) -> ASGIApp:
    if settings.fault_slow_route is None or not settings.fault_slow_ms:
        return app
    return SlowRoute(app, route=settings.fault_slow_route, slow_ms=settings.fault_slow_ms)


async def _application(settings: SutSettings, exposition: Exposition, log: JsonLog, stack: AsyncExitStack) -> FastAPI:
    # what is entered first ends last: the queue's workers, then their reports, then the connections
    database = await stack.enter_async_context(open_database(settings, exposition.registry, log))
    ai_core = await stack.enter_async_context(
        open_ai_core(settings.ai_core_url, deadline_s=settings.analyze_deadline_s, log=log)
    )
    datasets = Datasets(database["datasets"])
    reports = Reports(
        database["reports"], server=f"{settings.host}:{settings.port}", indexed=not settings.fault_no_index
    )
    await stack.enter_async_context(kept_reports(reports, log))
    metrics, tokens = AnalysisMetrics(exposition.registry), _tokens(settings, log)
    analyst = Analyst(datasets=datasets, reports=reports, ai_core=ai_core, metrics=metrics, log=log)
    queue = _queue(settings, metrics)
    await stack.enter_async_context(working(queue, analyst.work))
    analyze = Analyze(
        datasets=datasets,
        reports=reports,
        queue=queue,
        tokens=tokens,
        metrics=metrics,
        retry_after_s=settings.retry_after_s,
    )
    needs = {"mongo": lambda: answers(database, _CHECK_S), "ai_core": lambda: ai_core.healthy(_CHECK_S)}
    routers = (
        Accounts(database["users"], passwords=_passwords(settings), tokens=tokens).router(),
        Uploads(datasets, tokens=tokens, limit_bytes=settings.body_limit_bytes).router(),
        analyze.router(),
        Reading(reports, tokens=tokens).router(),
        Health(needs, exposition).router(),
        Heaps(enabled=settings.lab_profiling).router(),
    )
    return create_app(routers, log=log, retry_after_s=settings.retry_after_s)


def _queue(settings: SutSettings, metrics: AnalysisMetrics) -> AnalysisQueue:
    return AnalysisQueue(
        limit=settings.analyze_queue_limit,
        concurrency=settings.analyze_concurrency,
        on_waiting=metrics.queue_depth.set,
    )


def _passwords(settings: SutSettings) -> Passwords:
    hasher = PasswordHasher(
        time_cost=settings.hash_time_cost,
        memory_cost=settings.hash_memory_kib,
        parallelism=settings.hash_parallelism,
    )
    return Passwords(hasher, threads=settings.hash_threads)


def _tokens(settings: SutSettings, log: JsonLog) -> Tokens:
    if settings.token_secret is None:
        log.write("warning", "TOKEN_SECRET is not set: tokens end with this process")
        secret = secrets.token_hex(32)
    else:
        secret = settings.token_secret.get_secret_value()
    return Tokens(secret, lifetime_s=settings.token_lifetime_s)


if __name__ == "__main__":
    run("backend", SutSettings, _main, os.environ)
