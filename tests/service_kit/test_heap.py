"""/debug/heap: off unless it is asked for, follows only while it is asked to, and names what is held."""

import asyncio
import linecache
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable, Iterator

import httpx
import pytest
from fastapi import FastAPI

from service_kit.heap import HeapOrder, Heaps, Told


@pytest.fixture(autouse=True)
def follows_nothing_afterwards() -> Iterator[None]:
    yield
    tracemalloc.stop()


def with_client(heaps: Heaps, use: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        app = FastAPI()
        app.include_router(heaps.router())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            await use(client)

    asyncio.run(main())


def test_it_is_refused_unless_the_service_is_in_lab_mode() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        for method in ("PUT", "GET", "DELETE"):
            answer = await client.request(method, "/debug/heap")
            assert answer.status_code == 404
            assert "LAB_PROFILING=1" in answer.json()["detail"]

    with_client(Heaps(enabled=False), use)
    assert not tracemalloc.is_tracing()


def test_what_is_held_is_named_by_file_and_line_with_bytes_and_count() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        assert (await client.put("/debug/heap?seconds=60")).json()["was"] is False
        held = [bytes(50_000) for _ in range(40)]
        (process,) = (await client.get("/debug/heap")).json()["processes"]
        first = process["sites"][0]
        line = linecache.getline(first["file"], first["line"])
        assert (first["file"], line.strip()) == (__file__, "held = [bytes(50_000) for _ in range(40)]")
        assert first["bytes"] >= sum(len(each) for each in held)
        assert 40 <= first["count"] <= 45
        assert process["residentBytes"] > process["followedBytes"] > 2_000_000
        assert process["takenAt"] >= process["followedSince"] > 0
        assert not any("tracemalloc" in site["file"] for site in process["sites"])

    with_client(Heaps(enabled=True), use)


def test_nothing_is_followed_before_it_is_asked_for_nor_after_it_was_ended() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        assert (await client.get("/debug/heap")).status_code == 409
        assert not tracemalloc.is_tracing()
        await client.put("/debug/heap")
        assert tracemalloc.is_tracing()
        assert (await client.put("/debug/heap")).json()["was"] is True
        await client.delete("/debug/heap")
        assert not tracemalloc.is_tracing()
        assert (await client.get("/debug/heap")).status_code == 409

    with_client(Heaps(enabled=True), use)


def test_following_ends_by_itself_in_all_processes_when_nobody_ends_it() -> None:
    orders: list[HeapOrder] = []

    async def others(order: HeapOrder) -> Iterable[Told]:
        orders.append(order)
        return [{"pid": 2, "role": "worker", "missing": "it was busy"}]

    async def use(client: httpx.AsyncClient) -> None:
        await client.put("/debug/heap?seconds=1")
        assert [each["role"] for each in (await client.get("/debug/heap")).json()["processes"]] == ["service", "worker"]
        for _ in range(200):
            if orders[-1] is HeapOrder.END:
                break
            await asyncio.sleep(0.05)

    with_client(Heaps(enabled=True, others=others), use)
    assert orders == [HeapOrder.FOLLOW, HeapOrder.TELL, HeapOrder.END]
    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize("seconds", ["0", "-1", "86401", "nan", "x"])
def test_a_time_that_makes_no_sense_is_refused(seconds: str) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        assert (await client.put(f"/debug/heap?seconds={seconds}")).status_code == 422

    with_client(Heaps(enabled=True), use)
    assert not tracemalloc.is_tracing()
