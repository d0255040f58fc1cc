"""The heap of a real Node process: who allocates, what is there, and what grew between two snapshots."""

import time
from pathlib import Path

import orjson
import pytest

from lab.analysis.heap_growth import growth_between, growth_since_followed
from lab.analysis.v8_heap import constructors, kept_allocations
from lab.errors import ProfileError
from lab.model import AllocationSite, Heap, ProcessHeap, Profile
from lab.profilers.node_heap import NodeHeapProfiler, NodeHeapSnapshotter
from tests.lab.profilers.conftest import StartNode

PROGRAM = Path(__file__).with_name("service.mjs")
pytestmark = [pytest.mark.needs("node"), pytest.mark.e2e]


def never() -> bool:
    return False


def test_the_function_that_leaks_has_the_most_bytes_that_stay(start_node: StartNode) -> None:
    service = start_node("leak", inspect=True)
    profile = NodeHeapProfiler().take(service.subject(by_url=True), seconds=1.5, is_ended=never)
    lines = (service.folder / "peak-api-heap.folded").read_text().splitlines()
    stacks = sorted((int(line.rpartition(" ")[2]), line.rpartition(" ")[0]) for line in lines)
    assert f"leakASession ({PROGRAM}:" in stacks[-1][1]
    assert stacks[-1][0] > 100_000
    assert profile.samples > 10
    assert profile.rate_hz == 0
    raw = orjson.loads((service.folder / "peak-api-heap.heapprofile").read_bytes())
    assert raw["head"]["callFrame"]["functionName"] == "(root)"


def test_a_snapshot_is_whole_json_and_the_process_goes_on(start_node: StartNode) -> None:
    service = start_node("leak")
    profile = NodeHeapSnapshotter().take(service.subject(), seconds=0, is_ended=never)
    ((kind, name),) = profile.files
    assert (kind, name) == ("heapsnapshot", "peak-api-heap.heapsnapshot")
    snapshot = orjson.loads((service.folder / name).read_bytes())
    fields = len(snapshot["snapshot"]["meta"]["node_fields"])
    assert len(snapshot["nodes"]) == fields * snapshot["snapshot"]["node_count"]
    assert "LeakedSession" in snapshot["strings"]
    assert not service.inspects()
    assert service.process.poll() is None


def test_a_snapshot_that_may_not_fit_is_refused_before_it_is_begun(start_node: StartNode) -> None:
    service = start_node("rest", inspect=True)
    with pytest.raises(ProfileError, match=r"has 3 MB left, and a snapshot may take \d+ MB: make room"):
        NodeHeapSnapshotter(free_disk=lambda _: 3_000_000).take(service.subject(by_url=True), seconds=0, is_ended=never)


def test_a_snapshot_that_memory_is_too_short_for_is_refused(start_node: StartNode) -> None:
    service = start_node("rest", inspect=True)
    with pytest.raises(ProfileError, match=r"has 3 MB of memory left.*\(node-heap\) instead"):
        NodeHeapSnapshotter(free_memory=lambda: 3_000_000).take(service.subject(by_url=True), seconds=0, is_ended=never)


def test_a_disk_that_fills_up_under_a_snapshot_is_an_error_and_leaves_nothing(start_node: StartNode) -> None:
    service = start_node("rest", inspect=True)
    (service.folder / "peak-api-heap.heapsnapshot.part").symlink_to("/dev/full")
    with pytest.raises(ProfileError, match="No space left on device"):
        NodeHeapSnapshotter().take(service.subject(by_url=True), seconds=0, is_ended=never)
    assert list(service.folder.iterdir()) == []
    assert service.process.poll() is None


def test_what_leaks_is_what_grew_most_between_two_snapshots(start_node: StartNode) -> None:
    service = start_node("leak", inspect=True)
    heaps = []
    for stem in ("soak-start", "soak-end"):
        subject = service.subject(by_url=True, stem=stem)
        profile = NodeHeapSnapshotter().take(subject, seconds=0, is_ended=never)
        sites = constructors((service.folder / dict(profile.files)["heapsnapshot"]).read_bytes())
        heaps.append(a_heap(profile, sites))
        time.sleep(1)
    growth = growth_between(*heaps)
    objects = [each for each in growth.sites if not each.site.name.startswith("(")]
    # each session holds an array of numbers: its storage is the most, the array and the session are as many
    assert growth.sites[0].site.name == "(array)"
    assert {each.site.name for each in objects[:2]} == {"Array", "LeakedSession"}
    assert objects[0].grown_count >= 20
    assert growth.sites[0].bytes_per_h > 1e6


def test_the_leak_is_named_by_function_file_and_line_with_its_rate(start_node: StartNode) -> None:
    service = start_node("leak", inspect=True)
    profile = NodeHeapProfiler().take(service.subject(by_url=True), seconds=1.5, is_ended=never)
    sites = kept_allocations((service.folder / dict(profile.files)["heapprofile"]).read_bytes())
    first = growth_since_followed(a_heap(profile, sites, followed_since=profile.started_at)).sites[0]
    lines = PROGRAM.read_text().splitlines()
    assert first.site.file == str(PROGRAM)
    # once V8 has compiled it into its caller, what the constructor allocates is its caller's
    begins = {
        "LeakedSession": "constructor(at) {",
        "leakASession": "function leakASession() {",
        "(anonymous)": "this.values = ",
    }
    assert lines[first.site.line - 1].strip().startswith(begins[first.site.name])
    assert first.bytes_per_h > 1e6


def a_heap(profile: Profile, sites: tuple[AllocationSite, ...], *, followed_since: float = 0.0) -> Heap:
    (pid,) = profile.pids
    process = ProcessHeap(
        pid=pid,
        role="service",
        followed_since=followed_since,
        taken_at=profile.ended_at,
        resident_bytes=None,
        sites=sites,
    )
    return Heap(service=profile.service, processes=(process,))
