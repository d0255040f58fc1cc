"""Thresholds over windows and over server metrics: a bad minute is seen, and named with its time."""

from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.analysis.observe import stretches_of
from lab.analysis.verdict import judge
from lab.model import Finding, Outcome, PhaseKind, Window
from tests.lab.analysis.a_run import START, ARun


def finding_of(run: ARun) -> Finding:
    evidence = run.evidence()
    (finding,) = judge(analyse(evidence), evidence.plan).findings
    return finding


def a_window(seconds: float) -> Window:
    return Window(
        phase="sustain",
        kind=PhaseKind.SUSTAIN,
        step=0,
        started_at=START,
        ended_at=START + seconds,
        planned_rate_per_s=1,
        achieved_rate_per_s=1,
        k6_exit_code=0,
    )


@pytest.mark.parametrize(
    ("seconds", "length_s", "ends"),
    [
        (60, 30, [(0, 30), (15, 45), (30, 60)]),
        (70, 30, [(0, 35), (17.5, 52.5), (35, 70)]),
        (20, 30, [(0, 20)]),
    ],
)
def test_stretches_overlap_by_half_cover_the_phase_and_are_never_shorter_than_asked(
    seconds: float, length_s: float, ends: list[tuple[float, float]]
) -> None:
    found = stretches_of(a_window(seconds), length_s)
    assert [(begin - START, end - START) for begin, end in found] == ends


def a_bad_stretch(run: ARun, first: int, last: int) -> None:
    run.samples = [
        run.request((row["time"] / 1e6) - START, status=500) if first <= row["time"] / 1e6 - START < last else row
        for row in run.samples
    ]


def test_a_bad_stretch_is_hidden_by_the_whole_phase_and_found_and_named_by_windows(tmp_path: Path) -> None:
    whole = ARun(tmp_path, thresholds=["error_rate < 20%"])
    a_bad_stretch(whole, 30, 40)
    assert finding_of(whole).outcome == Outcome.PASSED
    windows = ARun(tmp_path, thresholds=["error_rate < 20% over 10s windows"])
    a_bad_stretch(windows, 30, 40)
    finding = finding_of(windows)
    assert finding.outcome == Outcome.FAILED
    assert (finding.started_at, finding.ended_at) == (START + 30, START + 40)
    assert (finding.windows, finding.missed) == (11, 3)
    assert finding.observed is not None
    assert finding.observed.value == pytest.approx(1.0)


def test_a_request_counts_in_the_window_in_which_it_was_due(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(http_req_duration) < 5s over 10s windows"])
    run.samples.append(run.request(29, took_s=8))
    finding = finding_of(run)
    assert finding.outcome == Outcome.FAILED
    assert finding.ended_at <= START + 30
    assert finding.started_at <= START + 21


def test_windows_with_too_few_values_for_the_statistic_have_no_verdict(tmp_path: Path) -> None:
    finding = finding_of(ARun(tmp_path, thresholds=["p95(http_req_duration) < 1s over 10s windows"]))
    assert finding.outcome == Outcome.INVALID
    assert "p95 needs 200 values, and there are 2" in finding.why


def test_the_lowest_window_is_the_worst_where_more_is_better(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["count(http_req_duration) > 15 over 10s windows"])
    run.samples = [row for row in run.samples if not 20 <= row["time"] / 1e6 - START < 30]
    finding = finding_of(run)
    assert finding.outcome == Outcome.FAILED
    assert (finding.started_at, finding.ended_at) == (START + 20, START + 30)


@pytest.mark.parametrize(
    ("text", "observed", "outcome"),
    [
        ("max(process_resident_memory_bytes{service=ai_core}) < 200MB", 1e8, Outcome.PASSED),
        ("max(process_resident_memory_bytes{service=ai_core}) < 50MB", 1e8, Outcome.FAILED),
        ("mean(host_cpu_ratio) < 50%", 0.3, Outcome.PASSED),
        ("mean(host_cpu_ratio) < 20% over 10s windows", 0.3, Outcome.FAILED),
        ("rate(process_cpu_seconds_total{service=backend}) < 0.5", 0.1, Outcome.PASSED),
        ("increase(process_cpu_seconds_total{service=backend}) < 1s", 6.0, Outcome.FAILED),
        ("p95(process_threads{service=backend}) <= 4", 4.0, Outcome.PASSED),
        ("min(up{service=backend}) >= 1", 1.0, Outcome.PASSED),
    ],
)
def test_server_metrics_are_held_against_limits(text: str, observed: float, outcome: Outcome, tmp_path: Path) -> None:
    finding = finding_of(ARun(tmp_path, thresholds=[text]))
    assert finding.observed is not None
    assert finding.observed.value == pytest.approx(observed)
    assert finding.outcome == outcome


def test_the_sum_over_open_labels_is_taken_moment_by_moment(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(waiting{service=backend}) < 5"])
    for second in range(60):
        run.scrape.append(run.reading(second, "waiting", 2.0, "queue=a,service=backend"))
        run.scrape.append(run.reading(second, "waiting", 4.0, "queue=b,service=backend"))
        run.scrape.append(run.reading(second, "waiting", 9.0, "queue=a,service=ai_core"))
    finding = finding_of(run)
    assert finding.observed is not None
    assert finding.observed.value == 6.0


def test_a_server_metric_that_nobody_saw_has_no_verdict(tmp_path: Path) -> None:
    finding = finding_of(ARun(tmp_path, thresholds=["max(heap_bytes{service=backend}) < 5MB"]))
    assert finding.outcome == Outcome.INVALID
    assert "no collector saw such a metric" in finding.why


def test_requests_of_dropped_journeys_have_waited_in_vain(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(response_time) < 1s"], kind=PhaseKind.STRESS)
    assert finding_of(run).outcome == Outcome.PASSED
    run.points.append(run.point(30, "dropped_iterations", 1))
    finding = finding_of(run)
    assert finding.outcome == Outcome.FAILED
    assert finding.observed is not None
    assert finding.observed.value == 15.0  # the deadline of a request
