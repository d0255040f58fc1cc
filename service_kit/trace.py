"""Whose work is being done: the ids that log lines of a request or of an analysis carry."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Trace:
    """The ids of one piece of work; mutable, because a handler learns some of them after the request has begun."""

    request_id: str | None = None
    analysis_id: str | None = None
    user_id: str | None = None


# never changed: what stands behind the variable when nothing has been set
_NOBODY = Trace()
_current: ContextVar[Trace] = ContextVar("trace", default=_NOBODY)


def current() -> Trace:
    """The trace of the work that this task does; changing it changes what the work's later log lines say."""
    found = _current.get()
    return Trace() if found is _NOBODY else found


def request_id() -> str | None:
    """The id of the request that this task works for: what it says to a database, so that a slow query names it."""
    return _current.get().request_id


def begin(trace: Trace) -> Trace:
    """Make `trace` the one of this task and of the tasks that it starts."""
    _current.set(trace)
    return trace
