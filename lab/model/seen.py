"""What was seen beside the load: slow requests on their way, what logs complain of, and the database at work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Alike complaints of one service: what they have in common, how often, and the first of them.

    In `template` stands `<*>`, or a name such as `<NUMBER>`, for what differs. `status` is that of the requests that
    failed, where it is about some. `first_at` is epoch seconds (None where the lines have no time), `request_id` that
    of the first one that has any.
    """

    service: str
    template: str
    count: int
    first_at: float | None
    first: str
    status: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowRequest:
    """One of the slowest requests of a phase. Durations are in seconds, `started_at` in epoch seconds.

    `inside` is the longest that each service says it took with it, where its log lines are there.
    """

    phase: str
    scenario: str
    route: str
    status: int
    started_at: float
    duration_s: float
    request_id: str
    inside: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUse:
    """What MongoDB did in a phase. Rates are per second, `latencies_s` means in the server by kind of operation.

    `collection_scans_per_s` counts plans that read every document, `slow` what its profiler wrote down; `queue_max` is
    how many operations waited at most, `cache` the highest share of its cache that was used. None: it does not tell.
    """

    phase: str
    operations_per_s: float
    latencies_s: tuple[tuple[str, float], ...]
    connections_max: float | None
    queue_max: float | None
    cache: float | None
    collection_scans_per_s: float | None
    slow: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowQuery:
    """Slow operations of one shape: `plan` is MongoDB's summary of how it found the documents, of the slowest one.

    `examined` is how many documents that one read, `request_id` whose it was ("" where it does not say).
    """

    collection: str
    operation: str
    shape: str
    plan: str
    count: int
    slowest_s: float
    examined: int | None
    request_id: str
