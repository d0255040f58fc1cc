"""MongoDB as it sees itself: `serverStatus` once a second, and the slow operations that its profiler writes down."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from lab.collectors import Reading
from lab.collectors.query_shape import query_shape
from lab.model import label_text

_TIMEOUT_MS = 2000
_APP = "lab"
_EVERY = 5  # samples: how often the profiler's collection is looked at
_SCANS = "mongodb_collection_scans_total"
_LAG = timedelta(seconds=1)
"""Operations that end together are written down one after the other: what is younger is read the next time."""

# the sections that are read; the others make two thirds of the answer
_UNREAD = ("locks", "repl", "tcmalloc", "logicalSessionRecordCache", "transactions", "transportSecurity", "security")
_STATUS: dict[str, Any] = {"serverStatus": 1, **dict.fromkeys(_UNREAD, 0)}
_OPERATIONS = ("insert", "query", "update", "delete", "getmore", "command")
_LATENCIES = ("reads", "writes", "commands")
# metric, labels, path in serverStatus, factor
_FIGURES: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    *(("mongodb_operations_total", f"type={t}", ("opcounters", t), 1.0) for t in _OPERATIONS),
    *(("mongodb_op_latency_seconds_total", f"type={t}", ("opLatencies", t, "latency"), 1e-6) for t in _LATENCIES),
    *(("mongodb_op_latency_operations_total", f"type={t}", ("opLatencies", t, "ops"), 1.0) for t in _LATENCIES),
    *(("mongodb_connections", f"state={s}", ("connections", s), 1.0) for s in ("current", "active", "available")),
    ("mongodb_connections_created_total", "", ("connections", "totalCreated"), 1.0),
    *(("mongodb_queue", f"type={t}", ("globalLock", "currentQueue", t), 1.0) for t in ("readers", "writers")),
    *(("mongodb_active_clients", f"type={t}", ("globalLock", "activeClients", t), 1.0) for t in ("readers", "writers")),
    ("mongodb_cache_bytes", "kind=used", ("wiredTiger", "cache", "bytes currently in the cache"), 1.0),
    ("mongodb_cache_bytes", "kind=dirty", ("wiredTiger", "cache", "tracked dirty bytes in the cache"), 1.0),
    ("mongodb_cache_bytes", "kind=maximum", ("wiredTiger", "cache", "maximum bytes configured"), 1.0),
    ("mongodb_cache_pages_total", "kind=requested", ("wiredTiger", "cache", "pages requested from the cache"), 1.0),
    ("mongodb_cache_pages_total", "kind=read", ("wiredTiger", "cache", "pages read into cache"), 1.0),
    ("mongodb_cache_pages_total", "kind=written", ("wiredTiger", "cache", "pages written from cache"), 1.0),
    *(
        ("mongodb_documents_total", f"type={t}", ("metrics", "document", t), 1.0)
        for t in ("deleted", "inserted", "returned", "updated")
    ),
    ("mongodb_scanned_total", "kind=keys", ("metrics", "queryExecutor", "scanned"), 1.0),
    ("mongodb_scanned_total", "kind=documents", ("metrics", "queryExecutor", "scannedObjects"), 1.0),
    (_SCANS, "", ("metrics", "queryExecutor", "collectionScans", "total"), 1.0),
    ("mongodb_sorts_total", "", ("metrics", "operation", "scanAndOrder"), 1.0),
    ("mongodb_network_bytes_total", "direction=in", ("network", "bytesIn"), 1.0),
    ("mongodb_network_bytes_total", "direction=out", ("network", "bytesOut"), 1.0),
    ("mongodb_requests_total", "", ("network", "numRequests"), 1.0),
    ("mongodb_resident_memory_bytes", "", ("mem", "resident"), 2.0**20),
    ("mongodb_page_faults_total", "", ("extra_info", "page_faults"), 1.0),
)
# where it stands has changed with MongoDB 7
_TICKETS = (("wiredTiger", "concurrentTransactions"), ("queues", "execution"))


class MongoCollector:
    """`mongodb_*` of the server at `url`, and `mongodb_up`: 1 where it answered, else 0.

    Operations that the profiler of `database` writes down while this samples go to the file `slow_queries`, one JSON
    object a line, their values left out. What the lab itself asks is not among them.
    """

    name = "mongo"

    def __init__(self, url: str, database: str, slow_queries: Path) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            url,
            appname=_APP,
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            connectTimeoutMS=_TIMEOUT_MS,
            socketTimeoutMS=_TIMEOUT_MS,
            maxPoolSize=2,
            connect=False,
        )
        self._database = database
        self._slow_queries = slow_queries
        self._seen_until = datetime.now(UTC)
        self._slow = 0
        self._own_scans = 0
        self._ticks = 0

    def close(self) -> None:
        """Read what the profiler wrote down last, and close the connections."""
        with contextlib.suppress(PyMongoError, OSError):
            self._keep_slow(datetime.now(UTC))
        self._client.close()

    def sample(self) -> Iterable[Reading]:
        """Read the server's state once, and what its profiler has written down since."""
        try:
            status = self._client.admin.command(_STATUS)
        except PyMongoError:
            return [Reading("mongodb_up", "", 0.0)]
        own_scans = self._own_scans  # until the status was read
        self._ticks += 1
        if self._ticks % _EVERY == 0:
            with contextlib.suppress(PyMongoError, OSError):  # not allowed, which its start has said; a full disk
                self._keep_slow(datetime.now(UTC) - _LAG)
        return [
            Reading("mongodb_up", "", 1.0),
            Reading("mongodb_slow_operations_total", "", float(self._slow)),
            # what the profiler writes has no index, so each look at it is a scan
            *(r._replace(value=r.value - own_scans) if r.metric == _SCANS else r for r in readings(status)),
        ]

    def _keep_slow(self, until: datetime) -> None:
        if not self._database:
            return
        since = {"ts": {"$gt": self._seen_until, "$lte": until}, "appName": {"$ne": _APP}}
        self._own_scans += 1
        found = list(self._client[self._database]["system.profile"].find(since))
        self._seen_until = until
        if not found:
            return
        self._slow += len(found)
        with self._slow_queries.open("ab") as file:
            file.writelines(orjson.dumps(slow_operation(each), option=orjson.OPT_APPEND_NEWLINE) for each in found)


def readings(status: Mapping[str, Any]) -> Iterator[Reading]:
    """Turn the answer of `serverStatus` into readings; what a version of MongoDB does not tell is left out."""
    for metric, labels, path, factor in _FIGURES:
        value = _at(status, path)
        if value is not None:
            yield Reading(metric, labels, value * factor)
    for place in _TICKETS:
        for kind in ("read", "write"):
            for state in ("out", "available"):
                value = _at(status, (*place, kind, state))
                if value is not None:
                    yield Reading("mongodb_tickets", label_text({"kind": kind, "state": state}), value)


def _at(status: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = status
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def slow_operation(profiled: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is kept of a document of system.profile: whose it is, what it asked, how it was answered."""
    command = profiled.get("command") or {}
    seconds = float(profiled.get("millis", 0)) / 1000
    ended: datetime = profiled["ts"].replace(tzinfo=UTC)
    return {
        "time": ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "service": "mongo",
        "requestId": command.get("comment") if isinstance(command.get("comment"), str) else None,
        "operation": profiled.get("op"),
        "collection": str(profiled.get("ns", "")).partition(".")[2],
        "shape": query_shape(command),
        "planSummary": profiled.get("planSummary"),
        "keysExamined": profiled.get("keysExamined"),
        "docsExamined": profiled.get("docsExamined"),
        "returned": profiled.get("nreturned"),
        "duration_ms": round(seconds * 1000, 3),
        "application": profiled.get("appName"),
    }
