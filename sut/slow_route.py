"""One route made slower on purpose, off by default: to see which slowdowns the lab finds."""

import time
from collections.abc import Callable

from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send


class SlowRoute:
    """A pure ASGI layer that keeps the event loop busy for `slow_ms` milliseconds before each request of one route.

    `route` is a method and a template, such as `GET /report/{id}`. It computes rather than waits, as slower code would,
    and since timers of event loops are a millisecond coarse.
    """

    def __init__(
        self, app: ASGIApp, *, route: str, slow_ms: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._method, _, path = route.partition(" ")
        self._path = compile_path(path)[0]
        self._slow_s = slow_ms / 1000
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, later where it is of the route."""
        if scope["type"] == "http" and scope["method"] == self._method and self._path.fullmatch(scope["path"]):
            until = self._clock() + self._slow_s
            while self._clock() < until:
                pass
        await self._app(scope, receive, send)
