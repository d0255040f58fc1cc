"""What the scripts make of a system that does not keep its contract, counted from the periods of its faults."""

from pathlib import Path

import pytest

from tests.k6.backend_process import Backend
from tests.k6.by_hand import Run, k6

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]


def failed_checks(run: Run) -> dict[str, int]:
    checks: dict[str, int] = {}
    for point in run.of("checks"):
        if point["value"] != 1:
            checks[point["tags"]["check"]] = checks.get(point["tags"]["check"], 0) + 1
    return checks


def test_a_full_queue_is_a_failed_request_and_a_rejected_analysis(backend: Backend, tmp_path: Path) -> None:
    backend.commit(analyze_503_every=3)
    run = k6("upload_analyze", backend, tmp_path, RATE=30, POLL_INTERVAL=0.05)
    asked = run.total("analyses")
    refused = asked // 3
    assert refused > 0
    assert run.total("analyses", outcome="rejected") == refused
    assert run.total("journeys", outcome="failed") == refused
    assert run.total("http_req_failed", status="503") == run.figures["failed"] == refused
    assert failed_checks(run)["POST /analyze answers 202"] == refused


def test_a_failed_report_fails_the_journey_and_no_request(backend: Backend, tmp_path: Path) -> None:
    backend.commit(analysis_fails_every=2)
    run = k6("explain_heavy", backend, tmp_path, RATE=30, POLL_INTERVAL=0.05)
    failed = run.total("analyses") // 2
    assert failed > 0
    assert run.total("analyses", outcome="failed") == failed
    assert len(run.of("analysis_duration")) == run.total("analyses", outcome="done")
    assert run.figures["failed"] == 0
    assert failed_checks(run) == {}
    assert run.total("journeys", outcome="failed") > 0


def test_an_analysis_that_never_ends_misses_its_deadline(backend: Backend, tmp_path: Path) -> None:
    backend.commit(analysis_hangs_every=1)
    run = k6("upload_analyze", backend, tmp_path, RATE=12, POLL_INTERVAL=0.2, DEADLINE=1)
    assert run.total("analyses", outcome="timeout") == run.total("analyses") == run.total("iterations") > 0
    assert run.total("journeys", outcome="completed") == 0
    assert run.figures["failed"] == 0  # a poll of an unfinished report is no error
    assert run.of("analysis_duration") == run.of("upload_to_report") == []


def test_polls_beyond_the_nominal_one_are_told_apart(backend: Backend, tmp_path: Path) -> None:
    backend.commit(analysis_s=0.5)
    run = k6("upload_analyze", backend, tmp_path, RATE=12, POLL_INTERVAL=0.2)
    polls = [p for p in run.of("http_req_duration") if p["tags"]["name"] == "GET /report/{id}"]
    extra = [p for p in polls if p["tags"].get("poll") == "extra"]
    assert run.total("journeys", outcome="completed") == run.total("iterations") > 0
    assert len(polls) - len(extra) == run.total("iterations")
    assert len(extra) >= 2 * run.total("iterations")  # not done after 0.2 s, nor 0.4 s


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("report_500_every", "GET /report/{id} answers 200"),
        ("report_garbage_every", "GET /report/{id} says what it should"),
    ],
)
def test_a_damaged_poll_fails_its_check_and_the_next_one_may_still_find_the_report(
    backend: Backend, tmp_path: Path, fault: str, check: str
) -> None:
    backend.commit(**{fault: 2})
    run = k6("upload_analyze", backend, tmp_path, RATE=12, POLL_INTERVAL=0.05)
    polls = [p for p in run.of("http_req_duration") if p["tags"]["name"] == "GET /report/{id}"]
    assert failed_checks(run)[check] == len(polls) // 2 > 0
    assert run.total("journeys", outcome="completed") == run.total("iterations")


def test_a_damaged_report_among_those_read_at_once_fails_the_journey(backend: Backend, tmp_path: Path) -> None:
    backend.commit(report_500_every=3)  # a journey reads three
    run = k6("report_retrieval", backend, tmp_path, RATE=20)
    assert run.total("journeys", outcome="failed") > 0
    assert run.figures["failed"] == failed_checks(run)["GET /report/{id} answers 200"] > 0


def test_a_login_that_is_refused_ends_the_journey_there(backend: Backend, tmp_path: Path) -> None:
    backend.commit(login_401_every=1)
    run = k6("auth_dashboard", backend, tmp_path, RATE=20)
    assert run.total("journeys", outcome="failed") == run.total("http_req_failed", status="401") > 0
    listed = [p for p in run.of("http_req_duration") if p["tags"]["name"] == "GET /reports/{userId}"]
    assert len(listed) == run.total("journeys", outcome="completed")


def test_an_answer_that_does_not_come_is_a_failed_request_without_a_status(backend: Backend, tmp_path: Path) -> None:
    backend.commit(answer_s=2)
    run = k6("auth_dashboard", backend, tmp_path, RATE=4, DEADLINE=0.5)
    unanswered = [p for p in run.of("http_req_duration") if p["tags"]["status"] == "0"]
    assert run.exit_code == 0, run.output
    assert len(unanswered) == run.figures["requests"] == run.figures["failed"] > 0
    assert all(p["tags"]["error_code"] for p in unanswered)
    assert run.total("journeys", outcome="failed") == run.total("iterations")


def test_a_slow_system_meets_the_same_arrivals(backend: Backend, tmp_path: Path) -> None:
    backend.commit(answer_s=0.6)
    run = k6("auth_dashboard", backend, tmp_path, RATE=20)
    assert abs(run.total("iterations") - 10) <= 1
    assert run.total("dropped_iterations") == 0
    assert run.total("journeys", outcome="completed") == run.total("iterations")


def test_arrivals_for_which_no_vu_is_left_are_counted_as_dropped(backend: Backend, tmp_path: Path) -> None:
    backend.commit(answer_s=0.6)
    run = k6("auth_dashboard", backend, tmp_path, RATE=20, MAX_VUS=2)
    assert run.figures["dropped_iterations"] == run.total("dropped_iterations") > 0
    assert abs(run.total("iterations") + run.total("dropped_iterations") - 10) <= 1


def test_a_backend_that_is_not_there_ends_the_run_with_an_error(tmp_path: Path, closed_url: str) -> None:
    run = k6("mixed", closed_url, tmp_path)
    assert run.exit_code not in (0, 99)
    assert "setup: POST" in run.output
    assert run.of("http_req_duration") == []
