"""The scraper: the same series as Prometheus would keep, and a gap where an endpoint fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.collectors.scrape import ScrapeCollector, parse

METRICS = """# TYPE http_requests_total counter
http_requests_total{method="GET",route="/a",status="200"} 3.0
http_requests_created{method="GET",route="/a",status="200"} 1.7e9
# TYPE up_time gauge
up_time 4.5
"""


@contextmanager
def an_endpoint(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_sample_carries_the_service_beside_its_own_labels() -> None:
    readings = {(r.metric, r.labels): r.value for r in parse("backend", METRICS)}
    assert readings == {
        ("http_requests_total", "method=GET,route=/a,service=backend,status=200"): 3.0,
        ("up_time", "service=backend"): 4.5,
    }


def test_an_endpoint_that_answers_is_up_and_one_that_does_not_is_down_in_the_same_tick() -> None:
    with an_endpoint(200, METRICS.encode()) as good, an_endpoint(500, b"oops") as bad:
        readings = list(ScrapeCollector({"good": good, "bad": bad, "gone": "http://127.0.0.1:1/metrics"}).sample())
    up = {r.labels: r.value for r in readings if r.metric == "up"}
    assert up == {"service=good": 1.0, "service=bad": 0.0, "service=gone": 0.0}
    assert any(r.metric == "up_time" for r in readings)


@pytest.mark.parametrize("body", [b"http_requests_total{ 3\n", b"\xff\xfe", b"a" * (4 * 1024 * 1024 + 1)])
def test_garbage_and_floods_are_down_and_leave_nothing_else(body: bytes) -> None:
    with an_endpoint(200, body) as url:
        readings = list(ScrapeCollector({"x": url}).sample())
    assert [(r.metric, r.value) for r in readings] == [("up", 0.0)]
