"""What the lab itself sees, as Prometheus text on a free port of this machine, for a Prometheus server to scrape."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.registry import Collector

from lab.collectors import Reading
from lab.model import labels_of, series_name

_log = logging.getLogger(__name__)
_LOOPBACK = (("127.0.0.1", "127.0.0.1"),)


class Exporter(Collector):
    """Serves, while it is open (`with`), the last readings of each collector that it is told of by `publish`.

    `without` names collectors whose readings are left out: a server scrapes those where they come from. `hosts` are the
    addresses that it may listen on, with the name of each by which the server finds it: the first that this machine
    has is taken.
    """

    def __init__(self, *, without: Iterable[str] = (), hosts: Sequence[tuple[str, str]] = _LOOPBACK) -> None:
        self._hosts = tuple(hosts)
        self._without = frozenset(without)
        self._readings: dict[str, Sequence[Reading]] = {}
        self.address = ""
        """Host and port, while it is open."""

    def __enter__(self) -> Self:
        registry = CollectorRegistry()
        registry.register(self)
        for place, (own, seen) in enumerate(self._hosts, start=1):
            try:
                self._server, self._thread = start_http_server(0, addr=own, registry=registry)
            except OSError as error:  # not an address of this machine: the engine runs in a machine of its own
                if place == len(self._hosts):
                    raise
                _log.info("the lab cannot be scraped at %s: %s", own, error)
                continue
            self.address = f"{seen}:{self._server.server_port}"
            break
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.address = ""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5.0)

    def publish(self, collector: str, readings: Sequence[Reading]) -> None:
        """Show these readings from now on, in place of the collector's earlier ones."""
        if collector not in self._without:
            self._readings[collector] = [r._replace(metric=series_name(collector, r.metric)) for r in readings]

    def collect(self) -> Iterator[Metric]:
        """Give everything that was published, by metric."""
        by_metric: dict[str, list[Reading]] = defaultdict(list)
        for readings in tuple(self._readings.values()):
            for reading in readings:
                by_metric[reading.metric].append(reading)
        for name, readings in by_metric.items():
            metric = Metric(name, "see docs/telemetry.md", "unknown")
            for reading in readings:
                metric.add_sample(name, labels_of(reading.labels), reading.value)
            yield metric
