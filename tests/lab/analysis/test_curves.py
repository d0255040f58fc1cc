"""What is drawn of a run: few points, and none of the spikes lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.curves import MOST_STEPS, curves_of
from lab.analysis.envelopes import STEPS_S, Grid, envelope, grid, rate_of
from lab.analysis.latency_bins import bins_of
from lab.analysis.series import Track
from lab.model import Curve, Curves, PhaseKind, Surge
from tests.lab.analysis.a_run import START, ARun


def a_track(values: list[float], *, every_s: float = 1.0) -> Track:
    return Track(START + np.arange(len(values)) * every_s, np.array(values, dtype=np.float64))


def named(curves: tuple[Curve, ...], name: str) -> Curve:
    return next(curve for curve in curves if curve.name == name)


def known(curve: Curve) -> list[float]:
    return [value for value in curve.values if value is not None]


# ---------------------------------------------------------------------------------------------------------- envelopes


def test_a_spike_of_one_second_is_kept_beside_the_mean_of_its_step() -> None:
    values = [1.0] * 600
    values[333] = 50.0
    curve = envelope("ai_core", a_track(values), Grid(START, 60.0, 10))
    assert len(curve.values) == 10
    assert max(value for value in curve.values if value) == pytest.approx((59 + 50) / 60)
    assert max(value for value in curve.high if value) == 50.0
    assert curve.low == (1.0,) * 10


@given(st.floats(min_value=0.1, max_value=200_000), st.integers(min_value=10, max_value=2000))
def test_a_grid_covers_its_stretch_with_no_more_steps_than_asked(length_s: float, most: int) -> None:
    steps = grid(START, START + length_s, most=most)
    assert steps.count <= most + 1
    assert steps.ended_at >= START + length_s - 1e-6
    assert steps.step_s in STEPS_S or steps.step_s > STEPS_S[-1]


def test_a_silence_breaks_the_line() -> None:
    track = Track(START + np.array([0.0, 1.0, 2.0, 30.0, 31.0]), np.ones(5))
    curve = envelope("backend", track, Grid(START, 1.0, 40))
    assert curve.values == (1.0, 1.0, 1.0, None, 1.0, 1.0)


def test_a_counter_that_begins_anew_counts_as_no_rise() -> None:
    rates = rate_of(a_track([10.0, 12.0, 1.0, 2.0]))
    assert rates.value.tolist() == [2.0, 0.0, 1.0]


def test_no_readings_give_an_empty_curve() -> None:
    assert envelope("x", a_track([]), Grid(START, 1.0, 5)).values == ()


# ------------------------------------------------------------------------------------------------------ the whole run


def test_load_is_counted_per_second_and_planned_as_the_plan_says(tmp_path: Path) -> None:
    whole = curves_of(ARun(tmp_path).evidence()).whole
    assert named(whole.rates, "planned").values == (2.0, 2.0)
    assert known(named(whole.rates, "achieved")) == [2.0] * 3  # a journey a second, twenty in each point
    assert known(named(whole.rates, "answered")) == [2.0] * 6


def test_the_slowest_request_of_the_run_is_in_its_step(tmp_path: Path) -> None:
    run = ARun(tmp_path, seconds=120)
    run.samples += [run.request(77.5, took_s=9.5)]
    slowest = curves_of(run.evidence()).whole.slowest
    at = slowest.values.index(9.5)
    assert slowest.times[at] == pytest.approx(START + 77.5)
    assert max(known(slowest)) == 9.5


def test_a_percentile_stands_for_as_many_requests_as_it_needs(tmp_path: Path) -> None:
    run = ARun(tmp_path, seconds=300)
    whole = curves_of(run.evidence()).whole
    assert len(known(named(whole.percentiles, "p50"))) == 30  # 600 requests, 20 at a time
    assert len(known(named(whole.percentiles, "p95"))) == 3  # 200 at a time
    assert known(named(whole.percentiles, "p99")) == []  # 1 000 would be needed


def test_shares_of_what_failed_are_by_the_end_of_requests_and_analyses(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples += [run.request(10.5, status=503), run.request(10.6, status=0)]
    run.points += [
        run.point(20.5, "analyses", 1, f"explainer=tree,outcome={outcome}") for outcome in ("done", "timeout")
    ]
    errors = curves_of(run.evidence()).whole.errors
    requests, analyses = named(errors, "requests"), named(errors, "analyses")
    assert requests.values[10] == 0.5
    assert sum(known(requests)) == 0.5
    assert analyses.values[20] == 0.5
    assert analyses.values[21] is None


def test_services_use_cores_and_memory_and_the_machine_is_among_them(tmp_path: Path) -> None:
    whole = curves_of(ARun(tmp_path).evidence()).whole
    assert named(whole.cores, "ai_core").values[5] == pytest.approx(0.1)
    assert named(whole.cores, "machine").values[5] == pytest.approx(0.6)  # 30 % of two cores
    assert set(known(named(whole.memory, "backend"))) == {1e8}


def test_what_waits_is_the_sum_over_the_queues(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.scrape += [run.reading(5, "analyze_queue_depth", 3, "service=backend")]
    run.scrape += [run.reading(5, "ai_core_queue_depth", 4, "service=ai_core")]
    run.scrape += [run.reading(6, "mongodb_pool_connections", 2, "service=backend,state=waiting")]
    waiting = curves_of(run.evidence()).whole.waiting
    assert known(named(waiting, "analyses that wait")) == [7.0]
    assert known(named(waiting, "for a database connection")) == [2.0]
    assert known(named(waiting, "connections in use")) == []


def test_a_run_of_three_hours_has_no_more_points_than_a_screen_can_show(tmp_path: Path) -> None:
    run = ARun(tmp_path, seconds=3 * 3600)
    whole = curves_of(run.evidence()).whole
    assert all(len(curve.times) <= MOST_STEPS + 1 for curve in (*whole.rates, *whole.cores, whole.slowest))


def test_a_run_without_requests_gives_empty_curves(tmp_path: Path) -> None:
    run = ARun(tmp_path, windows=())
    run.samples, run.points = [], []
    curves = curves_of(run.evidence())
    assert curves.distributions == ()
    assert curves.heatmap.cells == ()


def test_a_spike_is_drawn_close_up_with_its_surge(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.SPIKE)
    evidence = run.evidence()
    surge = Surge(factor=3, before_s=20, surge_s=10, after_s=30)
    phase = replace(evidence.plan.phases[0], surge=surge)
    ((name, close_up),) = curves_of(replace(evidence, plan=replace(evidence.plan, phases=(phase,)))).close_ups
    planned = named(close_up.rates, "planned")
    assert name == "sustain"
    assert close_up.step_s == 1
    assert [since - START for since in planned.times] == [0, 20, 20, 30, 30, 60]
    assert planned.values == (2.0, 2.0, 6.0, 6.0, 2.0, 2.0)


def test_steps_of_a_stress_phase_are_drawn_at_their_own_rates(tmp_path: Path) -> None:
    evidence = ARun(tmp_path).evidence()
    (window,) = evidence.windows
    steps = tuple(
        replace(
            window, kind=PhaseKind.STRESS, step=number, planned_rate_per_s=rate, started_at=begin, ended_at=begin + 20
        )
        for number, rate, begin in ((1, 5.0, START), (2, 8.0, START + 30))
    )
    planned = named(curves_of(replace(evidence, windows=steps)).whole.rates, "planned")
    assert planned.values == (5.0, 5.0, None, 8.0, 8.0)


# ------------------------------------------------------------------------------------------------------------- bins


@given(st.floats(min_value=1e-5, max_value=100), st.integers(min_value=4, max_value=60))
def test_a_duration_lies_between_the_edges_of_its_bin(duration_s: float, per_decade: int) -> None:
    (place,) = bins_of(np.array([duration_s]), per_decade)
    assert 10 ** (place / per_decade) <= duration_s * (1 + 1e-6)
    assert duration_s <= 10 ** ((place + 1) / per_decade) * (1 + 1e-6)


def test_distributions_and_heatmap_count_every_request_once(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples += [run.request(second + 0.5, scenario="upload_analyze", took_s=0.3) for second in range(30)]
    curves: Curves = curves_of(run.evidence())
    counts = {each.scenario: sum(each.counts) for each in curves.distributions}
    assert counts == {"": 150, "auth_dashboard": 120, "upload_analyze": 30}
    assert sum(cell.count for cell in curves.heatmap.cells) == 150
