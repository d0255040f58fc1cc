"""When a run has passed, failed, or has no answer; and that a green run without data is impossible."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import (
    Analysis,
    Doubt,
    DoubtKind,
    Estimate,
    Guards,
    Observation,
    Outcome,
    PhaseKind,
    Resume,
    RunState,
    SummaryFigures,
    Verdict,
)
from lab.thresholds import parse
from tests.lab.analysis.a_run import START, ARun

Change = Callable[[ARun], object]
A_SECOND = Estimate(value=1.0, low=1.0, high=1.0)


def a_doubt(what: str, *, invalidates: bool) -> Doubt:
    return Doubt(kind=DoubtKind.INCIDENT, what=what, why="", remedy="", invalidates=invalidates)


def verdict_of(run: ARun) -> Verdict:
    return judge(analyse(run.evidence()), run.plan)


def test_a_run_in_which_everything_is_as_planned_passes_without_a_doubt(tmp_path: Path) -> None:
    verdict = verdict_of(ARun(tmp_path))
    assert verdict.outcome == Outcome.PASSED
    assert verdict.doubts == ()
    (finding,) = verdict.findings
    assert finding.threshold == "p50(http_req_duration) < 300ms"
    assert finding.observed is not None
    assert (finding.observed.value, finding.limit, finding.unit) == (0.02, 0.3, "s")
    assert (finding.started_at, finding.ended_at) == (START, START + 60)


def test_a_missed_threshold_fails_and_says_what_to_do(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["p50(http_req_duration) < 10ms", "max(http_req_duration) < 1s"])
    thresholds = tuple(replace(threshold, remedy="add a worker") for threshold in run.plan.thresholds)
    verdict = judge(analyse(run.evidence()), replace(run.plan, thresholds=thresholds))
    assert verdict.outcome == Outcome.FAILED
    assert [finding.outcome for finding in verdict.findings] == [Outcome.FAILED, Outcome.PASSED]
    assert [finding.remedy for finding in verdict.findings] == ["add a worker", ""]


def shift(rows: list[dict[str, object]], keep: Callable[[float], bool]) -> list[dict[str, object]]:
    return [row for row in rows if keep(float(str(row["time"])) / 1e6 - START)]


def begin_anew(run: ARun, service: str) -> None:
    for row in run.processes:
        if row["metric"] == "process_start_time_seconds" and row["labels"] == f"service={service}":
            row["value"] = 5.0 if row["time"] < (START + 30) * 1e6 else 900.0


def go_down(run: ARun) -> None:
    for row in run.scrape:
        if row["labels"] == "service=backend" and (START + 20) * 1e6 < row["time"] < (START + 30) * 1e6:
            row["value"] = 0.0


def raise_all(rows: list[dict[str, object]], metric: str, value: float) -> None:
    for row in rows:
        if row["metric"] == metric:
            row["value"] = value


def busy_generator(run: ARun) -> None:
    for row in run.processes:
        if row["metric"] == "process_cpu_seconds_total" and row["labels"] == "service=k6":
            row["value"] = (row["time"] / 1e6 - START) * 1.1


def another_count(run: ARun) -> None:
    theirs = run.evidence().summaries["sustain"]
    run.summaries = {"sustain": replace(theirs, requests=theirs.requests + 1)}


def another_percentile(run: ARun) -> None:
    theirs = run.evidence().summaries["sustain"]
    run.summaries = {"sustain": replace(theirs, p95_s=0.021)}


INVALIDATING: dict[str, tuple[Change, str]] = {
    "no samples": (lambda run: run.samples.clear(), "there are no requests"),
    "phase never driven": (lambda run: setattr(run, "windows", ()), "a phase was not driven"),
    "too few journeys": (lambda run: run.points.__delitem__(slice(0, 3)), "the achieved rate is not the planned one"),
    "too many journeys": (
        lambda run: run.points.extend(run.journey(second + 0.5) for second in range(3)),
        "the achieved rate is not the planned one",
    ),
    "dropped iterations": (
        lambda run: run.points.append(run.point(30, "dropped_iterations", 1)),
        "k6 dropped iterations",
    ),
    "busy machine": (lambda run: raise_all(run.host, "host_cpu_ratio", 0.97), "the machine was saturated"),
    "busy generator": (busy_generator, "the generator was saturated"),
    "generator not watched": (
        lambda run: setattr(run, "processes", [r for r in run.processes if r["labels"] != "service=k6"]),
        "nobody knows whether the generator was saturated",
    ),
    "service restarted": (lambda run: begin_anew(run, "backend"), "a service restarted"),
    "collector missing": (lambda run: run.scrape.clear(), "telemetry is missing"),
    "collector silent": (
        lambda run: setattr(run, "host", shift(run.host, lambda at: not 10 < at < 20)),
        "telemetry has a gap",
    ),
    "collector silent at the end": (
        lambda run: setattr(run, "host", shift(run.host, lambda at: at < 50)),
        "telemetry has a gap",
    ),
    "metrics not answered": (go_down, "telemetry has a gap"),
    "interrupted": (lambda run: setattr(run, "state", RunState.INTERRUPTED), "the run was interrupted"),
    "output cut off": (lambda run: setattr(run, "truncated", ("sustain",)), "k6's output ends early"),
    "k6 counts otherwise": (another_count, "k6's own figures differ from the lab's"),
    "k6 measures otherwise": (another_percentile, "k6's own figures differ from the lab's"),
    "an incident": (
        lambda run: setattr(run, "incidents", (a_doubt("it burns", invalidates=True),)),
        "it burns",
    ),
    "too few values": (
        lambda run: setattr(run, "thresholds", ("p99(http_req_duration) < 1s",)),
        "p99 needs 1000 values, and there are 120",
    ),
}


@pytest.mark.parametrize("name", INVALIDATING)
def test_what_forbids_an_answer_makes_the_run_invalid_and_says_why_and_what_to_do(name: str, tmp_path: Path) -> None:
    change, expected = INVALIDATING[name]
    run = ARun(tmp_path)
    change(run)
    verdict = verdict_of(run)
    assert verdict.outcome == Outcome.INVALID
    doubts = [doubt for doubt in verdict.doubts if doubt.invalidates]
    assert expected in {doubt.what for doubt in doubts} | {finding.why for finding in verdict.findings}
    assert all(doubt.why or doubt.what == "it burns" for doubt in doubts)


@pytest.mark.parametrize("name", INVALIDATING)
def test_a_missed_threshold_is_no_answer_either_where_there_can_be_none(name: str, tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(http_req_duration) < 1ms"])
    INVALIDATING[name][0](run)
    assert verdict_of(run).outcome == Outcome.INVALID


def test_guards_of_the_plan_decide_what_is_tolerated(tmp_path: Path) -> None:
    run = ARun(tmp_path, guards=Guards(machine_cpu=1.0, dropped_iterations=0.1, telemetry_gap_s=30, rate_tolerance=0.2))
    raise_all(run.host, "host_cpu_ratio", 0.97)
    run.points.append(run.point(30, "dropped_iterations", 1))
    go_down(run)
    del run.points[:3]
    assert verdict_of(run).outcome == Outcome.PASSED


def test_one_journey_more_or_less_is_rounding(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    del run.points[:2]  # 2 % of 60 journeys and one for rounding are tolerated
    assert verdict_of(run).outcome == Outcome.PASSED


@pytest.mark.parametrize("kind", [PhaseKind.SPIKE, PhaseKind.STRESS])
def test_where_load_may_outgrow_the_system_that_it_does_is_said_and_forbids_nothing(
    kind: PhaseKind, tmp_path: Path
) -> None:
    run = ARun(tmp_path, kind=kind)
    raise_all(run.host, "host_cpu_ratio", 0.97)
    run.points.append(run.point(30, "dropped_iterations", 9))
    del run.points[:9]
    verdict = verdict_of(run)
    assert verdict.outcome == Outcome.PASSED
    assert {doubt.what for doubt in verdict.doubts} == {
        "the achieved rate is not the planned one",
        "k6 dropped iterations",
        "the machine was saturated",
        "the machine was saturated for a while",
        "something else used the machine",
    }


def test_a_saturated_generator_forbids_a_verdict_in_a_stress_phase_too(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.STRESS)
    busy_generator(run)
    assert verdict_of(run).outcome == Outcome.INVALID


def test_a_warm_up_is_never_a_reason_to_doubt(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.WARMUP)
    raise_all(run.host, "host_cpu_ratio", 1.0)
    run.points.clear()
    go_down(run)
    assert verdict_of(run).doubts == ()


def test_stolen_time_and_a_missing_summary_are_doubts_that_forbid_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path, summaries={})
    raise_all(run.host, "host_cpu_steal_ratio", 0.2)
    verdict = verdict_of(run)
    assert verdict.outcome == Outcome.PASSED
    assert {doubt.what for doubt in verdict.doubts} == {
        "the machine lost time to its neighbours",
        "k6 left no summary",
    }


def test_a_limit_inside_the_interval_is_a_close_call_and_still_an_answer(tmp_path: Path) -> None:
    verdict = verdict_of(ARun(tmp_path, thresholds=["rate(http_req_failed) < 1%"]))
    assert verdict.outcome == Outcome.PASSED
    (doubt,) = verdict.doubts
    assert doubt.what == "rate(http_req_failed) < 1% is a close call"
    assert not doubt.invalidates
    assert doubt.remedy


def test_a_limit_of_zero_asks_what_was_seen_and_is_no_close_call(tmp_path: Path) -> None:
    verdict = verdict_of(ARun(tmp_path, thresholds=["rate(http_req_failed) <= 0%"]))
    assert verdict.outcome == Outcome.PASSED
    assert verdict.doubts == ()


def test_the_same_text_may_stand_twice_for_different_phases_with_remedies_of_their_own(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    text = "max(http_req_duration) < 1ms"
    seen = [
        Observation(threshold=text, phase=phase, started_at=0, ended_at=1, count=1, observed=A_SECOND)
        for phase in ("sustain", "baseline")
    ]
    thresholds = (parse(text, phases=("baseline",), remedy="warm up"), parse(text, phases=("sustain",), remedy="scale"))
    analysis = replace(analyse(run.evidence()), observations=tuple(seen))
    verdict = judge(analysis, replace(run.plan, thresholds=thresholds))
    assert [(finding.phase, finding.remedy) for finding in verdict.findings] == [
        ("sustain", "scale"),
        ("baseline", "warm up"),
    ]


def test_k6s_own_figures_may_differ_in_the_last_digits(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    theirs = run.evidence().summaries["sustain"]
    assert theirs.mean_s is not None
    run.summaries = {"sustain": replace(theirs, mean_s=theirs.mean_s * (1 + 1e-9))}
    assert verdict_of(run).outcome == Outcome.PASSED


NOTHING = SummaryFigures(
    requests=0,
    failed=0,
    iterations=0,
    dropped_iterations=0,
    mean_s=None,
    p50_s=None,
    p90_s=None,
    p95_s=None,
    p99_s=None,
    p999_s=None,
    max_s=None,
)


def test_k6_and_the_lab_may_agree_that_there_was_nothing_and_it_is_no_answer(tmp_path: Path) -> None:
    run = ARun(tmp_path, summaries={"sustain": NOTHING})
    run.samples.clear()
    run.points.clear()
    verdict = verdict_of(run)
    assert verdict.outcome == Outcome.INVALID
    assert "k6's own figures differ from the lab's" not in {doubt.what for doubt in verdict.doubts}


ESTIMATES = st.one_of(
    st.none(), st.floats(0, 2).map(lambda value: Estimate(value=value, low=value * 0.9, high=value * 1.1))
)
DOUBTS = st.lists(st.booleans(), max_size=3).map(lambda flags: tuple(a_doubt("w", invalidates=flag) for flag in flags))


@given(st.lists(ESTIMATES, max_size=3), DOUBTS)
def test_passed_means_something_was_seen_within_every_limit_and_nothing_forbids_it(
    estimates: list[Estimate | None], doubts: tuple[Doubt, ...]
) -> None:
    run = ARun(Path(), thresholds=["max(http_req_duration) < 1s"])
    text = run.plan.thresholds[0].text
    observations = tuple(
        Observation(threshold=text, phase="sustain", started_at=0, ended_at=1, count=1, observed=estimate, why="none")
        for estimate in estimates
    )
    analysis = Analysis(
        run_id="r",
        windows=(),
        load=(),
        latencies=(),
        points=(),
        errors=(),
        outcomes=(),
        usage=(),
        observations=observations,
        doubts=doubts,
    )
    verdict = judge(analysis, run.plan)
    forbidden = not estimates or None in estimates or any(doubt.invalidates for doubt in doubts)
    within = all(estimate is not None and estimate.value < 1 for estimate in estimates)
    expected = Outcome.INVALID if forbidden else Outcome.PASSED if within else Outcome.FAILED
    assert verdict.outcome == expected


def test_a_threshold_about_what_the_scenario_never_does_is_left_out_and_said(tmp_path: Path) -> None:
    texts = ["p50(http_req_duration) < 300ms", "rate(analysis_failed) < 1%", "max(upload_to_report) < 1s"]
    verdict = verdict_of(ARun(tmp_path, thresholds=texts, routes=("POST /login",)))
    assert verdict.outcome == Outcome.PASSED
    assert [finding.threshold for finding in verdict.findings] == texts[:1]
    (doubt,) = verdict.doubts
    assert all(text in doubt.why for text in texts[1:])
    assert not doubt.invalidates


def test_a_threshold_about_what_the_scenario_does_and_nobody_saw_is_not_left_out(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["rate(analysis_failed) < 1%"], routes=("POST /login", "POST /analyze"))
    assert verdict_of(run).outcome == Outcome.INVALID


def test_a_plan_in_which_no_threshold_is_for_the_scenario_gives_no_answer(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["rate(analysis_failed) < 1%"], routes=("POST /login",))
    assert verdict_of(run).outcome == Outcome.INVALID


def restarted(run: ARun, at_s: int, service: str = "backend") -> None:
    for row in run.processes:
        if row["metric"] == "process_start_time_seconds" and service in row["labels"]:
            row["value"] = 5.0 if row["time"] / 1e6 - START < at_s else 900.0


@pytest.mark.parametrize(
    ("service", "anew", "kinds"),
    [
        ("backend", True, {DoubtKind.RESUMED}),
        ("backend", False, {DoubtKind.RESTART}),
        ("lab", False, set()),
    ],
)
def test_services_that_were_started_anew_for_a_resumed_run_did_not_restart(
    service: str, anew: bool, kinds: set[DoubtKind], tmp_path: Path
) -> None:
    run = ARun(tmp_path)
    restarted(run, 30, service)
    evidence = replace(run.evidence(), resumes=(Resume(at=START + 29.5, anew=anew),))
    doubts = analyse(evidence).doubts
    assert {doubt.kind for doubt in doubts} == kinds


def test_a_restart_at_another_moment_than_the_resume_is_one(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    restarted(run, 30)
    evidence = replace(run.evidence(), resumes=(Resume(at=START + 10, anew=True),))
    assert DoubtKind.RESTART in {doubt.kind for doubt in analyse(evidence).doubts}


def test_connections_of_a_soak_are_told(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.SOAK)
    for second in range(60):
        run.scrape.append(run.reading(second, "mongodb_pool_connections", 3, "service=backend,state=idle"))
        run.scrape.append(run.reading(second, "mongodb_pool_connections", 1, "service=backend,state=checked_out"))
        run.scrape.append(run.reading(second, "mongodb_pool_opened_total", 10 + second // 30, "service=backend"))
        run.host.append(run.reading(second, "host_tcp_time_wait", second))
    (found,) = analyse(run.evidence()).connections
    assert (found.service, found.pool_min, found.pool_max, found.closed) == ("backend", 4, 4, None)
    assert found.opened == pytest.approx(1)
    assert (found.time_wait_median, found.time_wait_max) == (29.5, 59)
