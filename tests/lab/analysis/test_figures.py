"""The figures of a run, from files whose content is known."""

from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.model import Analysis, ErrorCount, PhaseKind
from tests.lab.analysis.a_run import START, ARun


def latency_of(analysis: Analysis, scenario: str | None, route: str | None) -> tuple[int, int]:
    (cell,) = [c for c in analysis.latencies if c.scenario == scenario and c.route == route]
    return cell.latency.count, cell.failed


def test_latency_is_given_per_phase_scenario_and_route_and_for_all_together(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples += [
        run.request(second + 0.6, scenario="upload_analyze", route="POST /analyze", status=503, took_s=1.0)
        for second in range(20)
    ]
    analysis = analyse(run.evidence())
    assert latency_of(analysis, None, None) == (140, 20)
    assert latency_of(analysis, "auth_dashboard", None) == (120, 0)
    assert latency_of(analysis, None, "POST /analyze") == (20, 20)
    assert latency_of(analysis, "upload_analyze", "POST /analyze") == (20, 20)
    (worst,) = [c for c in analysis.latencies if c.scenario == "upload_analyze" and c.route]
    assert worst.latency.p50_s is not None
    assert worst.latency.p50_s.value == 1.0
    assert worst.latency.p95_s is None


def test_load_counts_journeys_by_their_begin_and_extra_polls_apart(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.points += [run.journey(-1.0), run.journey(59.5, took_s=9.0), run.journey(60.5)]
    run.points += [run.point(30, "dropped_iterations", 3)]
    run.samples += [run.request(10.5, extra_poll=True), run.request(61.0)]
    (check,) = analyse(run.evidence()).load
    assert check.planned_journeys == 60
    assert check.started_journeys == 61
    assert check.achieved_rate_per_s == pytest.approx(61 * 2 / 60)
    assert check.request_rate_per_s == pytest.approx(121 / 60)
    assert check.extra_poll_rate_per_s == pytest.approx(1 / 60)
    assert check.dropped_iterations == 3
    assert check.generator_cores == pytest.approx(0.1)
    assert check.machine_cpu == pytest.approx(0.3)
    assert check.machine_steal == 0


def test_errors_are_counted_by_kind_with_an_example_and_no_check_repeats_a_failed_request(
    tmp_path: Path,
) -> None:
    run = ARun(tmp_path)
    run.samples += [run.request(1.5, status=503, request_id="x-1"), run.request(2.5, status=503, request_id="x-2")]
    run.samples += [run.request(3.5, status=0, request_id="x-3")]
    run.points += [run.point(4.5, "checks", 0.0, "check=the report is done", request_id="x-4")]
    run.points += [run.point(1.5, "checks", 0.0, "check=POST /login answers 200", request_id="x-1")]
    where = {"phase": "sustain", "scenario": "auth_dashboard"}
    assert analyse(run.evidence()).errors == (
        ErrorCount(**where, route="POST /login", kind="http_503", count=2, example_request_id="x-1"),
        ErrorCount(**where, route="", kind="check: the report is done", count=1, example_request_id="x-4"),
        ErrorCount(**where, route="POST /login", kind="timeout", count=1, example_request_id="x-3"),
    )


def test_analyses_are_counted_by_outcome_and_their_durations_summarised_by_label(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.points += [run.point(s, "analyses", 1, "explainer=tree,outcome=done") for s in range(30)]
    run.points += [run.point(40, "analyses", 1, "explainer=tree,outcome=timeout")]
    run.points += [run.point(s, "ai_core_analyze", 0.1, "explainer=tree,part=fit") for s in range(30)]
    analysis = analyse(run.evidence())
    assert [(each.outcome, each.count) for each in analysis.outcomes] == [("done", 30), ("timeout", 1)]
    found = {(p.metric, p.labels): p.latency.count for p in analysis.points}
    assert found == {
        ("ai_core_analyze", (("explainer", "tree"), ("part", "fit"))): 30,
        ("iteration_duration", (("scenario", "auth_dashboard"),)): 60,
    }


def test_usage_is_what_each_service_took_inside_the_window(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    usage = {use.service: use for use in analyse(run.evidence()).usage}
    assert set(usage) == {"backend", "ai_core", "lab", "k6"}
    assert usage["backend"].cores == pytest.approx(0.1)
    assert usage["backend"].cpu_s_per_request == pytest.approx(0.1 * 60 / 120)
    assert usage["backend"].rss_max_bytes == 1e8


def test_a_worker_that_ends_takes_its_past_out_of_the_sum_and_not_out_of_the_rate(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    for row in run.processes:
        if row["metric"] == "process_cpu_seconds_total" and row["time"] > (START + 30) * 1e6:
            row["value"] -= 50
    usage = {use.service: use for use in analyse(run.evidence()).usage}
    assert usage["ai_core"].cores == pytest.approx(0.1, rel=0.05)


def observed(run: ARun, threshold: str) -> tuple[float | None, int, str]:
    run.thresholds = (threshold,)
    (seen,) = analyse(run.evidence()).observations
    return (seen.observed.value if seen.observed else None), seen.count, seen.why


def test_each_kind_of_threshold_sees_its_own_values(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples += [run.request(s + 0.6, route="POST /register", status=500, took_s=2.0) for s in range(40)]
    run.points += [run.point(s, "analyses", 1, "explainer=tree,outcome=done") for s in range(30)]
    run.points += [run.point(s, "analyses", 1, "explainer=kernel,outcome=failed") for s in range(10)]
    run.points += [run.point(4, "checks", 0.0, "check=a")]
    run.points += [run.point(s, "ai_core_analyze", 0.1, "explainer=tree,part=fit") for s in range(30)]
    assert observed(run, "rate(http_req_failed) < 1%") == (0.25, 160, "")
    assert observed(run, 'rate(http_req_failed{route="POST /login"}) < 1%') == (0.0, 120, "")
    assert observed(run, "count(http_req_failed) < 1") == (40.0, 160, "")
    assert observed(run, 'p50(http_req_duration{route="POST /register"}) < 1s') == (2.0, 40, "")
    assert observed(run, 'p50(http_req_waiting{route="POST /register"}) < 1s') == (1.0, 40, "")
    assert observed(run, "max(http_req_duration) < 1s") == (2.0, 160, "")
    assert observed(run, "mean(iteration_duration) < 1s") == (0.5, 60, "")
    assert observed(run, "rate(analysis_failed) < 1%") == (0.25, 40, "")
    assert observed(run, "rate(analysis_failed{explainer=tree}) < 1%") == (0.0, 30, "")
    assert observed(run, "count(checks_failed) < 1") == (1.0, 1, "")
    assert observed(run, "p50(ai_core_analyze{part=fit}) < 1s") == (0.1, 30, "")
    assert observed(run, "p50(ai_core_analyze{part=parse}) < 1s") == (None, 0, "there is nothing to observe")
    assert observed(run, "p50(http_req_duration{scenario=mixed}) < 1s") == (None, 0, "there is nothing to observe")
    assert observed(run, "count(http_req_failed{scenario=mixed}) < 1") == (None, 0, "there is nothing to observe")
    assert observed(run, "count(checks_failed{check=b}) < 1") == (0.0, 0, "")
    assert observed(run, "p99(http_req_duration) < 1s") == (None, 160, "p99 needs 1000 values, and there are 160")


def test_warm_ups_and_ramps_are_held_against_no_threshold_that_does_not_name_them(tmp_path: Path) -> None:
    assert analyse(ARun(tmp_path, kind=PhaseKind.WARMUP).evidence()).observations == ()
    assert analyse(ARun(tmp_path, kind=PhaseKind.RAMP).evidence()).observations == ()
    assert len(analyse(ARun(tmp_path, kind=PhaseKind.BASELINE).evidence()).observations) == 1


def test_the_same_files_give_the_same_figures(tmp_path: Path) -> None:
    evidence = ARun(tmp_path).evidence()
    assert analyse(evidence) == analyse(evidence)
