"""What keeps a service from answering: an event loop that comes late, and the garbage collector."""

import asyncio
import contextlib
import gc
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Histogram

EVERY_S = 0.05
_LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_PAUSE_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_MOST = 2000  # moments that one block is told by: more would cost what they measure


@asynccontextmanager
async def measured_pauses(registry: CollectorRegistry) -> AsyncIterator[None]:
    """Put `event_loop_lag_seconds` and `gc_pause_seconds` into a registry while the block runs."""
    lag = Histogram(
        "event_loop_lag_seconds",
        "How late the event loop would have come to something due at a moment, twenty moments a second.",
        buckets=_LAG_BUCKETS_S,
        registry=registry,
    )
    collections = Collections(registry)

    def observe(seconds: float) -> None:
        lag.observe(seconds)
        collections.tell()

    task = asyncio.create_task(observe_lag(observe))
    gc.callbacks.append(collections.note)
    try:
        yield
    finally:
        gc.callbacks.remove(collections.note)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def observe_lag(
    observe: Callable[[float], None],
    *,
    every_s: float = EVERY_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tell for ever how late the loop came to each of the moments that lie `every_s` apart.

    A loop that was blocked came late to every moment of the block, and not to the first of them only; else the mean
    would be that of the loop's own pace instead of what a request meets (coordinated omission).
    """
    due = clock() + every_s
    while True:
        await sleep(max(due - clock(), 0.0))
        now = clock()
        missed = min(int((now - due) / every_s), _MOST) if now > due else 0
        for moment in range(missed + 1):
            observe(max(now - due - moment * every_s, 0.0))
        due = max(due + (missed + 1) * every_s, now)


class Collections:
    """`gc_pause_seconds` in a registry.

    A collection can begin while a metric's lock is held, so it is noted without one, and told of later.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        told = Histogram(
            "gc_pause_seconds",
            "How long the garbage collector held the process up, by the oldest generation that it looked through.",
            ("generation",),
            buckets=_PAUSE_BUCKETS_S,
            registry=registry,
        )
        self._told = [told.labels(str(generation)) for generation in range(len(gc.get_count()))]
        self._noted: deque[tuple[int, float]] = deque()
        self._begun = 0.0

    def note(self, phase: str, info: Mapping[str, int]) -> None:
        """Be called when a collection starts, and when it stops."""
        if phase == "start":
            self._begun = time.perf_counter()
        elif self._begun:
            self._noted.append((info["generation"], time.perf_counter() - self._begun))

    def tell(self) -> None:
        """Put what was noted into the metric."""
        while self._noted:
            generation, seconds = self._noted.popleft()
            self._told[generation].observe(seconds)
