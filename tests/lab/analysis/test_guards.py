"""Guards in windows: what was wrong for a while is seen, named with its time, and weighed as the plan says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.model import Doubt, DoubtKind, Guards, PhaseKind
from tests.lab.analysis.a_run import START, ARun

Change = Callable[[ARun], object]


def doubts_of(run: ARun) -> dict[DoubtKind, Doubt]:
    return {doubt.kind: doubt for doubt in analyse(run.evidence()).doubts}


def between(first: int, last: int, metric: str, value: float, labels: str = "") -> Change:
    """From one second to another a metric of the machine has this value."""

    def change(run: ARun) -> None:
        run.host = [row for row in run.host if row["metric"] != metric or not first <= row["time"] / 1e6 - START < last]
        run.host += [run.reading(second, metric, value, labels) for second in range(first, last)]

    return change


def busy_k6(run: ARun) -> None:
    """From second 20 to 40, k6 uses a core and a half."""
    total = 100.0
    run.processes = [row for row in run.processes if "k6" not in row["labels"]]
    for second in range(-1, run.seconds + 2):
        total += 1.5 if 20 <= second < 40 else 0.05
        run.processes.append(run.reading(second, "process_cpu_seconds_total", total, "service=k6"))


def late_starts(run: ARun) -> None:
    for number in range(600):
        delay_s = 2.0 if 300 <= number < 400 else 0.001
        run.points.append(run.point(number / 10, "start_delay", delay_s))


def changing_frequency(run: ARun) -> None:
    for second in range(60):
        run.host.append(run.reading(second, "host_cpu_frequency_hertz", 1e9 if 30 <= second < 45 else 3e9))


def swapping(run: ARun) -> None:
    for second in range(60):
        run.host.append(run.reading(second, "host_swap_in_bytes_total", 1e8 * max(0, second - 40)))


CASES: dict[DoubtKind, tuple[Change, bool, tuple[float, float]]] = {
    DoubtKind.MACHINE_CPU_PEAK: (between(20, 35, "host_cpu_ratio", 0.99), False, (20, 35)),
    DoubtKind.OTHER_PROCESSES: (between(20, 35, "host_cpu_ratio", 0.6), False, (20, 35)),
    DoubtKind.FREQUENCY: (changing_frequency, False, (30, 45)),
    DoubtKind.MEMORY_PRESSURE: (
        between(10, 25, "host_pressure_ratio", 0.5, "resource=memory"),
        False,
        (10, 25),
    ),
    DoubtKind.SWAP: (swapping, False, (40, 60)),
    DoubtKind.GENERATOR_CPU: (busy_k6, True, (20, 40)),
    DoubtKind.START_DELAY: (late_starts, True, (30, 40)),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_was_wrong_for_a_while_is_a_doubt_with_its_time(kind: DoubtKind, tmp_path: Path) -> None:
    change, forbids, (first, last) = CASES[kind]
    run = ARun(tmp_path)
    change(run)
    doubt = doubts_of(run)[kind]
    assert doubt.invalidates == forbids
    assert doubt.remedy
    assert START + first - 5 <= doubt.started_at < doubt.ended_at <= START + last + 5


def test_nothing_is_doubted_where_nothing_was_wrong(tmp_path: Path) -> None:
    assert doubts_of(ARun(tmp_path)) == {}


@pytest.mark.parametrize("kind", CASES)
def test_a_plan_says_which_doubts_make_a_run_invalid(kind: DoubtKind, tmp_path: Path) -> None:
    change, _, _ = CASES[kind]
    for guards, forbids in ((Guards(invalidating=(kind,)), True), (Guards(tolerated=(kind,)), False)):
        run = ARun(tmp_path, guards=guards)
        change(run)
        assert doubts_of(run)[kind].invalidates == forbids


def test_a_clock_that_is_set_and_a_disk_that_fills_forbid_a_verdict(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    for second in range(60):
        run.host.append(run.reading(second, "host_clock_offset_seconds", 0.0 if second < 30 else 3600.0))
        run.host.append(run.reading(second, "host_disk_free_bytes", 1e9 - second * 1.6e7))
    found = doubts_of(run)
    assert found[DoubtKind.CLOCK_JUMP].invalidates
    assert "3600.0 s" in found[DoubtKind.CLOCK_JUMP].why
    assert found[DoubtKind.DISK_FULL].invalidates


def test_virtual_users_at_their_ceiling_are_told(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.points.append(run.point(30, "vus", 1000))
    assert "1000 of at most 1000" in doubts_of(run)[DoubtKind.VUS_AT_CEILING].why


def test_delays_after_a_dropped_journey_tell_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path, guards=Guards(dropped_iterations=1.0))
    run.points.append(run.point(29, "dropped_iterations", 1))
    late_starts(run)
    assert DoubtKind.START_DELAY not in doubts_of(run)


def test_where_response_times_count_from_when_requests_were_due_late_journeys_forbid_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.STRESS)
    late_starts(run)
    assert not doubts_of(run)[DoubtKind.START_DELAY].invalidates


def test_a_warm_up_is_not_guarded(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.WARMUP)
    late_starts(run)
    assert DoubtKind.START_DELAY not in doubts_of(run)
