"""What services tell of their own pauses; figures are of a stretch of load."""

from lab.playbooks.case import Case, Stretch

LAG = "event_loop_lag_seconds"
COLLECTING = "gc_pause_seconds"

BUSY = 0.9
"""The busy share of a machine from which on whatever is due waits for a core."""

STANDS_OUT = 4.0
"""How many times later than the next one a loop must be on a full machine, to be late for a reason of its own."""


def lags(case: Case, part: Stretch) -> dict[str, float]:
    """Give how late each event loop was on average, in seconds, the latest one first."""
    told = {name: case.mean_of_sum(part, LAG, service=name) for name in case.services_with(f"{LAG}_count")}
    known = [(lag, name) for name, lag in told.items() if lag is not None]
    return {name: lag for lag, name in sorted(known, reverse=True)}


def latest(case: Case, part: Stretch) -> tuple[str, float | None]:
    """Give the service whose event loop was the latest on average, and by how many seconds; None where none tells."""
    return next(iter(lags(case, part).items()), ("", None))


def next_latest(case: Case, part: Stretch) -> float | None:
    """Give the lag of the loop that was the next latest; None where there is one loop at most."""
    return next(iter([*lags(case, part).values()][1:]), None)


def stands_out(case: Case, part: Stretch, service: str) -> bool:
    """Whether a service's loop is late for a reason of its own: on a full machine every loop waits for a core."""
    known = lags(case, part)
    others = [lag for name, lag in known.items() if name != service]
    is_full = (case.machine_busy(part) or 0.0) >= BUSY
    return not is_full or not others or known.get(service, 0.0) >= STANDS_OUT * max(others)


def late_share(case: Case, part: Stretch, service: str, *, bound: str = "0.05") -> float | None:
    """Give the share of moments at which a loop was later than one of its histogram's bounds."""
    every = case.rate(part, "scrape", f"{LAG}_count", service=service)
    within = case.rate(part, "scrape", f"{LAG}_bucket", service=service, le=bound)
    return None if not every or within is None else max(1 - within / every, 0.0)


def collecting(case: Case, part: Stretch, service: str) -> float | None:
    """Give the share of the time in which a service's garbage collector held it up."""
    return case.rate(part, "scrape", f"{COLLECTING}_sum", service=service)


def most_collecting(case: Case, part: Stretch) -> tuple[str, float | None]:
    """Give the service that was held up most by its garbage collector, and its share of the time."""
    told = {name: collecting(case, part, name) for name in case.services_with(f"{COLLECTING}_count")}
    known = {name: share for name, share in told.items() if share is not None}
    if not known:
        return "", None
    name = max(known, key=lambda each: known[each])
    return name, known[name]
