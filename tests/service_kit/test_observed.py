import asyncio
import io
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry

from service_kit.body_limit import BodyLimit
from service_kit.http_metrics import HttpMetrics
from service_kit.json_log import JsonLog
from service_kit.observed import Observed


class Service:
    """A small application behind the layers of every service."""

    def __init__(self, limit_bytes: int = 10) -> None:
        self.registry = CollectorRegistry()
        self.stream = io.BytesIO()
        app = FastAPI(openapi_url=None)

        @app.get("/items/{id}")
        async def item(request: Request) -> Response:
            if request.path_params["id"] == "broken":
                raise LookupError("hidden detail")
            return Response(b"here")

        @app.post("/items")
        async def add(request: Request) -> Response:
            return Response(str(len(await request.body())))

        self.app = Observed(
            BodyLimit(app, limit_bytes=limit_bytes),
            log=JsonLog("service", self.stream),
            metrics=HttpMetrics(self.registry),
        )

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def story() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, **options)

        return asyncio.run(story())

    def line(self) -> dict[str, Any]:
        return dict(json.loads(self.stream.getvalue().splitlines()[-1]))

    def count(self, method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return self.registry.get_sample_value("http_requests_total", labels)


@pytest.mark.parametrize("given", ["a", "A-1.b_c:d", "x" * 128])
def test_a_sane_request_id_is_taken_returned_and_logged(given: str) -> None:
    service = Service()
    answer = service.ask("GET", "/items/7", headers={"X-Request-Id": given})
    assert answer.headers.get_list("X-Request-Id") == [given]
    assert service.line()["requestId"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", '{"a":1}', "a/b"])
def test_any_other_is_replaced(given: str) -> None:
    service = Service()
    told = service.ask("GET", "/items/7", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert told != given
    assert len(told) == 32
    assert service.line()["requestId"] == told


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("GET", "/items/7", ("GET", "/items/{id}", "200")),
        ("GET", "/nothing/7", ("GET", "unmatched", "404")),
        ("BREW", "/nothing/7", ("OTHER", "unmatched", "404")),
    ],
)
def test_requests_are_counted_by_template(method: str, path: str, counted: tuple[str, str, str]) -> None:
    service = Service()
    service.ask(method, path)
    service.ask(method, path)
    assert service.count(*counted) == 2
    labels = {"method": counted[0], "route": counted[1]}
    assert service.registry.get_sample_value("http_request_duration_seconds_count", labels) == 2
    assert service.registry.get_sample_value("http_requests_in_flight") == 0


def test_a_handler_that_breaks_is_a_500_whose_reason_is_in_the_log_alone() -> None:
    service = Service()
    answer = service.ask("GET", "/items/broken", headers={"X-Request-Id": "id-1"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] == "id-1"
    assert "hidden" not in answer.text
    broke, told = (json.loads(line) for line in service.stream.getvalue().splitlines())
    assert "LookupError: hidden detail" in broke["exception"]
    assert (broke["requestId"], told["status"], told["level"]) == ("id-1", 500, "error")
    assert service.count("GET", "/items/{id}", "500") == 1
    assert service.registry.get_sample_value("http_requests_in_flight") == 0


@pytest.mark.parametrize(("size", "status"), [(0, 200), (10, 200), (11, 413), (100_000, 413)])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_body_may_be_as_large_as_the_limit_however_it_comes(size: int, status: int, pieces: int) -> None:
    async def stream() -> Any:
        step = max(1, size // pieces)
        for start in range(0, size, step):
            yield b"x" * min(step, size - start)

    service = Service(limit_bytes=10)
    answer = service.ask("POST", "/items", content=stream())
    assert answer.status_code == status
    assert answer.text == (str(size) if status == 200 else '{"detail":"the body is larger than 10 bytes"}')


def asgi(app: Any, messages: Iterable[dict[str, Any]], scope_type: str = "http") -> list[dict[str, Any]]:
    """What `app` sends when it is given `messages`."""
    given, sent = iter(messages), []

    async def receive() -> dict[str, Any]:
        return next(given)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": scope_type, "method": "GET", "path": "/", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_client_that_left_is_a_499() -> None:
    async def silent(*_: object) -> None:
        pass

    stream, registry = io.BytesIO(), CollectorRegistry()
    asgi(Observed(silent, log=JsonLog("service", stream), metrics=HttpMetrics(registry)), [])
    assert json.loads(stream.getvalue())["status"] == 499


def test_a_break_after_the_answer_has_begun_cannot_change_it() -> None:
    async def late(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError

    stream, registry = io.BytesIO(), CollectorRegistry()
    sent = asgi(Observed(late, log=JsonLog("service", stream), metrics=HttpMetrics(registry)), [])
    assert [message["type"] for message in sent] == ["http.response.start"]
