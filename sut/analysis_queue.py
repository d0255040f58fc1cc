"""A bounded queue of analyses, and the tasks that take from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from sut.reports import Analysis

Work = Callable[[Analysis], Awaitable[None]]


class QueueFullError(Exception):
    """As many analyses wait as may wait."""


class AnalysisQueue:
    """Gives the oldest analysis to whoever is idle: `concurrency` run, `limit` more wait."""

    def __init__(self, *, limit: int, concurrency: int, on_waiting: Callable[[int], None] = lambda _: None) -> None:
        self._room = limit + concurrency
        self._concurrency = concurrency
        self._waiting: asyncio.Queue[Analysis] = asyncio.Queue()
        self._on_waiting = on_waiting

    @contextmanager
    def place(self) -> Iterator[Callable[[Analysis], None]]:
        """A place in the queue, kept while the analysis is written down; gives the function that fills it.

        Raises QueueFullError. A place that was not filled is free again afterwards.
        """
        if self._room <= 0:
            raise QueueFullError
        self._room -= 1
        filled = False

        def fill(analysis: Analysis) -> None:
            nonlocal filled
            filled = True
            self._waiting.put_nowait(analysis)
            self._on_waiting(self._waiting.qsize())

        try:
            yield fill
        finally:
            if not filled:
                self._room += 1

    async def work_off(self, work: Work) -> None:
        """Do `work`, which raises nothing, for one analysis after the other, `concurrency` at a time and for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._worker(work))

    async def _worker(self, work: Work) -> None:
        while True:
            analysis = await self._waiting.get()
            self._on_waiting(self._waiting.qsize())
            try:
                await work(analysis)
            finally:
                self._room += 1


@asynccontextmanager
async def working(queue: AnalysisQueue, work: Work) -> AsyncIterator[None]:
    """Work a queue off in the background; what is not done at the end is left."""
    task = asyncio.create_task(queue.work_off(work))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
