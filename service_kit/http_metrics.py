"""Counts and durations of HTTP requests, by route template."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

DURATION_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8,
    1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 5.0, 8.0, 12.0, 16.0, 30.0,
)  # fmt: skip
"""Dense around the targets (0.3, 0.8, 1, 2.5 and 12 s), so that a percentile read from them is near the true one."""


class HttpMetrics:
    """`http_requests_total`, `http_request_duration_seconds` and `http_requests_in_flight` in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._total = Counter(
            "http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("method", "route"),
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self.in_flight = Gauge(
            "http_requests_in_flight", "HTTP requests being answered.", multiprocess_mode="livesum", registry=registry
        )
        # `labels()` takes a lock and builds a key each time; there are few combinations
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. A method that HTTP does not define counts as OTHER, so that labels stay few."""
        key = (method if method in _METHODS else "OTHER", route, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._make(*key)
        children[0].inc()
        children[1].observe(seconds)

    def _make(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._total.labels(method, route, str(status)), self._duration.labels(method, route)
