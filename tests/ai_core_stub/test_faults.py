"""Faults are what they say, and are off unless they are asked for."""

import pytest

from ai_core_stub.faults import Leak
from ai_core_stub.settings import AiCoreSettings
from lab import processes
from tests.ai_core_stub.conftest import StartAiCore


def test_a_leak_is_as_fast_as_it_is_told_to_be_however_often_it_grows() -> None:
    times = iter([0.0, 0.0, 0.3, 0.9, 10.0, 10.0])  # the first one is its begin
    leak = Leak(3_600_000, clock=lambda: next(times))
    sizes = []
    for _ in range(5):
        leak.grow()
        sizes.append(leak.size_bytes)
    assert sizes == [0, 300, 900, 10_000, 10_000]


def test_nothing_leaks_by_default() -> None:
    assert AiCoreSettings.read({"PORT": "1"}).fault_leak_mb_per_h == 0


@pytest.mark.e2e
def test_a_leaking_ai_core_grows(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_FAULT_LEAK_MB_PER_H="360000", AI_CORE_WORKERS="1")
    (leader,) = [member for member in ai_core.members() if member.pid == ai_core.child.pid]
    begun = leader.memory_info().rss
    assert processes.wait_until(lambda: leader.memory_info().rss > begun + 50_000_000, timeout_s=60)
