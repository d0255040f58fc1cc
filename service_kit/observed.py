"""The outermost layer of a service: request ids, access log, metrics, and the answer when a handler breaks."""

import re
import time
import traceback
import uuid

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit import trace
from service_kit.http_metrics import HttpMetrics
from service_kit.json_log import JsonLog

UNMATCHED = "unmatched"
"""The route of every request that no route matches."""

_METRICS = "/metrics"
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_HEADER = b"x-request-id"
_GONE = 499  # nginx's code for a client that left before the answer began
_BROKEN = orjson.dumps({"detail": "the service met an error that it did not expect; its log has the request id"})


class Observed:
    """A pure ASGI layer, since Starlette's BaseHTTPMiddleware costs three times as much per request."""

    def __init__(self, app: ASGIApp, *, log: JsonLog, metrics: HttpMetrics) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answer = _Answer(send, trace.begin(trace.Trace(request_id=_request_id(scope))))
        waits = int(scope["path"] != _METRICS)  # a scrape that counted itself would never see an idle service
        self._metrics.in_flight.inc(waits)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:  # noqa: BLE001  # the last layer: whatever a handler raises is told here
            await self._broken(answer)
        finally:
            self._metrics.in_flight.dec(waits)
            self._tell(scope, answer, time.perf_counter() - started)

    async def _broken(self, answer: "_Answer") -> None:
        self._log.write("error", "a request broke", exception=traceback.format_exc())
        if answer.status is None:
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BROKEN)).encode())]
            await answer.send({"type": "http.response.start", "status": 500, "headers": headers})
            await answer.send({"type": "http.response.body", "body": _BROKEN})

    def _tell(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route, status = _route(scope), answer.status or _GONE
        self._metrics.answered(scope["method"], route, status, seconds)
        level = "error" if status >= 500 else "info"
        fields = {"route": route, "method": scope["method"], "status": status, "duration_ms": round(seconds * 1000, 3)}
        self._log.write(level, "request", **fields)


class _Answer:
    """Passes an answer on with the request id in its headers, and remembers its status."""

    def __init__(self, send: Send, ids: trace.Trace) -> None:
        self._send = send
        self._id = (ids.request_id or "").encode()
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (_HEADER, self._id)]
        await self._send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _HEADER and _SANE.fullmatch(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or UNMATCHED
