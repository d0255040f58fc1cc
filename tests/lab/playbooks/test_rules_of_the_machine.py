"""Rules about the machine and the generator: evidence that fires each, and evidence that must not."""

from pathlib import Path

import pytest

from lab.model import Confidence, Journeys
from tests.lab.playbooks.a_case import ACase


def test_pressure_on_the_disk_is_a_limit_and_names_who_writes(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.gauge("host_pressure_ratio", 0.4, "resource=io", rows="host")
    case.counter("host_disk_busy_seconds_total", 0.9, rows="host")
    case.gauge("host_cpu_iowait_ratio", 0.2, rows="host")
    case.counter("process_written_bytes_total", 30e6, "service=backend", rows="processes")
    found = case.seen()["io_bound"]
    assert found.symptom.share == pytest.approx(0.4)
    assert found.symptom.confidence == Confidence.HIGH
    assert "backend wrote 30.0 MB/s" in found.advice.cause


def test_lost_packets_are_a_limit_too(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.gauge("host_pressure_ratio", 0.0, "resource=io", rows="host")
    case.counter("host_network_dropped_packets_total", 20, rows="host")
    assert case.seen()["io_bound"].symptom.value == pytest.approx(20, abs=0.5)


def test_pressure_on_memory_or_cores_is_none_on_the_disk(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    for resource in ("cpu", "memory"):
        case.gauge("host_pressure_ratio", 0.9, f"resource={resource}", rows="host")
    case.gauge("host_pressure_ratio", 0.02, "resource=io", rows="host")
    assert "io_bound" not in case.seen()


def test_journeys_that_never_began_are_the_generators(tmp_path: Path) -> None:
    case = ACase(tmp_path, journeys=Journeys(max_vus=3))
    case.points += [case.point(second + 0.5, "dropped_iterations", 1.0) for second in range(60)]
    found = case.seen()["generator_bound"]
    assert "50.0%" in found.symptom.signs[0].text
    assert found.advice.mitigation[0].command.endswith("--set journeys.max_vus=12 --up")


def test_a_generator_that_uses_all_its_cores_is_one(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.uses("k6", 1.2)
    assert case.seen()["generator_bound"].symptom.value == pytest.approx(1.2, abs=0.05)


def test_a_generator_within_its_guards_is_none(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.uses("k6", 0.6)
    assert "generator_bound" not in case.seen()


def test_cores_that_nobody_who_is_watched_uses_are_a_neighbours(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.host_value("host_cpu_ratio", 0.9)  # 1.8 cores, and the four who are watched use 0.1 each
    case.gauge("host_pressure_ratio", 0.5, "resource=cpu", rows="host")
    found = case.seen()["noisy_neighbour"]
    assert found.symptom.value == pytest.approx(1.4 / 0.5, abs=0.05)
    assert found.symptom.share == pytest.approx(0.5 * 1.4 / 1.8, abs=0.01)


def test_what_the_host_takes_is_a_neighbours_too(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.host_value("host_cpu_steal_ratio", 0.1)
    assert case.seen()["noisy_neighbour"].symptom.value == pytest.approx(2.0, abs=0.05)


def test_a_machine_that_the_system_itself_fills_has_no_neighbour(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.host_value("host_cpu_ratio", 0.95)
    case.uses("backend", 1.5)
    assert "noisy_neighbour" not in case.seen()


def test_services_that_run_elsewhere_have_no_neighbour_that_could_be_told(tmp_path: Path) -> None:
    case = ACase(tmp_path, is_external=True)
    case.host_value("host_cpu_ratio", 0.9)
    assert "noisy_neighbour" not in case.seen()
