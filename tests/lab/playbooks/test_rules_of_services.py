"""Rules about services themselves: evidence that fires each, and evidence that must not."""

from pathlib import Path

import pytest

from lab.model import Confidence, PhaseKind
from tests.lab.playbooks.a_case import ACase


def late(folder: Path, lag_s: float) -> ACase:
    case = ACase(folder)
    case.samples = [case.request(second + part / 10, took_s=0.4) for second in range(60) for part in range(10)]
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=lag_s, labels="service=backend")
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=0.0003, labels="service=ai_core")
    return case


def test_a_loop_that_comes_late_is_blocked_and_named(tmp_path: Path) -> None:
    found = late(tmp_path, 0.06).seen()["event_loop_blocked"]
    assert found.symptom.value == pytest.approx(0.06, abs=0.001)
    assert found.symptom.explained == pytest.approx(10 * 0.06, rel=0.05)  # requests a second, once each
    assert "backend" in found.advice.cause


def test_every_operation_of_a_request_waits_for_the_loop_again(tmp_path: Path) -> None:
    case = late(tmp_path, 0.06)
    case.histogram("mongodb_pool_wait_seconds", per_s=20, mean_s=0.0001, labels="service=backend")
    assert case.seen()["event_loop_blocked"].symptom.explained == pytest.approx(30 * 0.06, rel=0.05)


def test_the_cause_is_another_where_the_loop_computes_or_collects(tmp_path: Path) -> None:
    computing, collecting = late(tmp_path, 0.06), late(tmp_path, 0.06)
    computing.uses("backend", 0.95)
    assert "computes all the time" in computing.seen()["event_loop_blocked"].advice.cause
    collecting.histogram("gc_pause_seconds", per_s=2, mean_s=0.1, labels="generation=2,service=backend")
    assert "garbage collector" in collecting.seen()["event_loop_blocked"].advice.cause


def test_a_loop_that_is_hardly_late_is_not_blocked(tmp_path: Path) -> None:
    assert "event_loop_blocked" not in late(tmp_path, 0.004).seen()


def full(folder: Path, lag_s: float, other_s: float) -> ACase:
    """Both loops are late on a machine that has no core left."""
    case = late(folder, lag_s)
    case.scrape = [row for row in case.scrape if row["labels"] != "service=ai_core" or "lag" not in row["metric"]]
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=other_s, labels="service=ai_core")
    case.host_value("host_cpu_ratio", 0.97)
    return case


def test_loops_that_are_all_late_on_a_full_machine_are_not_blocked(tmp_path: Path) -> None:
    assert "event_loop_blocked" not in full(tmp_path, 0.03, 0.012).seen()


def test_a_loop_that_stands_out_is_blocked_also_on_a_full_machine(tmp_path: Path) -> None:
    assert "event_loop_blocked" in full(tmp_path, 0.06, 0.006).seen()


def test_two_late_loops_of_which_one_does_not_stand_out_are_less_sure(tmp_path: Path) -> None:
    one, both = late(tmp_path, 0.06), full(tmp_path, 0.06, 0.03)
    assert one.seen()["event_loop_blocked"].symptom.confidence == Confidence.HIGH
    both.host_value("host_cpu_ratio", 0.3)
    assert both.seen()["event_loop_blocked"].symptom.confidence == Confidence.MEDIUM


def test_a_collector_that_stops_a_service_for_a_tenth_of_the_time_holds_it_up(tmp_path: Path) -> None:
    case = late(tmp_path, 0.02)
    case.histogram("gc_pause_seconds", per_s=2, mean_s=0.05, labels="generation=2,service=backend")
    found = case.seen()["garbage_collection"]
    assert found.symptom.value == pytest.approx(0.1, abs=0.005)
    assert found.symptom.share == pytest.approx(0.1, abs=0.005)
    assert found.symptom.confidence == Confidence.HIGH


def test_short_collections_hold_nobody_up(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.histogram("gc_pause_seconds", per_s=20, mean_s=0.0005, labels="generation=0,service=backend")
    assert "garbage_collection" not in case.seen()


def test_collections_that_wait_for_a_core_like_everybody_hold_nobody_up(tmp_path: Path) -> None:
    for folder, other_s, expected in ((tmp_path / "all", 0.012, False), (tmp_path / "one", 0.002, True)):
        folder.mkdir()
        case = full(folder, 0.03, other_s)
        case.histogram("gc_pause_seconds", per_s=2, mean_s=0.05, labels="generation=2,service=backend")
        assert ("garbage_collection" in case.seen()) == expected


def soak(folder: Path, *, mb_per_h: float) -> ACase:
    case = ACase(folder, kind=PhaseKind.SOAK, seconds=600)
    case.processes = [row for row in case.processes if row["metric"] != "process_resident_memory_bytes"]
    for service, growth in {"ai_core": mb_per_h, "backend": 0.0}.items():
        case.processes += [
            case.reading(
                second, "process_resident_memory_bytes", 1e8 + growth * 1e6 / 3600 * second, f"service={service}"
            )
            for second in range(-1, 602)
        ]
    return case


def test_a_service_that_grows_leaks_and_its_name_and_rate_are_told(tmp_path: Path) -> None:
    found = soak(tmp_path, mb_per_h=600).seen()["memory_leak"]
    assert found.symptom.value == pytest.approx(600e6, rel=0.05)
    assert "ai_core" in found.advice.cause
    assert "600 MB/h" in found.symptom.signs[0].text


def test_a_service_that_stays_does_not_leak(tmp_path: Path) -> None:
    assert "memory_leak" not in soak(tmp_path, mb_per_h=0).seen()


def test_growth_outside_a_soak_is_no_leak(tmp_path: Path) -> None:
    case = soak(tmp_path, mb_per_h=600)
    case.kind = PhaseKind.SUSTAIN
    assert "memory_leak" not in case.seen()
