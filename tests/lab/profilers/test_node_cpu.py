"""A CPU profile of a real Node process: what is hottest, what is left behind, and that it is left as it was found."""

from pathlib import Path

import orjson
import psutil
import pytest

from lab import processes
from lab.errors import ProfileError
from lab.model import Profile, ProfileKind
from lab.profilers import node_process
from lab.profilers.node_cpu import NodeCpuProfiler
from tests.lab.profilers.conftest import NodeService, StartNode

pytestmark = [pytest.mark.needs("node"), pytest.mark.e2e]


def never() -> bool:
    return False


def stacks(service: NodeService, profile: Profile) -> dict[str, int]:
    text = (service.folder / dict(profile.files)["folded"]).read_text()
    pairs = (line.rpartition(" ") for line in text.splitlines())
    return {stack: int(count) for stack, _, count in pairs}


def hottest(found: dict[str, int]) -> str:
    """The frame with the most time of its own, idle time left out."""
    own: dict[str, int] = {}
    for stack, count in found.items():
        frame = stack.rpartition(";")[2]
        own[frame] = own.get(frame, 0) + count
    own.pop("(idle)", None)
    return max(own, key=lambda frame: own[frame])


@pytest.mark.parametrize("by_url", [True, False], ids=["by its URL", "by a signal"])
def test_the_function_that_burns_the_cpu_is_the_hottest_and_named_with_file_and_line(
    start_node: StartNode, by_url: bool
) -> None:
    service = start_node("burn", inspect=by_url)
    profile = NodeCpuProfiler(interval_us=1000).take(service.subject(by_url=by_url), seconds=1.5, is_ended=never)
    found = stacks(service, profile)
    line = 1 + Path(__file__).with_name("service.mjs").read_text().splitlines().index("function burnTheCpu(ms) {")
    assert hottest(found) == f"burnTheCpu ({Path(__file__).with_name('service.mjs')}:{line})"
    assert "(idle)" in found
    assert sum(found.values()) == profile.samples > 100
    assert (profile.kind, profile.rate_hz, profile.pids) == (ProfileKind.CPU, 1000.0, (service.process.pid,))
    assert profile.note == ""
    assert profile.ended_at - profile.started_at >= 1.5
    assert dict(profile.files) == {"folded": "peak-api-cpu.folded", "cpuprofile": "peak-api-cpu.cpuprofile"}
    raw = orjson.loads((service.folder / "peak-api-cpu.cpuprofile").read_bytes())
    assert len(raw["samples"]) == profile.samples


def test_it_looks_a_hundred_times_a_second_unless_it_is_told_otherwise(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    profile = NodeCpuProfiler().take(service.subject(by_url=True), seconds=1, is_ended=never)
    assert profile.rate_hz == 100
    assert 0 < profile.samples <= 150


def test_an_inspector_that_a_signal_opened_is_closed_again_and_opens_once_more(start_node: StartNode) -> None:
    service = start_node("burn")
    for _ in range(2):
        assert not service.inspects()
        NodeCpuProfiler().take(service.subject(), seconds=0.3, is_ended=never)
    assert not service.inspects()
    assert service.process.poll() is None


def test_an_inspector_that_was_open_stays_open(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    NodeCpuProfiler().take(service.subject(), seconds=0.3, is_ended=never)
    assert service.inspects()


def test_it_ends_early_when_it_is_told_to(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    profile = NodeCpuProfiler().take(service.subject(by_url=True), seconds=60, is_ended=lambda: True)
    assert profile.ended_at - profile.started_at < 30


def test_every_process_of_a_cluster_is_looked_at_in_its_turn(start_node: StartNode) -> None:
    service = start_node("cluster")
    workers = psutil.Process(service.process.pid).children
    assert processes.wait_until(lambda: len(workers()) == 2, timeout_s=30)
    assert processes.wait_until(lambda: all(node_process.handles_usr1(each.pid) for each in workers()), timeout_s=30)
    profile = NodeCpuProfiler().take(service.subject(), seconds=1.5, is_ended=never)
    assert set(profile.pids) == {service.process.pid, *(worker.pid for worker in workers())}
    assert "3 processes share one inspector port" in profile.note
    found = stacks(service, profile)
    assert {stack.split(";")[0] for stack in found} == {f"node (pid {pid})" for pid in profile.pids}
    assert hottest(found).startswith("burnTheCpu ")
    assert [kind for kind, _ in profile.files] == ["folded", *["cpuprofile"] * 3]
    assert not service.inspects()


def test_worker_threads_are_named_as_what_was_not_looked_at(start_node: StartNode) -> None:
    service = start_node("threads", inspect=True)
    profile = NodeCpuProfiler().take(service.subject(by_url=True), seconds=0.2, is_ended=never)
    assert profile.note == "1 worker threads were not looked at, only the main one"


def test_a_process_that_ends_under_the_profile_is_an_error_and_leaves_no_file(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    looks = iter(range(1000))

    def kill_it() -> bool:
        if next(looks) == 3:
            service.process.kill()
        return False

    with pytest.raises(ProfileError, match="has the process ended"):
        NodeCpuProfiler().take(service.subject(by_url=True), seconds=60, is_ended=kill_it)
    assert list(service.folder.iterdir()) == []


def test_a_full_disk_is_an_error_that_leaves_neither_file(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    (service.folder / "peak-api-cpu.cpuprofile.part").symlink_to("/dev/full")
    with pytest.raises(ProfileError, match="No space left on device; make room"):
        NodeCpuProfiler().take(service.subject(by_url=True), seconds=0.2, is_ended=never)
    assert list(service.folder.iterdir()) == []
