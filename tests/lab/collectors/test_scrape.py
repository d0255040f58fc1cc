"""The scraper: the same series as Prometheus would keep, and a gap where an endpoint fails."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest

from lab.collectors.scrape import Heads, ScrapeCollector, ours_by_own, parse
from lab.model import labels_of

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


def test_an_endpoint_that_hangs_holds_up_no_other_and_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.collectors.scrape._TIMEOUT_S", 0.2)
    with socket.socket() as silent, an_endpoint(200, METRICS.encode()) as url:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}/metrics"
        readings = {(r.metric, r.labels): r.value for r in ScrapeCollector({"a": hanging, "b": url}).sample()}
    assert readings["up", "service=a"] == 0.0
    assert readings["up", "service=b"] == 1.0
    assert readings["up_time", "service=b"] == 4.5


def test_an_endpoint_that_comes_back_is_up_again() -> None:
    with an_endpoint(200, METRICS.encode()) as url:
        collector = ScrapeCollector({"a": url})
        assert [r.value for r in collector.sample() if r.metric == "up"] == [1.0]
    assert [(r.metric, r.value) for r in collector.sample()] == [("up", 0.0)]


def test_of_an_endpoint_whose_labels_explode_the_first_series_are_kept_and_the_others_counted() -> None:
    few = "".join(f'seen{{id="{n}"}} 1\n' for n in range(8))
    many = few + "".join(f'seen{{id="{n}"}} 1\n' for n in range(8, 50))
    collector = ScrapeCollector({"a": ""}, most_series=10)
    with an_endpoint(200, few.encode()) as url:
        collector._endpoints["a"] = url
        first = list(collector.sample())
    with an_endpoint(200, many.encode()) as url:
        collector._endpoints["a"] = url
        for _ in range(2):
            second = list(collector.sample())
            assert {r.labels for r in first if r.metric == "seen"} <= {r.labels for r in second}
            assert len([r for r in second if r.metric == "seen"]) == 9  # `up` is the tenth
            assert [r.value for r in second if r.metric == "scrape_series_dropped"] == [41.0]
            assert [r.value for r in second if r.metric == "up"] == [1.0]


def test_a_second_scrape_gives_what_a_first_one_would() -> None:
    heads: Heads = {}
    first = parse("backend", METRICS, heads)
    assert parse("backend", METRICS, heads) == first == parse("backend", METRICS)
    later = parse("backend", METRICS.replace("3.0", "4.0"), heads)
    assert [reading.value for reading in later] == [4.0, 4.5]


def test_times_beside_values_and_odd_labels_are_read() -> None:
    text = 'a{p="x y"} 1 1700000000000\nb{q="with \\"quotes\\", a comma"} +Inf 1700000000000\nc 2\n'
    readings = [(r.metric, labels_of(r.labels), r.value) for r in parse("s", text)]
    assert readings == [
        ("a", {"p": "x y", "service": "s"}, 1.0),
        ("b", {"q": 'with "quotes", a comma', "service": "s"}, float("inf")),
        ("c", {"service": "s"}, 2.0),
    ]


@given(
    # names that begin with __ are Prometheus' own, and the client library refuses them
    st.dictionaries(st.from_regex(r"(?!__)[a-z_][a-z0-9_]{0,6}", fullmatch=True), st.text(max_size=10), max_size=3),
    st.floats(allow_nan=False),
)
def test_what_the_client_library_writes_is_read(labels: dict[str, str], value: float) -> None:
    metric = Metric("seen", "", "gauge")
    metric.add_sample("seen", labels, value)

    class Once:
        def collect(self) -> list[Metric]:
            return [metric]

    registry = CollectorRegistry()
    registry.register(Once())  # type: ignore[arg-type]  # it has what is asked of it
    (reading,) = parse("s", generate_latest(registry).decode())
    assert labels_of(reading.labels) == {**labels, "service": "s"}
    assert reading.value == value


OWN_NAMES = """jobs_waiting 3
jobs_waiting_longest 9
lat_bucket{le="1"} 2
lat_sum 1.5
lat_count 2
up_time 4.5
"""


@pytest.mark.parametrize("stamp", ["", " 1700000000000"])
def test_a_services_own_names_are_read_as_the_labs(stamp: str) -> None:
    names = ours_by_own({"analyze_queue_depth": "jobs_waiting", "http_request_duration_seconds": "lat"})
    text = OWN_NAMES.replace("up_time 4.5", f"up_time 4.5{stamp}")
    readings = {r.metric: r.value for r in parse("api", text, {}, names)}
    assert readings == {
        "analyze_queue_depth": 3,
        "jobs_waiting_longest": 9,
        "http_request_duration_seconds_bucket": 2,
        "http_request_duration_seconds_sum": 1.5,
        "http_request_duration_seconds_count": 2,
        "up_time": 4.5,
    }


def test_the_collector_reads_by_a_services_own_names_and_shows_what_it_read_last() -> None:
    with an_endpoint(200, b"jobs_waiting 3\n") as url:
        collector = ScrapeCollector({"api": url}, names={"analyze_queue_depth": "jobs_waiting"})
        assert list(collector.latest()) == []
        readings = list(collector.sample())
    assert {r.metric: r.value for r in readings} == {"up": 1.0, "analyze_queue_depth": 3.0}
    assert list(collector.latest()) == readings
