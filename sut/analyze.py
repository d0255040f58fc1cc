"""POST /analyze."""

import uuid
from typing import Annotated, Literal

from bson import ObjectId
from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import Field

from service_kit import trace
from service_kit.answers import json_answer
from sut.analysis_queue import AnalysisQueue, QueueFullError
from sut.bodies import Body, read_body
from sut.datasets import Datasets, why_not_learnable
from sut.metrics import AnalysisMetrics
from sut.reports import Analysis, Reports
from sut.tokens import Tokens


class AnalyzeRequest(Body):
    """The body of POST /analyze."""

    dataset_id: Annotated[str, Field(alias="datasetId", max_length=100)]
    target: str | None = None
    """The column to learn; the last one where none is named."""

    explainer: Literal["tree", "kernel"] = "tree"
    samples: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Rows to explain; ai_core's own number for the explainer where none is named."""


class Analyze:
    """Takes analyses into the queue, and refuses at once what can come to nothing."""

    def __init__(
        self,
        *,
        datasets: Datasets,
        reports: Reports,
        queue: AnalysisQueue,
        tokens: Tokens,
        metrics: AnalysisMetrics,
        retry_after_s: int,
    ) -> None:
        self._datasets = datasets
        self._reports = reports
        self._queue = queue
        self._tokens = tokens
        self._metrics = metrics
        self._retry_after_s = retry_after_s

    async def analyze(self, request: Request) -> Response:
        """Queue an analysis. 404 without the dataset, 422 where nothing can be learned, 503 where the queue is full."""
        user_id = self._tokens.user_of(request)
        asked = await read_body(request, AnalyzeRequest)
        try:
            # before the database is asked anything: refusing must be cheap when there is too much to do
            with self._queue.place() as fill:
                analysis = await self._analysis(asked, user_id)
                await self._reports.add(analysis)
                fill(analysis)
        except QueueFullError:
            self._metrics.ended("rejected")
            headers = {"Retry-After": str(self._retry_after_s)}
            raise HTTPException(503, "too many analyses wait; try again later", headers) from None
        answer = {"analysisId": analysis.analysis_id, "reportId": analysis.report_id, "status": "queued"}
        return json_answer(answer, 202)

    async def _analysis(self, asked: AnalyzeRequest, user_id: str) -> Analysis:
        ids = trace.current()
        target = await self._target(asked, user_id)
        ids.analysis_id = uuid.uuid4().hex
        return Analysis(
            report_id=str(ObjectId()),
            analysis_id=ids.analysis_id,
            request_id=ids.request_id or "",
            user_id=user_id,
            dataset_id=asked.dataset_id,
            target=target,
            explainer=asked.explainer,
            samples=asked.samples,
        )

    async def _target(self, asked: AnalyzeRequest, user_id: str) -> str:
        columns = await self._datasets.columns(asked.dataset_id, user_id)
        if columns is None:
            raise HTTPException(404, "there is no such dataset")
        target = columns[-1].name if asked.target is None else asked.target
        problem = why_not_learnable(columns, target)
        if problem is not None:
            raise HTTPException(422, problem)
        return target

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_api_route("/analyze", self.analyze, methods=["POST"])
        return router
