"""When a phase's load began and ended, and at which rate journeys started in it."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.load.journeys_log import JourneysLog
from lab.load.k6_window import measure_window, window_of
from lab.model import Window
from tests.lab.load.recorded import GZ, MIXED, TEXT, a_phase, points_of

BEGAN = 1_800_000_000.0


def a_time(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, tz=UTC).isoformat().replace("+00:00", "Z")


def a_point(metric: str, at: float, value: float) -> bytes:
    data = {"time": a_time(BEGAN + at), "value": value, "tags": {"group": "", "scenario": "upload_analyze"}}
    return json.dumps({"metric": metric, "type": "Point", "data": data}, separators=(",", ":")).encode()


def a_log(journeys: list[tuple[float, float]], *, last_at: float) -> list[bytes]:
    """Lines of a phase that began at BEGAN, with journeys (start, duration) in seconds after it."""
    ended = [a_point("iteration_duration", start + duration, duration * 1000) for start, duration in journeys]
    return [a_point("scenario_started", 0.2, BEGAN * 1000), *ended, a_point("vus", last_at, 1)]


def measured(folder: Path, lines: list[bytes], *, duration_s: float = 10) -> Window:
    (folder / "main.json.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    window = measure_window(a_phase(duration_s=duration_s), MIXED, folder)
    assert window is not None
    return window


def test_a_window_begins_with_the_earliest_scenario_and_lasts_as_planned(tmp_path: Path) -> None:
    (tmp_path / "main.json.gz").write_bytes(GZ)
    window = measure_window(a_phase(), MIXED, tmp_path)
    assert window is not None
    began = min(p["value"] for p in points_of("scenario_started")) / 1000
    assert (window.started_at, window.ended_at) == (began, began + 10)
    assert window.note == ""
    assert window.planned_rate_per_s == 30
    assert window.achieved_rate_per_s == pytest.approx(len(points_of("iteration_duration")) * 3.3 / 10, rel=0.02)


def test_journeys_count_by_when_they_began_not_by_when_they_ended(tmp_path: Path) -> None:
    inside = [(0.0, 1.0), (5.0, 9.0), (9.999, 3.0)]
    outside = [(10.0, 0.1), (11.0, 1.0)]
    window = measured(tmp_path, a_log([*inside, *outside], last_at=14))
    assert window.achieved_rate_per_s == pytest.approx(len(inside) * MIXED.requests_per_journey / 10)
    assert window.note == ""


def test_a_phase_whose_output_stops_early_was_interrupted_and_ends_with_its_last_line(tmp_path: Path) -> None:
    window = measured(tmp_path, a_log([(0.0, 0.1), (1.0, 0.1), (3.0, 0.1)], last_at=4))
    assert window.note == "interrupted"
    assert window.ended_at == pytest.approx(BEGAN + 4)
    assert window.achieved_rate_per_s == pytest.approx(3 * MIXED.requests_per_journey / 4)


def test_a_file_that_was_cut_was_interrupted_even_when_its_time_was_up(tmp_path: Path) -> None:
    (tmp_path / "main.json.gz").write_bytes(GZ[:-30])
    window = measure_window(a_phase(), MIXED, tmp_path)
    assert window is not None
    assert window.note == "interrupted"


@pytest.mark.parametrize(
    "content", [b"", gzip.compress(b""), gzip.compress(TEXT[:5000])], ids=["nothing", "empty", "cut"]
)
def test_a_phase_in_which_no_journey_began_has_no_window(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "main.json.gz").write_bytes(content)
    assert measure_window(a_phase(), MIXED, tmp_path) is None


def test_a_phase_without_a_file_has_no_window(tmp_path: Path) -> None:
    assert measure_window(a_phase(), MIXED, tmp_path) is None


def test_a_window_tells_how_k6_ended_and_a_ramp_plans_its_mean() -> None:
    log = JourneysLog()
    log.read(a_log([(0.0, 1.0)], last_at=10))
    phase = a_phase(start_rate_per_s=10.0, rate_per_s=50.0)
    window = window_of(phase, MIXED, log, k6_exit_code=99, is_interrupted=False, note="2 script errors")
    assert window is not None
    assert (window.planned_rate_per_s, window.k6_exit_code, window.note) == (30, 99, "2 script errors")


def test_an_interruption_at_the_first_moment_has_no_rate() -> None:
    log = JourneysLog()
    log.read([a_point("scenario_started", 0.0, BEGAN * 1000)])
    window = window_of(a_phase(), MIXED, log, k6_exit_code=0, is_interrupted=True)
    assert window is not None
    assert window.ended_at == window.started_at
    assert window.achieved_rate_per_s == 0


def test_damaged_lines_say_nothing_of_journeys() -> None:
    log = JourneysLog()
    lines = a_log([(0.0, 1.0), (2.0, 1.0)], last_at=5)
    log.read([*lines, b"", b"garbage", lines[1][:-20], lines[1].replace(b"2027", b"20x7")])
    assert len(log.starts) == 2


def test_journeys_that_end_out_of_order_are_still_counted_by_their_start() -> None:
    log = JourneysLog()
    log.read(a_log([(4.0, 1.0), (0.0, 6.0), (3.0, 4.0), (6.5, 1.0)], last_at=9))
    assert log.started_between(BEGAN, BEGAN + 4) == 2
    assert log.started_between(BEGAN + 4, BEGAN + 7) == 2
