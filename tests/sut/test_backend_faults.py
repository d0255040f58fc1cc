"""Faults of the backend are what they say, and are off unless they are asked for."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sut.faults import block_for_ever, collect_for_ever, faults
from sut.settings import SutSettings

NEEDED = {"PORT": "1", "MONGO_URL": "mongodb://h", "AI_CORE_URL": "http://h"}


def turns(count: int) -> Callable[[float], Awaitable[None]]:
    """Sleep without waiting, so many times."""
    left = [count]

    async def sleep(_seconds: float) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise asyncio.CancelledError

    return sleep


def test_nothing_is_wrong_by_default() -> None:
    settings = SutSettings.read(NEEDED)
    assert (settings.fault_block_ms, settings.fault_gc_objects, settings.fault_no_index) == (0, 0, False)
    assert settings.mongo_idle_ms == 0


def test_the_loop_is_blocked_for_as_long_as_it_is_told_twice_a_second() -> None:
    blocked: list[float] = []
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(block_for_ever(0.15, block=blocked.append, sleep=turns(3)))
    assert blocked == [0.15] * 3


def test_the_collector_is_called_on_objects_that_are_kept() -> None:
    calls: list[None] = []
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(collect_for_ever(1000, collect=lambda: calls.append(None), sleep=turns(10 + 4)))
    assert len(calls) == 4  # ten turns for the objects


def test_faults_that_are_off_start_nothing_and_those_that_are_on_end_with_the_block() -> None:
    async def tasks_within(block_ms: float, gc_objects: int) -> tuple[int, int]:
        async with faults(block_ms=block_ms, gc_objects=gc_objects):
            within = len(asyncio.all_tasks())
        return within - 1, len(asyncio.all_tasks()) - 1

    assert asyncio.run(tasks_within(0, 0)) == (0, 0)
    assert asyncio.run(tasks_within(10, 0)) == (1, 0)
    assert asyncio.run(tasks_within(10, 100)) == (2, 0)
