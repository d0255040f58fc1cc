"""What a service's pool of database connections tells; figures are of a stretch of load."""

from lab.playbooks.case import Case, Stretch

CONNECTIONS = "mongodb_pool_connections"
WAIT = "mongodb_pool_wait_seconds"
COMMANDS = "mongodb_command_duration_seconds"


def waiting(case: Case, part: Stretch) -> float:
    """Give how many operations waited for a connection at a time."""
    return case.rate(part, "scrape", f"{WAIT}_sum") or 0.0


def wait_s(case: Case, part: Stretch) -> float | None:
    """Give the mean wait of an operation for its connection."""
    return case.mean_of_sum(part, WAIT)


def operations_per_s(case: Case, part: Stretch) -> float:
    """Give the rate of operations that had, or were refused, a connection."""
    return case.rate(part, "scrape", f"{WAIT}_count") or 0.0


def opened_per_s(case: Case, part: Stretch) -> float | None:
    """Give the rate at which connections were opened."""
    return case.rate(part, "scrape", "mongodb_pool_opened_total")


def opened_share(case: Case, part: Stretch) -> float | None:
    """Give how many connections were opened per operation."""
    opened, operations = opened_per_s(case, part), operations_per_s(case, part)
    return opened / operations if opened is not None and operations else None


def size(case: Case, part: Stretch) -> float:
    """Give how many connections there were at most, those in use and those at rest."""
    used = case.track("scrape", CONNECTIONS, state="checked_out").between(part.started_at, part.ended_at)
    idle = case.track("scrape", CONNECTIONS, state="idle").between(part.started_at, part.ended_at)
    if len(used.value) != len(idle.value) or not len(used.value):
        return float(used.value.max()) if len(used.value) else 0.0
    return float((used.value + idle.value).max())


def command_s(case: Case, part: Stretch) -> float | None:
    """Give the mean time of a command, as the service saw it, without the wait for a connection."""
    return case.mean_of_sum(part, COMMANDS)
