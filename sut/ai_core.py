"""Asking ai_core for an analysis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from service_kit.json_log import JsonLog
from sut.reports import Analysis

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

Sleep = Callable[[float], Awaitable[None]]


class AiCoreError(Exception):
    """There is no analysis; `kind` is ai_core's own word, or `unreachable`, `timeout` or `bad_answer`."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


class AiCore:
    """The service at a URL. What it refuses because it is full, or cannot be reached, is tried again for a while."""

    def __init__(
        self, session: aiohttp.ClientSession, *, deadline_s: float, log: JsonLog, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._session = session
        self._deadline_s = deadline_s
        self._log = log
        self._sleep = sleep

    async def analyze(self, analysis: Analysis, csv: str) -> dict[str, Any]:
        """The answer of ai_core. Raises AiCoreError, with kind `timeout` or that of the last try after the deadline."""
        body = _body(analysis, csv)
        tries = _Tries()
        try:
            async with asyncio.timeout(self._deadline_s):
                while True:
                    answer = await self._try(analysis, body, tries)
                    if answer is not None:
                        return answer
                    await self._sleep(tries.pause_s())
        except TimeoutError:
            raise tries.last or AiCoreError("timeout", f"no answer within {self._deadline_s:g} s") from None

    async def healthy(self, timeout_s: float) -> bool:
        """Whether it answers."""
        try:
            async with asyncio.timeout(timeout_s), self._session.get("/healthz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _try(self, analysis: Analysis, body: bytes, tries: "_Tries") -> dict[str, Any] | None:
        headers = {"X-Request-Id": analysis.request_id, "Content-Type": "application/json"}
        try:
            tries.last = None
            async with self._session.post("/analyze", data=body, headers=headers) as response:
                return _analysis(response.status, await response.read())
        except aiohttp.ClientError as error:
            tries.last = AiCoreError("unreachable", f"ai_core does not answer: {type(error).__name__}")
        except _FullError as error:
            tries.last = AiCoreError("queue_full", str(error))
        self._log.write("warning", "ai_core is asked again", kind=tries.last.kind)
        return None


class _FullError(Exception):
    """ai_core takes nothing now."""


class _Tries:
    """Why the last try gave nothing, and how long to wait before the next: twice as long each time."""

    def __init__(self) -> None:
        self.last: AiCoreError | None = None
        self._pause_s = _FIRST_PAUSE_S

    def pause_s(self) -> float:
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return pause_s


def _body(analysis: Analysis, csv: str) -> bytes:
    asked = {
        "analysisId": analysis.analysis_id,
        "target": analysis.target,
        "explainer": analysis.explainer,
        "samples": analysis.samples,
        "csv": csv,
    }
    return orjson.dumps(asked)


def _analysis(status: int, body: bytes) -> dict[str, Any]:
    if status == 503:
        raise _FullError("ai_core had no room until the deadline")
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise AiCoreError("bad_answer", f"ai_core answered {status} and no JSON object")
    if status != 200:
        kind, detail = answer.get("kind", "bad_answer"), answer.get("detail", f"ai_core answered {status}")
        raise AiCoreError(str(kind), str(detail))
    return answer


@asynccontextmanager
async def open_ai_core(url: str, *, deadline_s: float, log: JsonLog) -> AsyncIterator[AiCore]:
    """A client with connections of its own, closed afterwards."""
    # no limit here: how many analyses are asked for at once is the queue's decision
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as session:
        yield AiCore(session, deadline_s=deadline_s, log=log)
