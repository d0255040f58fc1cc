"""Whether connections held through a soak: how many to the database were opened anew, and sockets in TIME_WAIT."""

from collections.abc import Mapping

import numpy as np

from lab.analysis.series import Series, Track
from lab.model import Connections, Evidence, PhaseKind, Window, labels_of

OPENED, CLOSED = "mongodb_pool_opened_total", "mongodb_pool_closed_total"


def connections(evidence: Evidence, series: Mapping[str, Series]) -> tuple[Connections, ...]:
    """Give one per soak and service that tells of its pool of connections."""
    soaks = [window for window in evidence.windows if window.kind == PhaseKind.SOAK]
    return tuple(_of(window, service, series) for window in soaks for service in _with_pools(series))


def _with_pools(series: Mapping[str, Series]) -> tuple[str, ...]:
    if "scrape" not in series:
        return ()
    scrape = series["scrape"]
    codes = np.unique(scrape.labels.codes[scrape.metric.equals("mongodb_pool_connections")])
    return tuple(sorted({labels_of(scrape.labels.name(code)).get("service", "") for code in codes}))


def _of(window: Window, service: str, series: Mapping[str, Series]) -> Connections:
    scrape, host = series["scrape"], series.get("host")
    rows = scrape.metric.equals("mongodb_pool_connections") & scrape.of_service(service)
    times, places = np.unique(scrape.time[rows], return_inverse=True)
    pool = Track(times, np.bincount(places, weights=scrape.value[rows]).astype(np.float64)).within(window).value
    waiting = host.track("host_tcp_time_wait").within(window).value if host is not None else np.zeros(0)
    return Connections(
        phase=window.phase,
        service=service,
        pool_min=float(pool.min()) if len(pool) else None,
        pool_max=float(pool.max()) if len(pool) else None,
        opened=_increase(scrape.track(OPENED, service).within(window)),
        closed=_increase(scrape.track(CLOSED, service).within(window)),
        time_wait_median=float(np.median(waiting)) if len(waiting) else None,
        time_wait_max=float(waiting.max()) if len(waiting) else None,
    )


def _increase(track: Track) -> float | None:
    per_s = track.increase_per_s()
    return None if per_s is None else per_s * float(track.time[-1] - track.time[0])
