"""Having one analysis made, from its queued report to a finished one."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable

from pymongo.errors import PyMongoError

from service_kit import trace
from service_kit.json_log import JsonLog
from sut.ai_core import AiCore, AiCoreError
from sut.datasets import Datasets
from sut.metrics import AnalysisMetrics
from sut.reports import Analysis, Reports

_PAUSES_S = (0.1, 0.5, 2.0)  # between tries to write down how an analysis ended


class Analyst:
    """Asks ai_core, and writes down what came of it: report, `analyses_total` and a log line."""

    def __init__(
        self, *, datasets: Datasets, reports: Reports, ai_core: AiCore, metrics: AnalysisMetrics, log: JsonLog
    ) -> None:
        self._datasets = datasets
        self._reports = reports
        self._ai_core = ai_core
        self._metrics = metrics
        self._log = log

    async def work(self, analysis: Analysis) -> None:
        """One analysis. Raises nothing: what goes wrong is the analysis' own outcome."""
        trace.begin(
            trace.Trace(request_id=analysis.request_id, analysis_id=analysis.analysis_id, user_id=analysis.user_id)
        )
        started = time.perf_counter()
        failure = await self._failure_of(self._make, analysis)
        if failure is not None:
            kind, detail = failure
            await self._write_down(lambda: self._reports.fail(analysis.report_id, kind, detail))
        self._tell(failure, time.perf_counter() - started)

    async def _make(self, analysis: Analysis) -> None:
        await self._reports.run(analysis.report_id)
        csv = await self._datasets.csv(analysis.dataset_id)
        if csv is None:
            raise AiCoreError("dataset_gone", "the dataset is not there any more")
        answer = await self._ai_core.analyze(analysis, csv)
        await self._reports.finish(analysis.report_id, answer)

    async def _failure_of(
        self, make: Callable[[Analysis], Awaitable[None]], analysis: Analysis
    ) -> tuple[str, str] | None:
        try:
            await make(analysis)
        except AiCoreError as error:
            return error.kind, str(error)
        except PyMongoError as error:
            return "database", f"MongoDB failed: {type(error).__name__}"
        except Exception:  # noqa: BLE001  # a task that ends would take a share of the queue's speed with it
            self._log.write("error", "an analysis broke", exception=traceback.format_exc())
            return "internal", "the service met an error that it did not expect"
        return None

    async def _write_down(self, write: Callable[[], Awaitable[None]]) -> None:
        for pause_s in (*_PAUSES_S, None):
            try:
                await write()
            except PyMongoError as error:
                self._log.write("error", "a report cannot be written", error=type(error).__name__)
                if pause_s is not None:
                    await asyncio.sleep(pause_s)
            else:
                return

    def _tell(self, failure: tuple[str, str] | None, seconds: float) -> None:
        outcome = "done" if failure is None else "failed"
        self._metrics.ended(outcome)
        fields = {} if failure is None else {"kind": failure[0], "detail": failure[1]}
        level = "info" if failure is None else "warning"
        self._log.write(level, "analysis", outcome=outcome, duration_ms=round(seconds * 1000, 3), **fields)
