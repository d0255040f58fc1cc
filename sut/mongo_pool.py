"""`mongodb_pool_*`: what pymongo tells of its connections."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class PoolConnections(ConnectionPoolListener):
    """Counts connections by state: idle, checked_out, and waiting for those who wait for one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        connections = Gauge(
            "mongodb_pool_connections",
            "Connections to MongoDB by state; waiting is what waits for one.",
            ("state",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._idle = connections.labels("idle")
        self._checked_out = connections.labels("checked_out")
        self._waiting = connections.labels("waiting")
        self._wait = Histogram(
            "mongodb_pool_wait_seconds",
            "Time until an operation had its connection, or was refused one.",
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._opened = Counter("mongodb_pool_opened_total", "Connections that were opened.", registry=registry)
        self._closed = Counter("mongodb_pool_closed_total", "Connections that were closed.", registry=registry)
        self._states: dict[int, Gauge] = {}

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """It counts as idle once it is there."""

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """A connection is there."""
        self._opened.inc()
        self._move(event.connection_id, self._idle)

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """A connection is gone."""
        self._closed.inc()
        self._move(event.connection_id, None)

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:  # noqa: ARG002  # no use
        """An operation waits."""
        self._waiting.inc()

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """It has waited in vain."""
        self._waited(event.duration)

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """It has its connection."""
        self._waited(event.duration)
        self._move(event.connection_id, self._checked_out)

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """It has given it back."""
        self._move(event.connection_id, self._idle)

    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Nothing is counted of pools."""

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Nothing is counted of pools."""

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Nothing is counted of pools: each of their connections is closed with an event of its own."""

    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Likewise."""

    def _waited(self, seconds: float | None) -> None:
        self._waiting.dec()
        self._wait.observe(seconds or 0.0)

    def _move(self, connection: int, state: Gauge | None) -> None:
        # a state per connection, since one can be closed out of either
        before = self._states.pop(connection, None)
        if before is not None:
            before.dec()
        if state is not None:
            self._states[connection] = state
            state.inc()
