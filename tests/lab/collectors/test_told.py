"""Processes that tell of themselves stand beside those that are seen from outside, in one series."""

from collections.abc import Iterable

from lab.collectors import Reading
from lab.collectors.told import ToldCollector


class Seen:
    """One process that is seen from outside."""

    name = "processes"

    def sample(self) -> Iterable[Reading]:
        yield Reading("process_cpu_seconds_total", "service=lab", 1.0)


SCRAPED = [
    Reading("up", "service=api", 1.0),
    Reading("process_cpu_seconds_total", "service=api,worker=1", 2.0),
    Reading("process_cpu_seconds_total", "service=api,worker=2", 3.0),
    Reading("process_resident_memory_bytes", "service=api", 4e6),
    Reading("process_open_fds", "service=api", 20),
    Reading("process_start_time_seconds", "service=api,worker=1", 100.0),
    Reading("process_start_time_seconds", "service=api,worker=2", 200.0),
    Reading("process_max_fds", "service=api", 1024),
    Reading("process_cpu_seconds_total", "service=backend", 9.0),
]


def test_what_services_tell_of_their_processes_goes_beside_what_is_seen() -> None:
    readings = list(ToldCollector(Seen(), lambda: SCRAPED, ["api", "silent"]).sample())
    assert readings == [
        Reading("process_cpu_seconds_total", "service=lab", 1.0),
        Reading("process_cpu_seconds_total", "service=api", 5.0),
        Reading("process_resident_memory_bytes", "service=api", 4e6),
        Reading("process_open_fds", "service=api", 20),
        Reading("process_start_time_seconds", "service=api", 200.0),
    ]


def test_processes_that_the_lab_sees_itself_are_not_taken_from_what_they_tell() -> None:
    assert len(list(ToldCollector(Seen(), lambda: SCRAPED, []).sample())) == 1


def test_a_service_that_does_not_answer_gives_nothing() -> None:
    assert len(list(ToldCollector(Seen(), lambda: [Reading("up", "service=api", 0.0)], ["api"]).sample())) == 1
