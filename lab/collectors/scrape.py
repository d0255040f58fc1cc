"""A light Prometheus scraper: the same series, names and labels as a server would keep, from the same endpoints."""

import http.client
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.parser import text_string_to_metric_families

from lab.collectors import Reading
from lab.model import label_text

_TIMEOUT_S = 2.0
_FRESH_S = 3.0
_PARTS = ("", "_bucket", "_sum", "_count")
_MAX_BYTES = 4 * 1024 * 1024
MOST_SERIES = 5_000
"""The most series of one endpoint that are kept; the stubs have some hundreds."""

_MOST_HEADS = 4 * MOST_SERIES
_TIMESTAMPED = ("", "")
Heads = dict[str, tuple[str, str] | None]
"""What stands before a value in Prometheus text, and the metric and labels that it names."""


class ScrapeCollector:
    """Every metric of every endpoint, with the label `service`, and `up{service}`: 1 where it answered, else 0.

    Of each endpoint `most_series` are kept, those that were seen first: where a label holds an id, the others are
    counted in `scrape_series_dropped{service}` and left out. `names` maps the lab's names of metrics to the services'
    own, which are read and never seen again.
    """

    name = "scrape"

    def __init__(
        self, endpoints: Mapping[str, str], *, names: Mapping[str, str] | None = None, most_series: int = MOST_SERIES
    ) -> None:
        """Scrape `endpoints`, service name to URL of the Prometheus text."""
        self._names = ours_by_own(names or {})
        self._latest: tuple[float, Sequence[Reading]] = (float("-inf"), ())
        self._endpoints = dict(endpoints)
        self._most_series = most_series
        self._known: dict[str, set[tuple[str, str]]] = {service: set() for service in endpoints}
        self._heads: dict[str, Heads] = {service: {} for service in endpoints}
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(endpoints)), thread_name_prefix="scrape")

    def sample(self) -> Iterable[Reading]:
        """Scrape every endpoint once, at the same time; none is waited for longer than its time-out."""
        scraped = self._pool.map(
            lambda service, url, heads: scrape(service, url, heads, self._names),
            self._endpoints.keys(),
            self._endpoints.values(),
            self._heads.values(),
        )
        readings = list(self._kept(scraped))
        self._latest = (time.monotonic(), readings)
        return readings

    def latest(self) -> Sequence[Reading]:
        """Give what was read last, for another collector; nothing where that is more than a few seconds ago."""
        read_at, readings = self._latest
        return readings if time.monotonic() - read_at < _FRESH_S else ()

    def _kept(self, scraped: Iterable[list[Reading]]) -> Iterator[Reading]:
        for service, readings in zip(self._endpoints, scraped, strict=True):
            kept = [reading for reading in readings if self._is_kept(self._known[service], reading)]
            yield from kept
            if len(kept) < len(readings):
                yield Reading("scrape_series_dropped", label_text({"service": service}), len(readings) - len(kept))

    def _is_kept(self, known: set[tuple[str, str]], reading: Reading) -> bool:
        if len(known) < self._most_series:
            known.add((reading.metric, reading.labels))
            return True
        return (reading.metric, reading.labels) in known


def ours_by_own(names: Mapping[str, str]) -> dict[str, str]:
    """Give the lab's name of each metric by a service's own, those of a histogram's parts too."""
    return {f"{own}{part}": f"{ours}{part}" for ours, own in names.items() for part in _PARTS}


def scrape(service: str, url: str, heads: Heads | None = None, names: Mapping[str, str] | None = None) -> list[Reading]:
    """Scrape one endpoint once: `up{service}`, and what it says where that is 1. For the others see `parse`."""
    try:
        readings = parse(service, _fetch(url), heads, names)
    except (OSError, ValueError, http.client.HTTPException):
        return [Reading("up", f"service={service}", 0.0)]
    return [Reading("up", f"service={service}", 1.0), *readings]


def _fetch(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("GET", path, headers={"Accept": "text/plain"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ValueError(f"{url} answered {answer.status}")
        body = answer.read(_MAX_BYTES + 1)
    finally:
        connection.close()
    if len(body) > _MAX_BYTES:
        raise ValueError(f"{url} sent more than {_MAX_BYTES} bytes")
    return body.decode()


def parse(service: str, text: str, heads: Heads | None = None, names: Mapping[str, str] | None = None) -> list[Reading]:
    """Turn Prometheus text into readings labelled with the service. Raises ValueError where it is none.

    `heads` remembers from one scrape to the next what stands before each value, which is all that costs time.
    `names` gives the lab's name of a metric by the service's own (see `ours_by_own`).
    """
    known, names = {} if heads is None else heads, names or {}
    if len(known) > _MOST_HEADS:  # labels that explode
        known.clear()
    readings = []
    for raw in text.split("\n"):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        head, _, value = line.rpartition(" ")
        if head not in known:
            named = _named(service, head, names)
            if named == _TIMESTAMPED:
                return _parsed(service, text, names)
            known[head] = named
        found = known[head]
        if found is not None:
            readings.append(Reading(*found, float(value)))
    return readings


def _named(service: str, head: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Give the metric and the labels that stand before a value; None for those that are not kept."""
    if not head.strip():
        raise ValueError("a line without a name")
    (family,) = text_string_to_metric_families(f"{head} 0\n")
    (sample,) = family.samples
    if sample.timestamp is not None:  # the last word of the line was a time, and the value stands before it
        return _TIMESTAMPED
    if sample.name.endswith("_created"):
        return None
    return names.get(sample.name, sample.name), label_text({**sample.labels, "service": service})


def _parsed(service: str, text: str, names: Mapping[str, str]) -> list[Reading]:
    return [
        Reading(names.get(sample.name, sample.name), label_text({**sample.labels, "service": service}), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
