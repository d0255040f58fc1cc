"""Faults on demand, all off by default: to see whether the lab finds what is known to be there."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_EVERY_S = 0.5
_PARTS = 10


async def block_for_ever(
    seconds: float,
    *,
    block: Callable[[float], None] = time.sleep,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Hold the event loop up for so long, twice a second."""
    while True:
        await sleep(_EVERY_S)
        block(seconds)


async def collect_for_ever(
    objects: int,
    *,
    collect: Callable[[], object] = gc.collect,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep so many objects alive and have the collector look through all of them, twice a second."""
    kept: list[list[list[int]]] = []
    for _ in range(_PARTS):  # in parts, since making them holds the loop up too
        kept.append([[number] for number in range(objects // _PARTS)])
        await sleep(0)
    while True:
        await sleep(_EVERY_S)
        collect()


@asynccontextmanager
async def faults(*, block_ms: float, gc_objects: int) -> AsyncIterator[None]:
    """Have what is asked for while the block runs; 0 for neither."""
    asked = []
    if block_ms:
        asked.append(block_for_ever(block_ms / 1000))
    if gc_objects:
        asked.append(collect_for_ever(gc_objects))
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
