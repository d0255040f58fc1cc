"""What ai_core counts, under the names of the contract."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ERROR_KINDS = ("bad_request", "bad_table", "queue_full", "timeout", "worker_died", "internal")

_BUCKETS_S = (
    0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8,
    1.0, 1.5, 2.5, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0,
)  # fmt: skip


class AiCoreMetrics:
    """`ai_core_analyze_seconds`, `ai_core_errors_total` and `ai_core_queue_depth` in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "ai_core_analyze_seconds",
            "Seconds of an analysis by part; total also counts the wait for a worker.",
            ("explainer", "phase"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._errors = Counter(
            "ai_core_errors_total", "Analyses that were refused or failed.", ("kind",), registry=registry
        )
        self.queue_depth = Gauge(
            "ai_core_queue_depth", "Analyses that wait for a worker.", multiprocess_mode="livesum", registry=registry
        )
        for kind in ERROR_KINDS:  # a rate needs the 0 before the first error
            self._errors.labels(kind)

    def analysed(self, explainer: str, seconds: dict[str, float]) -> None:
        """Count the parts of one analysis."""
        for phase, value in seconds.items():
            self._seconds.labels(explainer, phase).observe(value)

    def failed(self, kind: str) -> None:
        """Count one of ERROR_KINDS."""
        self._errors.labels(kind).inc()
