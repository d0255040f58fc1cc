"""What the backend counts of analyses, under the names of the contract."""

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES = ("done", "failed", "rejected")


class AnalysisMetrics:
    """`analyses_total` and `analyze_queue_depth` in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._total = Counter(
            "analyses_total",
            "Analyses that ended, or were refused as the queue was full.",
            ("outcome",),
            registry=registry,
        )
        self.queue_depth = Gauge(
            "analyze_queue_depth", "Analyses that wait to be asked for.", multiprocess_mode="livesum", registry=registry
        )
        for outcome in OUTCOMES:  # a rate needs the 0 before the first
            self._total.labels(outcome)

    def ended(self, outcome: str) -> None:
        """Count one of OUTCOMES."""
        self._total.labels(outcome).inc()
