"""Figures of a running phase, from recorded output as if it came now."""

import pytest

from lab.load.live import LiveFigures
from tests.lab.load.recorded import MIXED, TEXT, a_phase, points_of

LINES = TEXT.splitlines()
BEGAN = min(p["value"] for p in points_of("scenario_started")) / 1000


def figures(lines: list[bytes]) -> LiveFigures:
    live = LiveFigures(a_phase(), MIXED)
    live.read(lines)
    return live


def test_before_the_load_begins_all_is_nothing() -> None:
    progress = figures([]).progress(BEGAN, generator_pid=7)
    assert (progress.elapsed_s, progress.requests, progress.failed, progress.p95_s) == (0, 0, 0, None)
    assert (progress.achieved_rate_per_s, progress.planned_rate_per_s) == (0, 30)
    assert (progress.generator_pid, progress.duration_s) == (7, 10)


def test_requests_and_failures_are_counted_without_those_of_setup() -> None:
    progress = figures(LINES).progress(BEGAN + 10, generator_pid=None)
    assert (progress.requests, progress.failed) == (302, 8)
    assert progress.elapsed_s == pytest.approx(10)


def test_p95_is_that_of_the_last_ten_seconds() -> None:
    live = figures(LINES)
    recent = live.progress(BEGAN + 10.5, generator_pid=None).p95_s
    assert recent == pytest.approx(0.00445, rel=0.05)
    assert live.progress(BEGAN + 60, generator_pid=None).p95_s is None


def test_the_achieved_rate_counts_journeys_by_their_start() -> None:
    progress = figures(LINES).progress(BEGAN + 9, generator_pid=None)
    assert progress.achieved_rate_per_s == pytest.approx(30, rel=0.1)


def test_there_is_no_rate_before_there_is_a_second_to_count_in() -> None:
    assert figures(LINES[:600]).progress(BEGAN + 0.8, generator_pid=None).achieved_rate_per_s == 0


@pytest.mark.parametrize(("elapsed", "planned"), [(0, 10), (5, 30), (10, 50), (12, 50)])
def test_the_planned_rate_of_a_ramp_moves_with_time(elapsed: float, planned: float) -> None:
    live = LiveFigures(a_phase(start_rate_per_s=10.0, rate_per_s=50.0), MIXED)
    live.read(LINES)
    assert live.progress(BEGAN + elapsed, generator_pid=None).planned_rate_per_s == pytest.approx(planned, abs=0.01)


def test_damaged_lines_are_passed_over() -> None:
    damaged = [line[:-7] for line in LINES] + [b"", b"\xff", line_with_other_tags()]
    assert figures(damaged).progress(BEGAN, generator_pid=None).requests == 0


def line_with_other_tags() -> bytes:
    line = next(line for line in LINES if line.startswith(b'{"metric":"http_req_duration","type":"Point"'))
    return line.replace(b'"tags":{', b'"tags":{x')
