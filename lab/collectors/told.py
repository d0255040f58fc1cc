"""Processes that the lab has not started and cannot look into: what they tell of themselves on their own /metrics."""

from collections.abc import Callable, Collection, Iterable, Sequence

from lab.collectors import Collector, Reading
from lab.model import labels_of

_ADDED_UP = ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds")
_STARTED = "process_start_time_seconds"


class ToldCollector:
    """What `watched` sees of processes from outside, and beside it what the services `told` say of themselves.

    These are taken from what `latest` gives, the readings of the last scrape, so they are up to a second older than the
    time that they are kept under. Where a service tells of several workers, their sum is its own, as it is of a family
    of processes, and the start of the youngest one. One that does not answer gives nothing.
    """

    name = "processes"

    def __init__(self, watched: Collector, latest: Callable[[], Sequence[Reading]], told: Collection[str]) -> None:
        self._watched = watched
        self._latest = latest
        self._told = frozenset(told)

    def sample(self) -> Iterable[Reading]:
        """Read every process once."""
        yield from self._watched.sample()
        if not self._told:
            return
        values: dict[tuple[str, str], list[float]] = {}
        for reading in self._latest():
            if reading.metric == _STARTED or reading.metric in _ADDED_UP:
                service = labels_of(reading.labels).get("service", "")
                values.setdefault((reading.metric, service), []).append(reading.value)
        for (metric, service), each in values.items():
            if service in self._told:
                yield Reading(metric, f"service={service}", max(each) if metric == _STARTED else sum(each))
