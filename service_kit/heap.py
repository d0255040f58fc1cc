"""What a process has allocated and still holds, by file and line: told in lab mode, followed only while it is asked.

`tracemalloc` follows every allocation of Python's own allocators, and of those that tell it theirs (NumPy does). What
other C code takes from the system is not in it: the resident size beside it shows how much there is. Following makes
the service several times slower (docs/profiling-node.md), so that it ends by itself, also when who asked is gone.
"""

import asyncio
import os
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Annotated, Any

import psutil
from fastapi import APIRouter, Query, Response

from service_kit.answers import json_answer

PATH = "/debug/heap"
MOST_SECONDS = 86_400
_OFF = "heaps are told in lab mode alone: start the service with LAB_PROFILING=1"
_NOT_FOLLOWED = "nothing is followed: ask PUT /debug/heap?seconds=60 first"
_NOT_MINE = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__))

_Seconds = Annotated[float, Query(ge=1, le=MOST_SECONDS)]
Told = dict[str, Any]


class HeapOrder(StrEnum):
    """What a process can be asked: to follow its allocations, to tell what it holds of them, to follow them no more."""

    FOLLOW = "follow"
    TELL = "tell"
    END = "end"


Others = Callable[[HeapOrder], Awaitable[Iterable[Told]]]
"""Gives the answers of a service's other processes; one that gives none has `pid`, `role` and `missing`, the reason."""


class _Following:
    """Since when this process follows its allocations; 0 where it does not."""

    since = 0.0


def obey(order: HeapOrder, role: str) -> Told:
    """Do in this process what it is asked for, and give its pid, role and what there is to tell."""
    who = {"pid": os.getpid(), "role": role}
    if order is HeapOrder.TELL:
        return who | (_held() if tracemalloc.is_tracing() else {"missing": "it does not follow yet"})
    if order is HeapOrder.END:
        tracemalloc.stop()
    elif not tracemalloc.is_tracing():
        tracemalloc.start()
        _Following.since = time.time()
    return who


def _held() -> Told:
    held, peak = tracemalloc.get_traced_memory()
    found = tracemalloc.take_snapshot().filter_traces(_NOT_MINE).statistics("lineno")
    frames = ((each, each.traceback[0]) for each in found)
    return {
        "followedSince": _Following.since,
        "takenAt": time.time(),
        "residentBytes": psutil.Process().memory_info().rss,
        "followedBytes": held,
        "followedPeakBytes": peak,
        "overheadBytes": tracemalloc.get_tracemalloc_memory(),
        "sites": [
            {"file": frame.filename, "line": frame.lineno, "bytes": each.size, "count": each.count}
            for each, frame in frames
        ],
    }


async def _no_others(_: HeapOrder) -> Iterable[Told]:
    return ()


class Heaps:
    """PUT, GET and DELETE /debug/heap: follow for so many seconds, tell, and end; 404 where the service may not."""

    def __init__(self, *, enabled: bool, others: Others = _no_others) -> None:
        self._enabled = enabled
        self._others = others
        self._one_at_a_time = asyncio.Lock()
        self._end: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[list[Told]] | None = None

    async def follow(self, seconds: _Seconds = 60.0) -> Response:
        """Follow for `seconds` from now; `was` tells whether it did so before."""
        if not self._enabled:
            return json_answer({"detail": _OFF}, 404)
        was = self._end is not None
        self._disarm()
        self._end = asyncio.get_running_loop().call_later(seconds, self._give_up)
        return json_answer({"was": was, "processes": await self._all(HeapOrder.FOLLOW)})

    async def tell(self) -> Response:
        """Give what each process holds of what it has allocated since it follows."""
        if not self._enabled:
            return json_answer({"detail": _OFF}, 404)
        if self._end is None:
            return json_answer({"detail": _NOT_FOLLOWED}, 409)
        return json_answer({"processes": await self._all(HeapOrder.TELL)})

    async def end(self) -> Response:
        """Follow no more."""
        if not self._enabled:
            return json_answer({"detail": _OFF}, 404)
        self._disarm()
        return json_answer({"processes": await self._all(HeapOrder.END)})

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        for method, answer in (("PUT", self.follow), ("GET", self.tell), ("DELETE", self.end)):
            router.add_api_route(PATH, answer, methods=[method])
        return router

    def _disarm(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = None

    def _give_up(self) -> None:
        self._end = None
        self._ending = asyncio.get_running_loop().create_task(self._all(HeapOrder.END))

    async def _all(self, order: HeapOrder) -> list[Told]:
        async with self._one_at_a_time:
            # a thread, since counting a large heap takes long and requests are to be answered meanwhile
            return [await asyncio.to_thread(obey, order, "service"), *await self._others(order)]
