"""A light Prometheus scraper: the same series, names and labels as a server would keep, from the same endpoints."""

import http.client
import urllib.parse
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.parser import text_string_to_metric_families

from lab.collectors import Reading

_TIMEOUT_S = 2.0
_MAX_BYTES = 4 * 1024 * 1024


class ScrapeCollector:
    """Every metric of every endpoint, with the label `service`, and `up{service}`: 1 where it answered, else 0."""

    name = "scrape"

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        """Scrape `endpoints`, service name to URL of the Prometheus text."""
        self._endpoints = dict(endpoints)
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(endpoints)), thread_name_prefix="scrape")

    def sample(self) -> Iterable[Reading]:
        """Scrape every endpoint once, at the same time; none is waited for longer than its time-out."""
        for readings in self._pool.map(scrape, self._endpoints.keys(), self._endpoints.values()):
            yield from readings


def scrape(service: str, url: str) -> list[Reading]:
    """Scrape one endpoint once: `up{service}`, and what it says where that is 1."""
    try:
        readings = parse(service, _fetch(url))
    except (OSError, ValueError, http.client.HTTPException):
        return [Reading("up", f"service={service}", 0.0)]
    return [Reading("up", f"service={service}", 1.0), *readings]


def _fetch(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "text/plain"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ValueError(f"{url} answered {answer.status}")
        body = answer.read(_MAX_BYTES + 1)
    finally:
        connection.close()
    if len(body) > _MAX_BYTES:
        raise ValueError(f"{url} sent more than {_MAX_BYTES} bytes")
    return body.decode()


def parse(service: str, text: str) -> list[Reading]:
    """Turn Prometheus text into readings labelled with the service. Raises ValueError where it is none."""
    return [
        Reading(sample.name, _labels({**sample.labels, "service": service}), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
