"""From the directory of a run, whose costs are known, to its capacity."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab import capacity as planning
from lab import rundir
from lab.analysis.capacity import Asked
from lab.conclude import evidence_of
from lab.errors import ConfigError
from lab.model import MACHINE, Capacity, HoldOut, Profile, ProfileKind
from lab.report import encode
from tests.lab.analysis.capacity.a_loaded_run import BREAKS_AT, FULL_AT, IDLE, PER_REQUEST, STEPS, ALoadedRun


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Capacity:
    return planning.plan(ALoadedRun(tmp_path_factory.mktemp("runs")).write(), Asked())


def test_every_family_is_found_to_cost_what_it_costs(found: Capacity) -> None:
    demands = {demand.service: demand for demand in found.demands}
    for service, cost in PER_REQUEST.items():
        assert demands[service].per_request.value == pytest.approx(cost, rel=0.02)
        assert demands[service].idle_cores.value == pytest.approx(IDLE[service], abs=0.003)
        assert demands[service].rss_bytes == 1e8


def test_the_machine_is_full_where_its_cores_are_used_up(found: Capacity) -> None:
    first = found.bounds[0]
    assert first.resource == MACHINE
    assert first.full_per_s.value == pytest.approx(FULL_AT, rel=0.02)
    assert found.highest_good_per_s == max(rate for rate in STEPS if rate < BREAKS_AT)
    assert found.break_point_per_s is not None


def the_first(found: Capacity) -> HoldOut:
    return found.hold_outs[0]


def test_the_fit_that_is_held_against_high_steps_has_not_seen_them(found: Capacity) -> None:
    held = the_first(found)
    assert held.fitted_to_per_s == 90  # two thirds of the highest good rate are 107
    assert {row.rate_per_s for row in held.rows} == {120.0, 140.0, 160.0}
    assert held.slices < len([piece for piece in found.slices if piece.is_good])


def test_held_out_figures_are_predicted_where_the_system_obeys_the_law(found: Capacity) -> None:
    errors = {error.figure: error for error in the_first(found).errors}
    assert errors["throughput"].error < 0.02
    assert errors["CPU of all watched"].error < 0.03
    assert errors["p95"].error_below is not None
    assert errors["p95"].error_below < 0.25
    assert errors["p95"].count_below == 3


def test_what_repeats_differ_by_stands_beside_the_errors(tmp_path: Path, found: Capacity) -> None:
    again = planning.plan(ALoadedRun(tmp_path, steps=(*STEPS, 140.0, 140.0)).write(), Asked())
    assert the_first(found).repeats is None
    repeats = the_first(again).repeats
    assert repeats is not None
    assert 0 < repeats < 0.2


def test_what_analyses_hold_is_told_by_part_and_by_scenario(found: Capacity) -> None:
    assert {name: seconds.value for name, seconds in found.parts_s} == pytest.approx(
        {"parse": 0.002, "fit": 0.014, "explain": 0.004}
    )
    assert dict(found.holding_s)["mixed"].value == pytest.approx(0.02)


def test_littles_law_holds_where_journeys_are_counted_as_they_are(found: Capacity) -> None:
    exact = [check for check in found.little if check.is_exact]
    assert [check.phase for check in exact] == ["baseline", "ramp"]
    assert all(abs(check.residual) < 0.05 for check in exact)


def test_the_law_of_scalability_is_refused_where_throughput_never_bends(found: Capacity) -> None:
    assert found.scalability is not None
    assert found.scalability.contention is None
    assert "is missing" in found.scalability.why


def test_latencies_that_rise_with_load_are_predicted_to_do_so(found: Capacity) -> None:
    assert found.latency is not None
    curves = {curve.percentile: curve for curve in found.latency.curves}
    assert curves["p95"].factor_s > 0


def test_the_same_files_give_the_same_figures(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    assert encode.capacity(planning.plan(run, Asked())) == encode.capacity(planning.plan(run, Asked()))


def test_a_run_without_ramp_and_stress_says_what_is_missing(tmp_path: Path) -> None:
    found = planning.plan(ALoadedRun(tmp_path, has_ramp=False, steps=()).write(), Asked())
    assert found.plans == ()
    assert any("no ramp and no stress phase" in text for text in found.missing)


def test_a_run_whose_processes_were_not_watched_says_so(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    (run.series / "processes.parquet").unlink()
    found = planning.plan(run, Asked())
    assert any("the CPU of no process was watched" in text for text in found.missing)


def test_a_run_that_was_cut_off_in_a_step_is_planned_from_what_it_has(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    *whole, last = run.windows()
    run.write_windows([*whole, replace(last, ended_at=last.started_at, k6_exit_code=None)])
    found = planning.plan(run, Asked())
    assert found.missing == ()
    assert last.name not in {piece.drive for piece in found.slices}


def test_a_run_that_was_cut_off_before_its_steps_says_what_is_missing(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    baseline, ramp, *_ = run.windows()
    for window in run.windows()[2:]:
        (run.load / f"{window.name}.json.gz").unlink()
    run.write_windows([baseline, replace(ramp, ended_at=ramp.started_at, k6_exit_code=None)])
    assert planning.plan(run, Asked()).missing


def test_what_a_profiler_looked_into_is_left_out(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    (step,) = [window for window in run.windows() if window.step == 4]
    before = {piece.drive for piece in planning.plan(run, Asked()).slices}
    run.profiles.mkdir()
    looked = Profile(
        kind=ProfileKind.CPU,
        service="backend",
        profiler="py-spy",
        started_at=step.started_at + 6,
        ended_at=step.started_at + 9,
        pids=(1,),
        rate_hz=100.0,
        samples=10,
        lost=0,
        files=(),
    )
    rundir.add_profile(run.profiles, looked)
    assert before - {piece.drive for piece in planning.plan(run, Asked()).slices} == {step.name}


def test_a_run_of_which_no_cores_are_known_says_so(tmp_path: Path) -> None:
    found = planning.plan(ALoadedRun(tmp_path, service_cores={}).write(), Asked())
    assert any("how many cores" in text for text in found.missing)


def test_a_machine_that_was_not_watched_leaves_the_bounds_of_services(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    (run.series / "host.parquet").unlink()
    found = planning.plan(run, Asked())
    assert found.machine_cores is None
    assert found.latency is None
    assert {bound.resource for bound in found.bounds} == {"ai_core", "backend"}


def test_a_prediction_for_twice_the_cores_is_held_against_a_run_on_them(tmp_path: Path) -> None:
    small = ALoadedRun(tmp_path, name="mixed-small").write()
    large = ALoadedRun(tmp_path, name="mixed-large", cores=4).write()
    found = planning.against(small, large)
    errors = {error.figure: error.error for error in found.errors}
    assert found.changed == ("cores of the machine: 2 here, 4 there",)
    tight_at = (0.85 * 4 - sum(IDLE.values())) / sum(PER_REQUEST.values())
    assert found.tight_per_s.value == pytest.approx(tight_at, rel=0.02)
    assert errors["CPU of all watched"] < 0.03
    assert errors["throughput"] < 0.02


def test_a_prediction_that_is_wrong_shows_its_error(tmp_path: Path) -> None:
    here = ALoadedRun(tmp_path, name="mixed-here").write()
    dearer = ALoadedRun(tmp_path, name="mixed-dearer", cpu_factor=1.5).write()
    errors = {error.figure: error.error for error in planning.against(here, dearer).errors}
    assert errors["CPU of ai_core"] == pytest.approx(1 / 3, rel=0.1)


def test_a_limit_of_cpu_is_part_of_what_is_predicted(tmp_path: Path) -> None:
    here = ALoadedRun(tmp_path, name="mixed-here").write()
    limited = ALoadedRun(tmp_path, name="mixed-limited", service_cores={"ai_core": 0.5, "backend": 1.0}).write()
    found = planning.against(here, limited)
    assert found.changed == ("cores of ai_core: 3 here, 0.5 there",)
    assert found.fullest == "ai_core"
    assert found.tight_per_s.value == pytest.approx((0.85 * 0.5 - 0.005) / 0.006, rel=0.02)


def test_a_change_that_the_other_run_does_not_tell_of_is_counted_with(tmp_path: Path) -> None:
    here = ALoadedRun(tmp_path, name="mixed-here").write()
    dearer = ALoadedRun(tmp_path, name="mixed-dearer", cpu_factor=1.5).write()
    found = planning.against(here, dearer, ["ai_core=1.5", "backend=1.5"])
    errors = {error.figure: error.error for error in found.errors}
    assert errors["CPU of ai_core"] < 0.03
    assert errors["CPU of backend"] < 0.03
    assert found.what_ifs == ("ai_core=1.5", "backend=1.5")


def test_a_run_that_predicts_nothing_is_not_held_against_another(tmp_path: Path) -> None:
    short = ALoadedRun(tmp_path, name="mixed-short", has_ramp=False, steps=()).write()
    whole = ALoadedRun(tmp_path, name="mixed-whole").write()
    with pytest.raises(ConfigError, match="no ramp and no stress phase"):
        planning.against(short, whole)


def test_the_evidence_of_a_concluded_run_is_what_was_converted_then(tmp_path: Path) -> None:
    run = ALoadedRun(tmp_path).write()
    before = run.samples.stat().st_mtime_ns
    assert evidence_of(run).run_id == run.run_id
    assert run.samples.stat().st_mtime_ns == before
