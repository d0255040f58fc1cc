"""What Docker's API says of a container, turned into the readings that processes have too."""

import os
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from lab.collectors.containers import ContainerCollector, LatestStats, readings
from lab.collectors.host import ProcessCollector
from lab.processes import wait_until

V2 = {
    "cpu_stats": {
        "cpu_usage": {"total_usage": 2_500_000_000},
        "throttling_data": {"periods": 100, "throttled_periods": 40, "throttled_time": 3_000_000_000},
    },
    "memory_stats": {
        "usage": 300_000_000,
        "limit": 536_870_912,
        "stats": {"anon": 200_000_000, "file_mapped": 20_000_000, "inactive_file": 50_000_000},
    },
    "pids_stats": {"current": 7},
    "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20, "rx_dropped": 1}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "read", "value": 5},
            {"op": "write", "value": 6},
            {"op": "read", "value": 1},
        ]
    },
}
V1 = {
    "cpu_stats": {"cpu_usage": {"total_usage": 1_000_000_000}, "throttling_data": {"periods": 0}},
    "memory_stats": {
        "usage": 90,
        "limit": 9223372036854771712,
        "failcnt": 3,
        "stats": {"total_rss": 50, "total_mapped_file": 8, "total_inactive_file": 30},
    },
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "Write", "value": 6}]},
}


def values(stats: Mapping[str, Any], started_at: float | None = 12.5) -> dict[str, float]:
    found = list(readings("web", stats, started_at))
    assert {reading.labels for reading in found} <= {"service=web"}
    return {reading.metric: reading.value for reading in found}


def test_counters_of_cgroup_v2_are_read() -> None:
    assert values(V2) == {
        "process_cpu_seconds_total": 2.5,
        "process_start_time_seconds": 12.5,
        "process_threads": 7,
        "process_resident_memory_bytes": 220_000_000,
        "container_memory_working_set_bytes": 250_000_000,
        "container_memory_limit_bytes": 536_870_912,
        "container_cpu_periods_total": 100,
        "container_cpu_throttled_periods_total": 40,
        "container_cpu_throttled_seconds_total": 3.0,
        "container_network_sent_bytes_total": 22,
        "container_network_received_bytes_total": 11,
        "container_network_dropped_packets_total": 1,
        "process_read_bytes_total": 6,
        "process_written_bytes_total": 6,
    }


def test_counters_of_cgroup_v1_are_read_and_no_limit_is_none() -> None:
    found = values(V1, None)
    assert found["process_resident_memory_bytes"] == 58
    assert found["container_memory_working_set_bytes"] == 60
    assert found["container_memory_limit_hits_total"] == 3
    assert (found["process_read_bytes_total"], found["process_written_bytes_total"]) == (5, 6)
    assert "container_memory_limit_bytes" not in found
    assert "process_start_time_seconds" not in found


@pytest.mark.parametrize("stats", [{}, {"cpu_stats": {"cpu_usage": {"total_usage": 0}}}])
def test_a_container_that_does_not_run_gives_nothing_rather_than_zeros(stats: dict[str, Any]) -> None:
    assert values(stats) == {}


def played(container: str) -> Mapping[str, Any]:
    if container != "1":
        raise OSError("no such container")
    return V2


def test_services_are_sampled_beside_the_generator_and_one_that_is_gone_is_left_out() -> None:
    collector = ContainerCollector(
        played, {"web": "1", "gone": "2"}, started_at={"web": 3.0}, pids={}, own=ProcessCollector({})
    )
    found = list(collector.sample())
    assert {reading.labels for reading in found} == {"service=web"}
    assert collector.name == ProcessCollector.name


def test_an_engine_that_is_slow_holds_up_no_reading() -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(container: str) -> Mapping[str, Any]:
        is_asked.set()
        assert may_answer.wait(30)
        return played(container)

    with LatestStats(slow, ["1", "2"]) as stats:
        assert is_asked.wait(30)
        with pytest.raises(OSError, match="no figures of container 1"):  # and at once
            stats("1")
        may_answer.set()
        assert wait_until(lambda: told(stats, "1"), timeout_s=30)
        assert stats("1") == V2
        assert not told(stats, "2")  # the engine does not know it


def told(stats: LatestStats, container: str) -> bool:
    try:
        return bool(stats(container))
    except OSError:
        return False


def test_what_proc_tells_is_not_told_twice() -> None:
    collector = ContainerCollector(
        played, {"web": "1"}, started_at={}, pids={"web": os.getpid()}, own=ProcessCollector({})
    )
    metrics = [reading.metric for reading in collector.sample()]
    assert len(metrics) == len(set(metrics))
    assert "process_open_fds" in metrics
    assert "process_cpu_seconds_total" in metrics
