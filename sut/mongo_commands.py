"""`mongodb_command_duration_seconds`, and a log line for each slow command."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from service_kit.json_log import JsonLog
from sut.query_shape import shape

_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Commands(CommandListener):
    """Hears each command twice, in the task that sends it, so that a slow one's line has the ids of that work."""

    def __init__(self, registry: CollectorRegistry, *, log: JsonLog, slow_s: float) -> None:
        self._duration = Histogram(
            "mongodb_command_duration_seconds",
            "Time of commands to MongoDB, from sending to the answer.",
            ("command", "collection"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._children: dict[tuple[str, str], Histogram] = {}
        self._open: dict[int, Mapping[str, Any]] = {}
        self._log = log
        self._slow_s = slow_s

    def started(self, event: CommandStartedEvent) -> None:
        """Remember the command: the events of its end do not have it."""
        self._open[event.request_id] = event.command

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count it."""
        self._ended(event, "ok")

    def failed(self, event: CommandFailedEvent) -> None:
        """Count it likewise: a slow failure is slow."""
        self._ended(event, "failed")

    def _ended(self, event: CommandSucceededEvent | CommandFailedEvent, outcome: str) -> None:
        command = self._open.pop(event.request_id, {})
        name, seconds = event.command_name, event.duration_micros / 1e6
        collection = _collection(name, command)
        self._child(name, collection).observe(seconds)
        if seconds >= self._slow_s:
            self._log.write(
                "warning",
                "slow query",
                command=name,
                collection=collection,
                shape=shape(command),
                outcome=outcome,
                duration_ms=round(seconds * 1000, 3),
            )

    def _child(self, name: str, collection: str) -> Histogram:
        child = self._children.get((name, collection))
        if child is None:
            child = self._children[name, collection] = self._duration.labels(name, collection)
        return child


def _collection(name: str, command: Mapping[str, Any]) -> str:
    # the value beside the command's name is its collection, except for commands that have none or say it elsewhere
    found = command.get("collection", command.get(name))
    return found if isinstance(found, str) else ""
