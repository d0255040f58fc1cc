"""What grows is named by its place, the fastest first, and only what can be compared is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.heap_growth import growth_between, growth_since_followed
from lab.errors import LabError
from lab.model import AllocationSite, Heap, ProcessHeap


def a_process(*sites: tuple[str, int, int], pid: int = 7, role: str = "service", at: float = 1000.0) -> ProcessHeap:
    """A process that holds bytes, one allocation each, by (file, line, bytes)."""
    return ProcessHeap(
        pid=pid,
        role=role,
        followed_since=900.0,
        taken_at=at,
        resident_bytes=50_000_000,
        sites=tuple(AllocationSite(file=f, line=n, size_bytes=held, count=1) for f, n, held in sites),
    )


def a_heap(*processes: ProcessHeap, missing: tuple[str, ...] = ()) -> Heap:
    return Heap(service="api", processes=processes, missing=missing)


def test_the_place_that_grows_fastest_comes_first_with_its_rate_and_what_shrank_comes_last() -> None:
    before = a_heap(a_process(("leak.py", 5, 1000), ("cache.py", 9, 500), ("calm.py", 1, 10)))
    after = a_heap(
        a_process(("leak.py", 5, 9000), ("cache.py", 9, 100), ("calm.py", 1, 10), ("new.py", 2, 40), at=2800.0)
    )
    found = growth_between(before, after)
    assert [(each.site.file, each.site.line, each.grown_bytes) for each in found.sites] == [
        ("leak.py", 5, 8000),
        ("new.py", 2, 40),
        ("cache.py", 9, -400),
    ]
    assert found.sites[0].bytes_per_h == 16_000
    assert found.sites[0].site.size_bytes == 9000
    assert (found.seconds, found.grown_bytes, found.resident_bytes, found.notes) == (1800.0, 7640, 0, ())


def test_workers_are_summed_by_their_role_and_not_with_the_service() -> None:
    before = a_heap(*(a_process(("a.py", 1, 100), pid=pid, role=role) for pid, role in PROCESSES))
    after = a_heap(*(a_process(("a.py", 1, 100 + pid), pid=pid, role=role, at=1036.0) for pid, role in PROCESSES))
    found = growth_between(before, after)
    assert [(each.role, each.grown_bytes, round(each.bytes_per_h)) for each in found.sites] == [
        ("worker", 5, 500),
        ("service", 1, 100),
    ]


PROCESSES = [(1, "service"), (2, "worker"), (3, "worker")]


def test_a_worker_that_was_replaced_is_not_compared_and_said_not_to_be() -> None:
    before = a_heap(a_process(("a.py", 1, 100), pid=1), a_process(("a.py", 1, 900), pid=2))
    after = a_heap(a_process(("a.py", 1, 150), pid=1, at=1100.0), a_process(("a.py", 1, 5), pid=3, at=1100.0))
    found = growth_between(before, after)
    assert [each.grown_bytes for each in found.sites] == [50]
    assert found.notes == (
        "compared are 1 processes; not those that ended or were followed anew in between (before: 2; after: 3)",
    )


def test_a_process_that_was_followed_anew_is_not_compared() -> None:
    before = a_process(("a.py", 1, 100))
    after = replace(before, followed_since=1500.0, taken_at=2000.0, sites=())
    found = growth_between(a_heap(before), a_heap(after))
    assert found.sites == ()
    assert "compared are 0 processes" in found.notes[0]
    assert found.seconds == 0


def test_who_did_not_tell_is_a_note() -> None:
    heap = a_heap(a_process(), missing=("worker 3 is missing: it was busy",))
    later = a_heap(a_process(at=1100.0), missing=("worker 3 is missing: it was busy",))
    assert growth_between(heap, later).notes == ("worker 3 is missing: it was busy",)


def test_snapshots_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(LabError, match="give the earlier one first"):
        growth_between(a_heap(a_process(at=2000.0)), a_heap(a_process(at=1000.0)))


def test_what_is_held_since_allocations_are_followed_is_growth_too() -> None:
    found = growth_since_followed(a_heap(a_process(("leak.py", 5, 1000))))
    assert (found.seconds, found.sites[0].bytes_per_h, found.resident_bytes) == (100.0, 36_000, None)


def test_what_was_not_followed_has_not_grown_since() -> None:
    assert growth_since_followed(a_heap(replace(a_process(("a.py", 1, 5)), followed_since=0.0))).sites == ()


_SITES = st.lists(st.tuples(st.sampled_from(["a.py", "b.py"]), st.integers(1, 3), st.integers(0, 10**9)), max_size=8)


@given(_SITES, _SITES)
def test_growth_adds_up_to_the_difference_of_what_is_held(
    first: list[tuple[str, int, int]], last: list[tuple[str, int, int]]
) -> None:
    found = growth_between(a_heap(a_process(*first)), a_heap(a_process(*last, at=2000.0)))
    assert found.grown_bytes == sum(held for *_, held in last) - sum(held for *_, held in first)
    rates = [each.bytes_per_h for each in found.sites]
    assert rates == sorted(rates, reverse=True)
