"""Host and process readings, held against what is known of this very machine and of a real child."""

import os
import socket
import subprocess
import sys
from typing import Any

import psutil
import pytest

from lab.collectors.host import HostCollector, ProcessCollector


def test_the_host_is_read_in_ratios_and_bytes() -> None:
    readings = {reading.metric: reading.value for reading in HostCollector().sample()}
    assert 0 <= readings["host_cpu_ratio"] <= 1
    assert 0 < readings["host_memory_available_bytes"] <= readings["host_memory_total_bytes"]
    assert readings["host_memory_total_bytes"] == psutil.virtual_memory().total


def readings_of(collector: ProcessCollector) -> dict[tuple[str, str], float]:
    return {(reading.metric, reading.labels): reading.value for reading in collector.sample()}


def test_a_process_is_read_with_its_children_added_and_its_own_start_time() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], stdin=sys.stdin)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        process = psutil.Process(parent.pid)
        while not process.children():
            assert parent.poll() is None
        readings = readings_of(ProcessCollector({"parent": parent.pid}))
        assert parent.stdin is not None
        own = process.memory_info().rss
        started = process.create_time()
        parent.stdin.write(b"\n")
        parent.stdin.flush()
    assert readings["process_resident_memory_bytes", "service=parent"] > own
    assert readings["process_start_time_seconds", "service=parent"] == started


def test_a_process_that_has_ended_gives_nothing_and_others_go_on() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    readings = readings_of(ProcessCollector({"gone": ended.pid, "lab": os.getpid()}))
    assert {labels for _, labels in readings} == {"service=lab"}


def test_a_process_whose_files_may_not_be_read_gives_nothing_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as closed:
        scan = os.scandir

        def refusing(path: str) -> Any:
            if path == f"/proc/{closed.pid}/fd":
                raise PermissionError(13, "Permission denied", path)
            return scan(path)

        monkeypatch.setattr(os, "scandir", refusing)
        as_service = readings_of(ProcessCollector({"closed": closed.pid, "lab": os.getpid()}))
        as_child = readings_of(ProcessCollector({"lab": os.getpid()}))
        closed.communicate(b"\n")
    assert {labels for _, labels in as_service} == {"service=lab"}
    assert as_child["process_threads", "service=lab"] == as_service["process_threads", "service=lab"]


def test_sockets_are_counted_among_the_open_files() -> None:
    collector = ProcessCollector({"lab": os.getpid()})
    before = readings_of(collector)
    with socket.socket(), socket.socket():
        after = readings_of(collector)
    for metric in ("process_sockets", "process_open_fds"):
        assert after[metric, "service=lab"] == before[metric, "service=lab"] + 2


def test_a_watch_can_begin_and_end_while_it_runs() -> None:
    collector = ProcessCollector({})
    collector.watch("k6", os.getpid())
    assert readings_of(collector)
    collector.watch("k6", None)
    assert not readings_of(collector)


def test_a_child_that_is_watched_for_itself_counts_there_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        collector = ProcessCollector({"lab": os.getpid()})
        together = readings_of(collector)["process_threads", "service=lab"]
        collector.watch("k6", child.pid)
        apart = readings_of(collector)
        child.communicate(b"\n")
    assert apart["process_threads", "service=k6"] == 1
    assert apart["process_threads", "service=lab"] == together - 1
