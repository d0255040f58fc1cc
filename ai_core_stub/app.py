"""ai_core's routes."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ai_core_stub.cache import Cache
from ai_core_stub.jobs import Done, Job, TableError
from ai_core_stub.metrics import AiCoreMetrics
from ai_core_stub.pool import AnalysisTimeoutError, Pool, QueueFullError, WorkerDiedError
from ai_core_stub.settings import AiCoreSettings
from service_kit import trace
from service_kit.answers import json_answer, problems_of
from service_kit.exposition import CONTENT_TYPE, Exposition
from service_kit.heap import Heaps
from service_kit.json_log import JsonLog
from service_kit.version import project_version

_FAILURES: dict[type[Exception], tuple[int, str]] = {
    TableError: (422, "bad_table"),
    QueueFullError: (503, "queue_full"),
    WorkerDiedError: (500, "worker_died"),
    AnalysisTimeoutError: (504, "timeout"),
}


class AnalyzeRequest(BaseModel):
    """The body of POST /analyze."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    analysis_id: Annotated[str, Field(alias="analysisId", pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
    target: Annotated[str, Field(min_length=1)]
    explainer: Literal["tree", "kernel"] = "tree"
    samples: Annotated[int | None, Field(ge=1, le=1000)] = None
    csv: str


class Analyses:
    """Answers POST /analyze by a pool of workers and a cache."""

    def __init__(self, settings: AiCoreSettings, *, pool: Pool, metrics: AiCoreMetrics, log: JsonLog) -> None:
        self._settings = settings
        self._recipe = settings.recipe()
        self._pool = pool
        self._metrics = metrics
        self._log = log
        self._cache = Cache(settings.cache_size)

    async def analyze(self, request: Request) -> Response:
        """Give the analysis, or why there is none: `kind` and a sentence."""
        started = time.perf_counter()
        try:
            asked = AnalyzeRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return self._failure(422, "bad_request", problems_of(error))
        trace.current().analysis_id = asked.analysis_id
        try:
            return await self._answer(asked, started)
        except tuple(_FAILURES) as error:
            status, kind = _FAILURES[type(error)]
            return self._failure(status, kind, str(error) or "too many analyses wait; try again later")
        except Exception:
            self._metrics.failed("internal")
            raise

    async def _answer(self, asked: AnalyzeRequest, started: float) -> Response:
        job = self._job(asked)
        known = self._cache.get(job)
        done = known or await self._pool.run(job)
        # the parts of a remembered analysis took no time today, and a 0 would distort their distribution
        seconds = {**({} if known else done.seconds), "total": round(time.perf_counter() - started, 6)}
        self._cache.put(job, done)
        self._metrics.analysed(job.explainer, seconds)
        return json_answer(_body(asked, done, seconds, cached=known is not None))

    def _job(self, asked: AnalyzeRequest) -> Job:
        samples = asked.samples or self._recipe.samples[asked.explainer]
        return Job(csv=asked.csv, target=asked.target, explainer=asked.explainer, samples=samples, recipe=self._recipe)

    def _failure(self, status: int, kind: str, detail: str) -> Response:
        self._metrics.failed(kind)
        self._log.write("warning", "no analysis", kind=kind, detail=detail)
        headers = {"Retry-After": str(self._settings.retry_after_s)} if status == 503 else None
        return json_answer({"kind": kind, "detail": detail}, status, headers)


def _body(asked: AnalyzeRequest, done: Done, seconds: dict[str, float], *, cached: bool) -> dict[str, Any]:
    return {"analysisId": asked.analysis_id, **done.result, "cached": cached, "seconds": seconds}


def create_app(settings: AiCoreSettings, *, pool: Pool, exposition: Exposition, log: JsonLog) -> FastAPI:
    """The application, before the layers that every service has."""
    metrics = AiCoreMetrics(exposition.registry)
    pool.on_waiting = metrics.queue_depth.set
    router = APIRouter()
    version = project_version()

    async def healthz() -> Response:
        workers = len(pool.pids)
        answer = {"status": "ok" if workers else "no worker lives", "version": version, "workers": workers}
        return json_answer(answer, 200 if workers else 503)

    async def metrics_text() -> Response:
        return Response(exposition.text(), media_type=CONTENT_TYPE)

    analyses = Analyses(settings, pool=pool, metrics=metrics, log=log)
    router.add_api_route("/analyze", analyses.analyze, methods=["POST"])
    router.add_api_route("/healthz", healthz, methods=["GET"])
    router.add_api_route("/metrics", metrics_text, methods=["GET"])
    app = FastAPI(title="ai_core stub", version=version, docs_url=None, redoc_url=None)
    app.include_router(router)
    app.include_router(Heaps(enabled=settings.lab_profiling, others=pool.heaps).router())
    return app
