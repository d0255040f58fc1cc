"""Faults on demand, all off by default: to see whether the lab finds what is known to be there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_EVERY_S = 0.5


class Leak:
    """Memory that is never given back, at a steady rate."""

    def __init__(self, bytes_per_h: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_s = bytes_per_h / 3600
        self._clock = clock
        self._begun = clock()
        self._kept: list[bytes] = []
        self.size_bytes = 0

    def grow(self) -> None:
        """Take what is due by now. The bytes are no zeros, since pages of zeros are not resident until written to."""
        due = int((self._clock() - self._begun) * self._bytes_per_s) - self.size_bytes
        if due > 0:
            self._kept.append(b"\x01" * due)
            self.size_bytes += due

    async def grow_for_ever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Grow twice a second."""
        while True:
            self.grow()
            await sleep(_EVERY_S)


@asynccontextmanager
async def leaking(megabytes_per_h: float) -> AsyncIterator[None]:
    """Leak so many megabytes (10^6 bytes) an hour while the block runs; 0 leaks nothing."""
    if not megabytes_per_h:
        yield
        return
    task = asyncio.create_task(Leak(megabytes_per_h * 1e6).grow_for_ever())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
