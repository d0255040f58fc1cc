import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sut.analysis_queue import AnalysisQueue, QueueFullError, working
from sut.reports import Analysis


def an_analysis(name: str = "a") -> Analysis:
    return Analysis(
        report_id=name,
        analysis_id=name,
        request_id="r",
        user_id="u",
        dataset_id="d",
        target="y",
        explainer="tree",
        samples=None,
    )


def put(queue: AnalysisQueue, name: str = "a") -> None:
    with queue.place() as fill:
        fill(an_analysis(name))


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story()

    asyncio.run(bounded())


@pytest.mark.parametrize(("limit", "concurrency"), [(0, 1), (2, 1), (3, 4)])
def test_as_many_are_taken_as_may_run_and_wait(limit: int, concurrency: int) -> None:
    queue = AnalysisQueue(limit=limit, concurrency=concurrency)
    for _ in range(limit + concurrency):
        put(queue)
    with pytest.raises(QueueFullError):
        put(queue)


def test_a_place_that_is_not_filled_is_free_again() -> None:
    queue = AnalysisQueue(limit=0, concurrency=1)
    with pytest.raises(LookupError), queue.place():
        raise LookupError
    with queue.place(), pytest.raises(QueueFullError):
        put(queue)
    put(queue)


def test_the_oldest_is_worked_on_first_and_its_end_makes_room() -> None:
    async def story() -> None:
        done: asyncio.Queue[str] = asyncio.Queue()

        async def work(analysis: Analysis) -> None:
            done.put_nowait(analysis.report_id)

        queue = AnalysisQueue(limit=2, concurrency=1)
        for name in "abc":
            put(queue, name)
        async with working(queue, work):
            assert [await done.get() for _ in "abc"] == ["a", "b", "c"]
            put(queue, "d")
            assert await done.get() == "d"

    run(story)


def test_no_more_run_at_once_than_may() -> None:
    async def story() -> None:
        begun: asyncio.Queue[str] = asyncio.Queue()
        may_end = asyncio.Event()

        async def work(analysis: Analysis) -> None:
            begun.put_nowait(analysis.report_id)
            await may_end.wait()

        queue = AnalysisQueue(limit=10, concurrency=3)
        for name in "abcde":
            put(queue, name)
        async with working(queue, work):
            assert [await begun.get() for _ in "abc"] == ["a", "b", "c"]
            await asyncio.sleep(0)
            assert begun.empty()
            may_end.set()
            assert [await begun.get() for _ in "de"] == ["d", "e"]

    run(story)


def test_the_number_of_those_that_wait_is_told() -> None:
    async def story() -> None:
        told: list[int] = []
        idle = asyncio.Event()

        def on_waiting(count: int) -> None:
            told.append(count)
            if count == 0:
                idle.set()

        async def work(_: Analysis) -> None:
            pass

        queue = AnalysisQueue(limit=2, concurrency=1, on_waiting=on_waiting)
        put(queue)
        put(queue)
        async with working(queue, work):
            await idle.wait()
        assert told == [1, 2, 1, 0]

    run(story)


def test_the_end_leaves_what_is_not_done() -> None:
    ended: list[str] = []

    async def work(_: Analysis) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def story() -> None:
        queue = AnalysisQueue(limit=1, concurrency=1)
        put(queue)
        async with working(queue, work):
            await asyncio.sleep(0.01)

    run(story)
    assert ended == ["cancelled"]
