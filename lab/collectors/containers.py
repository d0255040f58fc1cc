"""What containers use, as the engine counts it: under the same names as for processes, and what only they have.

CPU, memory, input and output are the engine's own counters, of everything in a container, also where its processes
cannot be seen from here (Docker Desktop, another user's). Open files, sockets and context switches come from /proc, and
are left out where that does not tell.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from lab.collectors import Reading
from lab.collectors.host import ProcessCollector

_FROM_PROC = (
    "process_open_fds",
    "process_sockets",
    "process_threads",
    "process_voluntary_context_switches_total",
    "process_involuntary_context_switches_total",
    "process_unique_memory_bytes",
)
_NO_LIMIT = 2**60
"""What an engine gives for a container without a memory limit is the machine's memory, or a number as large as this."""


Stats = Callable[[str], Mapping[str, Any]]
"""Gives one reading of a container's counters, as Docker's API has them, by its id. May raise OSError."""

_INTERVAL_S = 1.0
_FRESH_S = 3.0


class LatestStats:
    """The last reading of each container, from a thread for each: an engine may take a second to give one.

    While it is open (`with`), calling it gives a reading that is hardly older than a second, at once; it raises OSError
    where there is none.
    """

    def __init__(self, stats: Stats, containers: Iterable[str]) -> None:
        self._stats = stats
        self._latest: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(id_,), name=f"stats-{id_[:12]}", daemon=True)
            for id_ in containers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    def __call__(self, container: str) -> Mapping[str, Any]:
        """Give what was read last of a container. Raises OSError where that is more than three seconds ago."""
        read_at, found = self._latest.get(container, (float("-inf"), {}))
        if time.monotonic() - read_at > _FRESH_S:
            raise OSError(f"the engine gave no figures of container {container[:12]}")
        return found

    def _read(self, container: str) -> None:
        while not self._ended.is_set():
            begun = time.monotonic()
            with contextlib.suppress(OSError):
                found = self._stats(container)
                self._latest[container] = (time.monotonic(), found)
            self._ended.wait(max(0.0, begun + _INTERVAL_S - time.monotonic()))


class ContainerCollector:
    """The containers of services, by name; beside them the processes of this machine: the lab and its generator.

    `started_at` is when each container started, in epoch seconds; `pids` the first process of each, where it is seen
    here.
    """

    name = "processes"

    def __init__(
        self,
        stats: Stats,
        containers: Mapping[str, str],
        *,
        started_at: Mapping[str, float],
        pids: Mapping[str, int],
        own: ProcessCollector,
    ) -> None:
        self._stats = stats
        self._containers = dict(containers)
        self._started_at = dict(started_at)
        self._inside = ProcessCollector(dict(pids))
        self._own = own

    def watch(self, service: str, pid: int | None) -> None:
        """Watch this process of this machine under this name from now on; None ends it."""
        self._own.watch(service, pid)

    def sample(self) -> Iterable[Reading]:
        """Read everything once; a container that has ended gives nothing."""
        yield from self._own.sample()
        seen: set[tuple[str, str]] = set()
        for reading in self._inside.sample():
            if reading.metric in _FROM_PROC:
                seen.add((reading.metric, reading.labels))
                yield reading
        for service, container in self._containers.items():
            with contextlib.suppress(OSError):
                for reading in readings(service, self._stats(container), self._started_at.get(service)):
                    if (reading.metric, reading.labels) not in seen:
                        yield reading


def readings(service: str, stats: Mapping[str, Any], started_at: float | None) -> Iterator[Reading]:
    """Turn what the engine says of a container (cgroup v1 or v2) into readings; what it does not say is left out."""
    labels = f"service={service}"
    cpu, memory = _part(stats, "cpu_stats"), _part(stats, "memory_stats")
    if not _part(cpu, "cpu_usage").get("total_usage"):
        return  # it does not run: every counter would fall to 0
    values = {
        "process_cpu_seconds_total": _part(cpu, "cpu_usage")["total_usage"] / 1e9,
        "process_start_time_seconds": started_at,
        "process_threads": _part(stats, "pids_stats").get("current"),
        **_memory(memory),
        **_throttling(_part(cpu, "throttling_data")),
        **_network(stats.get("networks") or {}),
        **_moved(_part(stats, "blkio_stats").get("io_service_bytes_recursive") or ()),
    }
    for metric, value in values.items():
        if value is not None:
            yield Reading(metric, labels, float(value))


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return of.get(name) or {}


def _memory(memory: Mapping[str, Any]) -> dict[str, float | None]:
    detail, usage, limit = _part(memory, "stats"), memory.get("usage"), memory.get("limit")
    is_v1 = "total_rss" in detail
    own = detail.get("total_rss") if is_v1 else detail.get("anon")
    mapped = detail.get("total_mapped_file") if is_v1 else detail.get("file_mapped")
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return {
        "process_resident_memory_bytes": usage if own is None else own + (mapped or 0),
        "container_memory_working_set_bytes": None if usage is None else max(0, usage - cache),
        "container_memory_limit_bytes": limit if limit and limit < _NO_LIMIT else None,
        "container_memory_limit_hits_total": memory.get("failcnt"),
    }


def _throttling(data: Mapping[str, Any]) -> dict[str, float | None]:
    if "periods" not in data:
        return {}
    return {
        "container_cpu_periods_total": data["periods"],
        "container_cpu_throttled_periods_total": data.get("throttled_periods"),
        "container_cpu_throttled_seconds_total": data.get("throttled_time", 0) / 1e9,
    }


def _network(networks: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    if not networks:
        return {}
    return {
        "container_network_sent_bytes_total": sum(of.get("tx_bytes", 0) for of in networks.values()),
        "container_network_received_bytes_total": sum(of.get("rx_bytes", 0) for of in networks.values()),
        "container_network_dropped_packets_total": sum(
            of.get("rx_dropped", 0) + of.get("tx_dropped", 0) for of in networks.values()
        ),
    }


def _moved(entries: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    totals = {"read": 0.0, "write": 0.0}
    found = list(entries)
    for entry in found:
        kind = str(entry.get("op", "")).lower()
        if kind in totals:
            totals[kind] += float(entry.get("value", 0))
    return {"process_read_bytes_total": totals["read"], "process_written_bytes_total": totals["write"]} if found else {}
