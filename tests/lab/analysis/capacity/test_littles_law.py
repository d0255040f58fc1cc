"""Little's law as a check of what was counted."""

from dataclasses import replace
from pathlib import Path

from lab.analysis.capacity.littles_law import little_checks, little_doubts
from lab.analysis.capacity.slices import Recorded
from lab.analysis.points import read_points
from lab.analysis.samples import read_samples
from lab.analysis.series import read_series
from lab.conclude import evidence_of
from lab.model import Doubt, DoubtKind
from tests.lab.analysis.a_run import ARun
from tests.lab.analysis.capacity.a_loaded_run import ALoadedRun


def doubts_of(run: ALoadedRun) -> tuple[Doubt, ...]:
    evidence = evidence_of(run.write())
    return little_doubts(evidence.windows, read_points(evidence.points))


def test_journeys_that_are_counted_as_they_are_raise_no_doubt(tmp_path: Path) -> None:
    assert doubts_of(ALoadedRun(tmp_path)) == ()


def test_journeys_that_were_under_way_and_not_recorded_raise_one(tmp_path: Path) -> None:
    doubts = doubts_of(ALoadedRun(tmp_path, lost_journeys=0.1))  # a third of the time of each is missing
    assert [doubt.phase for doubt in doubts] == ["baseline", "ramp"]
    assert all(doubt.kind == DoubtKind.LITTLES_LAW for doubt in doubts)
    assert not any(doubt.invalidates for doubt in doubts)
    assert "1.20 were counted under way" in doubts[0].why
    assert "make 0.90" in doubts[0].why


def test_a_phase_that_was_cut_off_at_its_beginning_raises_none(tmp_path: Path) -> None:
    evidence = evidence_of(ALoadedRun(tmp_path, lost_journeys=0.1).write())
    cut_off = [replace(window, ended_at=window.started_at) for window in evidence.windows]
    assert little_doubts(cut_off, read_points(evidence.points)) == ()


def with_gauge(folder: Path, in_flight: float) -> list[float]:
    """The residuals of a service that answers 10 requests of 50 ms a second, and says how many are in flight."""
    run = ARun(folder)
    for second in range(61):
        for metric, value in (
            ("http_requests_in_flight", in_flight + 0.1 * (second % 2)),
            ("http_request_duration_seconds_count", 10.0 * second),
            ("http_request_duration_seconds_sum", 0.5 * second),
        ):
            run.scrape.append(run.reading(second, metric, value, "service=backend"))
    evidence = run.evidence()
    series = {name: read_series(path) for name, path in evidence.series.items()}
    recorded = Recorded(evidence, read_samples(evidence.samples), read_points(evidence.points), series, ())
    return [check.residual for check in little_checks(recorded) if check.subject == "requests in backend"]


def test_a_service_that_counts_right_has_no_residual(tmp_path: Path) -> None:
    (residual,) = with_gauge(tmp_path, 0.45)
    assert abs(residual) < 0.02


def test_a_service_that_counts_twice_as_many_has_a_residual_of_one(tmp_path: Path) -> None:
    (residual,) = with_gauge(tmp_path, 0.95)
    assert 0.95 < residual < 1.05
