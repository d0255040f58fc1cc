"""What still waits in the system or is being worked on, by the gauges that a target names for it."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import processes
from lab.collectors import Reading
from lab.collectors.scrape import ours_by_own, scrape


class Backlog:
    """The sum of some gauges over every endpoint; `endpoints` maps a service to the URL of its Prometheus text.

    `names` maps the lab's names of metrics, by which gauges are named, to the services' own.
    """

    def __init__(
        self, endpoints: Mapping[str, str], gauges: Sequence[str], *, names: Mapping[str, str] | None = None
    ) -> None:
        self._names = ours_by_own(names or {})
        self._endpoints = dict(endpoints)
        self._gauges = frozenset(gauges)

    def waiting(self) -> float | None:
        """Give how much waits now; None where no gauge is named or found, or an endpoint does not answer."""
        if not self._gauges or not self._endpoints:
            return None
        with ThreadPoolExecutor(max_workers=len(self._endpoints)) as pool:
            scraped = list(pool.map(self._scrape, self._endpoints.keys(), self._endpoints.values()))
        if any(reading.metric == "up" and not reading.value for readings in scraped for reading in readings):
            return None
        values = [reading.value for readings in scraped for reading in readings if reading.metric in self._gauges]
        return sum(values) if values else None

    def _scrape(self, service: str, url: str) -> list[Reading]:
        return scrape(service, url, names=self._names)

    def drain(
        self,
        *,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> float | None:
        """Wait until nothing waits, and give how many seconds that took; None where it was not in time."""
        begun = clock()
        is_drained = processes.wait_until(
            lambda: self.waiting() == 0, timeout_s=timeout_s, interval_s=0.2, clock=clock, sleep=sleep
        )
        return clock() - begun if is_drained else None
