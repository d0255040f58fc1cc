import io
import json
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionReadyEvent,
)

from service_kit.json_log import JsonLog
from sut.mongo_commands import Commands
from sut.mongo_pool import PoolConnections

HERE = ("127.0.0.1", 27017)
COUNT = "mongodb_command_duration_seconds_count"


class Heard:
    """Commands as they are heard, and what comes of them."""

    def __init__(self, slow_s: float = 1.0) -> None:
        self.registry = CollectorRegistry()
        self.stream = io.BytesIO()
        self.commands = Commands(self.registry, log=JsonLog("backend", self.stream), slow_s=slow_s)

    def start(self, command: dict[str, object], request_id: int = 1) -> None:
        self.commands.started(CommandStartedEvent(command, "db", request_id, HERE, 0))

    def succeed(self, name: str, seconds: float, request_id: int = 1) -> None:
        took = timedelta(seconds=seconds)
        self.commands.succeeded(CommandSucceededEvent(took, {}, name, request_id, HERE, 0))

    def fail(self, name: str, seconds: float) -> None:
        self.commands.failed(CommandFailedEvent(timedelta(seconds=seconds), {}, name, 1, HERE, 0))

    def count(self, command: str, collection: str) -> float | None:
        return self.registry.get_sample_value(COUNT, {"command": command, "collection": collection})

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("command", "collection"),
    [
        ({"find": "reports"}, "reports"),
        ({"getMore": 7, "collection": "reports"}, "reports"),
        ({"ping": 1}, ""),
        ({"endSessions": [{"id": 1}]}, ""),
    ],
)
def test_a_command_is_counted_with_its_collection(command: dict[str, object], collection: str) -> None:
    heard, name = Heard(), next(iter(command))
    heard.start(command)
    heard.succeed(name, 0.001)
    assert heard.count(name, collection) == 1
    assert heard.lines() == []


def test_commands_that_overlap_are_not_mixed_up() -> None:
    heard = Heard()
    heard.start({"find": "users"}, request_id=1)
    heard.start({"find": "reports"}, request_id=2)
    heard.succeed("find", 0.001, request_id=2)
    assert (heard.count("find", "reports"), heard.count("find", "users")) == (1, None)


@pytest.mark.parametrize(("seconds", "lines"), [(0.999, 0), (1.0, 1), (3.0, 1)])
def test_a_command_is_slow_from_the_limit_on(seconds: float, lines: int) -> None:
    heard = Heard(slow_s=1.0)
    heard.start({"find": "users", "filter": {"_id": "mia@b.example"}})
    heard.succeed("find", seconds)
    assert len(heard.lines()) == lines
    assert b"mia" not in heard.stream.getvalue()


def test_a_slow_failure_is_slow_and_says_that_it_failed() -> None:
    heard = Heard(slow_s=1.0)
    heard.start({"find": "users"})
    heard.fail("find", 2.5)
    (line,) = heard.lines()
    assert (line["outcome"], line["duration_ms"], line["collection"]) == ("failed", 2500.0, "users")
    assert heard.count("find", "users") == 1


class Pool:
    """A pool as it is heard."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = PoolConnections(self.registry)

    def states(self) -> dict[str, float | None]:
        name = "mongodb_pool_connections"
        return {s: self.registry.get_sample_value(name, {"state": s}) for s in ("idle", "checked_out", "waiting")}


def test_a_connection_is_waited_for_used_and_idle_in_turn() -> None:
    pool = Pool()
    pool.connections.connection_check_out_started(ConnectionCheckOutStartedEvent(HERE))
    assert pool.states() == {"idle": 0, "checked_out": 0, "waiting": 1}
    pool.connections.connection_ready(ConnectionReadyEvent(HERE, 1, 0.01))
    pool.connections.connection_checked_out(ConnectionCheckedOutEvent(HERE, 1, 0.25))
    assert pool.states() == {"idle": 0, "checked_out": 1, "waiting": 0}
    pool.connections.connection_checked_in(ConnectionCheckedInEvent(HERE, 1))
    assert pool.states() == {"idle": 1, "checked_out": 0, "waiting": 0}
    assert pool.registry.get_sample_value("mongodb_pool_wait_seconds_sum") == 0.25
    assert pool.registry.get_sample_value("mongodb_pool_opened_total") == 1
    assert pool.registry.get_sample_value("mongodb_pool_closed_total") == 0


def test_a_connection_that_is_closed_counts_nowhere_whatever_it_did() -> None:
    pool = Pool()
    for connection in (1, 2):
        pool.connections.connection_ready(ConnectionReadyEvent(HERE, connection, 0.01))
    pool.connections.connection_check_out_started(ConnectionCheckOutStartedEvent(HERE))
    pool.connections.connection_checked_out(ConnectionCheckedOutEvent(HERE, 1, 0.0))
    for connection in (1, 2, 3):
        pool.connections.connection_closed(ConnectionClosedEvent(HERE, connection, "stale"))
    assert pool.states() == {"idle": 0, "checked_out": 0, "waiting": 0}


def test_a_wait_in_vain_is_a_wait() -> None:
    pool = Pool()
    pool.connections.connection_check_out_started(ConnectionCheckOutStartedEvent(HERE))
    pool.connections.connection_check_out_failed(ConnectionCheckOutFailedEvent(HERE, "timeout", 5.0))
    assert pool.states()["waiting"] == 0
    assert pool.registry.get_sample_value("mongodb_pool_wait_seconds_sum") == 5.0
