"""`process_*` metrics of several processes as if they were one."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

_CPU = "process_cpu_seconds_total"
# of these a sum says nothing: the family began with its oldest member, and each has the same limit
_COMBINED: dict[str, Callable[[Iterable[float]], float]] = {"process_start_time_seconds": min, "process_max_fds": max}


class ProcessFamily(Collector):
    """What prometheus-client tells of one process, summed over the living members of a family.

    The CPU seconds of members that have ended stay in the sum, as last seen, so that the counter never falls. Resident
    memory counts pages that members share once for each of them.
    """

    def __init__(self, pids: Callable[[], Iterable[int]] = lambda: (os.getpid(),)) -> None:
        """Ask `pids` for the members at each scrape."""
        self._pids = pids
        self._cpu_s: dict[int, float] = {}

    def collect(self) -> Iterator[Metric]:
        """Give one metric per name."""
        families: dict[str, list[Metric]] = {}
        for pid in self._pids():
            for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                families.setdefault(metric.samples[0].name, []).append(metric)
                if metric.samples[0].name == _CPU:
                    self._cpu_s[pid] = metric.samples[0].value
        for name, members in families.items():
            yield self._one(name, members)

    def _one(self, name: str, members: list[Metric]) -> Metric:
        values = [metric.samples[0].value for metric in members]
        value = sum(self._cpu_s.values()) if name == _CPU else _COMBINED.get(name, sum)(values)
        first = members[0]
        whole = Metric(first.name, first.documentation, first.type)
        whole.add_sample(name, {}, value)
        return whole
