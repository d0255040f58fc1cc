"""Rules about the database and the way to it: evidence that fires each, and evidence that must not."""

from pathlib import Path

import pytest

from tests.lab.playbooks.a_case import ACase


def pooled(folder: Path, *, wait_s: float, idle: float = 0.0, waiting: float = 3.0, opened_per_s: float = 0.0) -> ACase:
    """200 operations a second, of 4 ms each, through a pool of 5 connections."""
    case = ACase(folder)
    case.histogram("mongodb_pool_wait_seconds", per_s=200, mean_s=wait_s, labels="service=backend")
    case.histogram("mongodb_command_duration_seconds", per_s=200, mean_s=0.004, labels="command=find,service=backend")
    for state, value in {"idle": idle, "checked_out": 5 - idle, "waiting": waiting}.items():
        case.gauge("mongodb_pool_connections", value, f"service=backend,state={state}")
    case.counter("mongodb_pool_opened_total", opened_per_s, "service=backend")
    case.counter("mongodb_pool_closed_total", opened_per_s, "service=backend")
    return case


def test_operations_that_wait_for_connections_in_use_have_an_exhausted_pool(tmp_path: Path) -> None:
    symptom = pooled(tmp_path, wait_s=0.016).seen()["pool_exhausted"].symptom
    assert symptom.value == pytest.approx(0.8, abs=0.01)
    assert symptom.explained == pytest.approx(200 * 0.016, abs=0.05)


@pytest.mark.parametrize(("waiting", "size"), [(3.0, 16), (35.0, 50)])
def test_the_pool_that_is_asked_for_holds_the_mean_and_the_peak(waiting: float, size: int, tmp_path: Path) -> None:
    # on average 200 * (0.06 + 0.004) = 12.8 operations, at the peak those that wait and 5 in use; a quarter to spare
    fix = pooled(tmp_path, wait_s=0.06, waiting=waiting).seen()["pool_exhausted"].advice.fix[0]
    assert fix.command.endswith(f"SUT_MONGO_POOL_SIZE={size}")


def test_a_short_wait_is_no_exhausted_pool(tmp_path: Path) -> None:
    assert "pool_exhausted" not in pooled(tmp_path, wait_s=0.0003).seen()


def test_what_waits_beside_idle_connections_waits_for_something_else(tmp_path: Path) -> None:
    assert "pool_exhausted" not in pooled(tmp_path, wait_s=0.016, idle=4).seen()


def test_connections_that_are_opened_for_every_tenth_operation_churn(tmp_path: Path) -> None:
    found = pooled(tmp_path, wait_s=0.016, opened_per_s=20).seen()
    assert found["connection_churn"].symptom.value == pytest.approx(0.1, abs=0.01)
    assert "pool_exhausted" not in found


def test_a_pool_that_opens_a_connection_now_and_then_does_not_churn(tmp_path: Path) -> None:
    assert "connection_churn" not in pooled(tmp_path, wait_s=0.0001, opened_per_s=0.3).seen()


def test_a_pool_that_grows_and_closes_nothing_does_not_churn(tmp_path: Path) -> None:
    case = pooled(tmp_path, wait_s=0.016, opened_per_s=20)
    case.scrape = [row for row in case.scrape if row["metric"] != "mongodb_pool_closed_total"]
    case.counter("mongodb_pool_closed_total", 0.0, "service=backend")
    assert "connection_churn" not in case.seen()


def database(
    folder: Path, *, operation_s: float = 0.0002, read_per_given: float = 1.0, scans_per_s: float = 0.0
) -> ACase:
    """100 operations a second that give 100 documents."""
    case = ACase(folder)
    case.counter("mongodb_op_latency_seconds_total", 100 * operation_s, "type=reads", rows="mongo")
    case.counter("mongodb_op_latency_operations_total", 100, "type=reads", rows="mongo")
    case.counter("mongodb_scanned_total", 100 * read_per_given, "kind=documents", rows="mongo")
    case.counter("mongodb_documents_total", 100, "type=returned", rows="mongo")
    case.counter("mongodb_collection_scans_total", scans_per_s, rows="mongo")
    case.histogram("mongodb_command_duration_seconds", per_s=100, mean_s=operation_s, labels="service=backend")
    return case


def test_scans_that_read_far_more_than_they_give_lack_an_index(tmp_path: Path) -> None:
    found = database(tmp_path, read_per_given=11, scans_per_s=5).seen()["database_slow"]
    assert "200 were read in vain" in found.advice.cause
    assert "createIndex" in found.advice.fix[0].command


def test_slow_operations_fire_without_a_scan_and_ask_for_no_index(tmp_path: Path) -> None:
    found = database(tmp_path, operation_s=0.03).seen()["database_slow"]
    assert found.symptom.value == pytest.approx(3.0, abs=0.1)
    assert "createIndex" not in found.advice.fix[0].command


@pytest.mark.parametrize(
    "healthy",
    [{}, {"scans_per_s": 5.0, "read_per_given": 2.0}, {"read_per_given": 40.0}, {"operation_s": 0.008}],
    ids=["quick", "scans of small collections", "much read by an index", "nearly slow"],
)
def test_what_is_quick_or_reads_what_it_gives_is_not_slow(healthy: dict[str, float], tmp_path: Path) -> None:
    assert "database_slow" not in database(tmp_path, **healthy).seen()
