"""What a service tells of its own pauses."""

import asyncio
import gc
import time

import pytest
from prometheus_client import CollectorRegistry

from service_kit.pauses import Collections, measured_pauses, observe_lag


class Loop:
    """A loop whose clock moves by what it is asked to sleep, and by blocks that come at given times."""

    def __init__(self, blocks: dict[int, float], turns: int) -> None:
        self.now = 0.0
        self._blocks = blocks
        self._turns = turns
        self._turn = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if self._turn == self._turns:
            raise asyncio.CancelledError
        self.now += seconds + self._blocks.get(self._turn, 0.0)
        self._turn += 1


def lags(blocks: dict[int, float], *, turns: int = 10, every_s: float = 0.1) -> list[float]:
    seen: list[float] = []
    loop = Loop(blocks, turns)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(observe_lag(seen.append, every_s=every_s, clock=loop.clock, sleep=loop.sleep))
    return seen


def test_a_loop_that_is_free_is_never_late() -> None:
    assert lags({}) == pytest.approx([0.0] * 10, abs=1e-9)


def test_a_block_is_late_for_every_moment_in_it() -> None:
    seen = lags({3: 0.35})
    late = [lag for lag in seen if lag > 1e-9]
    assert late == pytest.approx([0.35, 0.25, 0.15, 0.05])


def test_the_mean_is_what_somebody_meets_who_comes_at_any_moment() -> None:
    # one second of blocking in each two: half of all moments wait half a second on average
    seen = lags(dict.fromkeys(range(0, 2000, 2), 1.0), turns=2000, every_s=0.01)
    met = [max(lag, 0.0) for lag in seen]
    share_blocked = 1.0 / (1.0 + 0.02)  # each turn of a hundredth is followed by a second of blocking, every other time
    assert sum(met) / len(met) == pytest.approx(0.5 * share_blocked, rel=0.05)


def test_a_very_long_block_costs_no_more_than_so_many_moments() -> None:
    assert len(lags({0: 1e6}, turns=1)) == 2001


@pytest.fixture
def collecting() -> tuple[Collections, CollectorRegistry]:
    registry = CollectorRegistry()
    return Collections(registry), registry


def test_a_collection_is_told_of_by_its_generation(collecting: tuple[Collections, CollectorRegistry]) -> None:
    collections, registry = collecting
    collections.note("start", {"generation": 2})
    collections.note("stop", {"generation": 2, "collected": 0, "uncollectable": 0})
    assert registry.get_sample_value("gc_pause_seconds_count", {"generation": "2"}) == 0
    collections.tell()
    assert registry.get_sample_value("gc_pause_seconds_count", {"generation": "2"}) == 1
    assert registry.get_sample_value("gc_pause_seconds_count", {"generation": "0"}) == 0


def test_one_that_was_going_on_already_is_not(collecting: tuple[Collections, CollectorRegistry]) -> None:
    collections, registry = collecting
    collections.note("stop", {"generation": 1})
    collections.tell()
    assert registry.get_sample_value("gc_pause_seconds_count", {"generation": "1"}) == 0


def test_a_service_tells_of_both_while_it_runs_and_leaves_nothing_behind() -> None:
    registry, before = CollectorRegistry(), list(gc.callbacks)

    async def run() -> None:
        async with measured_pauses(registry):
            await asyncio.sleep(0)
            gc.collect()
            time.sleep(0.2)  # noqa: ASYNC251  # what no service should do
            await asyncio.sleep(0.2)

    asyncio.run(run())
    assert (registry.get_sample_value("gc_pause_seconds_count", {"generation": "2"}) or 0) >= 1
    assert (registry.get_sample_value("event_loop_lag_seconds_sum") or 0) > 0.1
    assert gc.callbacks == before
