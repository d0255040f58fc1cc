"""Guards in windows: what was wrong for a while is seen, named with its time, and weighed as the plan says."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis import analyse
from lab.analysis.generator_guards import off_plan
from lab.analysis.observe import stretches_of
from lab.analysis.quantiles import Floats
from lab.model import Doubt, DoubtKind, Guards, PhaseKind, Scenario, Stage
from tests.lab.analysis.a_run import START, ARun

Change = Callable[[ARun], object]


def doubts_of(run: ARun) -> dict[DoubtKind, Doubt]:
    return {doubt.kind: doubt for doubt in analyse(run.evidence()).doubts}


def between(first: int, last: int, metric: str, value: float, labels: str = "") -> Change:
    """From one second to another a metric of the machine has this value."""

    def change(run: ARun) -> None:
        run.host = [row for row in run.host if row["metric"] != metric or not first <= row["time"] / 1e6 - START < last]
        run.host += [run.reading(second, metric, value, labels) for second in range(first, last)]

    return change


def busy_k6(run: ARun) -> None:
    """From second 20 to 40, k6 uses a core and a half."""
    total = 100.0
    run.processes = [row for row in run.processes if "k6" not in row["labels"]]
    for second in range(-1, run.seconds + 2):
        total += 1.5 if 20 <= second < 40 else 0.05
        run.processes.append(run.reading(second, "process_cpu_seconds_total", total, "service=k6"))


def late_starts(run: ARun) -> None:
    for number in range(600):
        delay_s = 2.0 if 300 <= number < 400 else 0.001
        run.points.append(run.point(number / 10, "start_delay", delay_s))


def changing_frequency(run: ARun) -> None:
    for second in range(60):
        run.host.append(run.reading(second, "host_cpu_frequency_hertz", 1e9 if 30 <= second < 45 else 3e9))


def swapping(run: ARun) -> None:
    for second in range(60):
        run.host.append(run.reading(second, "host_swap_in_bytes_total", 1e8 * max(0, second - 40)))


CASES: dict[DoubtKind, tuple[Change, bool, tuple[float, float]]] = {
    DoubtKind.MACHINE_CPU_PEAK: (between(20, 35, "host_cpu_ratio", 0.99), False, (20, 35)),
    DoubtKind.OTHER_PROCESSES: (between(20, 35, "host_cpu_ratio", 0.6), False, (20, 35)),
    DoubtKind.FREQUENCY: (changing_frequency, False, (30, 45)),
    DoubtKind.MEMORY_PRESSURE: (
        between(10, 25, "host_pressure_ratio", 0.5, "resource=memory"),
        False,
        (10, 25),
    ),
    DoubtKind.SWAP: (swapping, False, (40, 60)),
    DoubtKind.GENERATOR_CPU: (busy_k6, True, (20, 40)),
    DoubtKind.START_DELAY: (late_starts, True, (30, 40)),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_was_wrong_for_a_while_is_a_doubt_with_its_time(kind: DoubtKind, tmp_path: Path) -> None:
    change, forbids, (first, last) = CASES[kind]
    run = ARun(tmp_path)
    change(run)
    doubt = doubts_of(run)[kind]
    assert doubt.invalidates == forbids
    assert doubt.remedy
    assert START + first - 5 <= doubt.started_at < doubt.ended_at <= START + last + 5


def test_nothing_is_doubted_where_nothing_was_wrong(tmp_path: Path) -> None:
    assert doubts_of(ARun(tmp_path)) == {}


@pytest.mark.parametrize("kind", CASES)
def test_a_plan_says_which_doubts_make_a_run_invalid(kind: DoubtKind, tmp_path: Path) -> None:
    change, _, _ = CASES[kind]
    for guards, forbids in ((Guards(invalidating=(kind,)), True), (Guards(tolerated=(kind,)), False)):
        run = ARun(tmp_path, guards=guards)
        change(run)
        assert doubts_of(run)[kind].invalidates == forbids


def offset_of_clock(run: ARun, offset_s: Callable[[int], float]) -> None:
    run.host += [run.reading(second, "host_clock_offset_seconds", offset_s(second)) for second in range(60)]


@pytest.mark.parametrize("jump_s", [3600.0, -2.5])
def test_a_clock_that_is_set_forbids_a_verdict(jump_s: float, tmp_path: Path) -> None:
    run = ARun(tmp_path)
    offset_of_clock(run, lambda second: 0.0 if second < 30 else jump_s)
    doubt = doubts_of(run)[DoubtKind.CLOCK_JUMP]
    assert doubt.invalidates
    assert f"{jump_s:+.1f} s" in doubt.why
    assert doubt.started_at == START + 29


def test_a_clock_that_is_slewed_is_no_doubt_however_far_it_moves(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    offset_of_clock(run, lambda second: second / 20)
    assert doubts_of(run) == {}


def test_a_clock_that_is_set_before_or_after_the_phase_is_no_doubt(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    for second in (-3, -2, 61, 62):
        run.host.append(run.reading(second, "host_clock_offset_seconds", 9.0 * (second in (-3, 62))))
    assert DoubtKind.CLOCK_JUMP not in doubts_of(run)


def test_a_disk_that_fills_forbids_a_verdict(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.host += [run.reading(second, "host_disk_free_bytes", 1e9 - second * 1.6e7) for second in range(60)]
    doubt = doubts_of(run)[DoubtKind.DISK_FULL]
    assert doubt.invalidates
    assert "56 MB" in doubt.why
    assert (doubt.started_at, doubt.ended_at) == (START + 51, START + 59)


# ------------------------------------------------------------------------------------------- how many journeys began


def a_pause(run: ARun) -> None:
    """For ten seconds nothing begins; then what was due begins at once: over the whole phase, none is missing."""
    late = [point for point in run.points if point["metric"] == "iteration_duration"][20:30]
    for point in late:
        point["time"] = run.journey(30)["time"]


@pytest.mark.parametrize("kind", [PhaseKind.SUSTAIN, PhaseKind.SPIKE])
def test_a_pause_that_the_mean_hides_is_told_with_its_time(kind: PhaseKind, tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=kind)
    a_pause(run)
    doubt = doubts_of(run)[DoubtKind.RATE]
    assert doubt.invalidates == (kind == PhaseKind.SUSTAIN)
    assert "journeys began than were planned" in doubt.why
    assert START + 15 <= doubt.started_at < doubt.ended_at <= START + 40


def test_what_a_whole_phase_missed_is_told_once_with_its_worst_window(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    del run.points[20:40]
    found = [doubt for doubt in analyse(run.evidence()).doubts if doubt.kind == DoubtKind.RATE]
    assert [doubt.what for doubt in found] == ["the achieved rate is not the planned one"]
    assert "at its worst" in found[0].why
    assert START + 20 <= found[0].started_at < found[0].ended_at <= START + 40


RATES = st.floats(0.05, 300)
STAGES = st.lists(st.builds(Stage, duration_s=st.floats(1, 60), from_rate_per_s=RATES, to_rate_per_s=RATES), min_size=1)
MIXES = st.sampled_from([(), (("a", 0.1), ("b", 0.5), ("c", 0.25), ("d", 0.15))])


@given(STAGES, MIXES, st.floats(0, 0.5), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_journeys_that_begin_when_they_are_due_are_never_off_the_plan(
    stages: list[Stage], mix: tuple[tuple[str, float], ...], jitter_s: float, seed: int
) -> None:
    scenario = Scenario(name="some", code="", description="", requests_per_journey=2.0, mix=mix)
    window = replace(ARun(Path()).window, ended_at=START + sum(stage.duration_s for stage in stages))
    due = np.concatenate([due_times(stages, share) for _, share in mix or (("", 1.0),)])
    begins = np.sort(due + jitter_s * np.random.default_rng(seed).random(len(due)))
    shares = off_plan(START + begins, START, stages, scenario, jitter_s + 0.02)  # the grid of due_times is no finer
    for ends in stretches_of(window, 10.0):
        assert max(shares(*ends) or [0.0]) <= 1e-6


def due_times(stages: Sequence[Stage], share: float) -> Floats:
    """When k6 begins journeys of two requests: each time that the area under their rate has grown by one."""
    times, areas, begin, before = [], [], 0.0, 0.0
    for stage in stages:
        passed = np.linspace(0, stage.duration_s, 2001)
        slope = (stage.to_rate_per_s - stage.from_rate_per_s) / stage.duration_s
        times.append(begin + passed)
        areas.append(before + (stage.from_rate_per_s + slope * passed / 2) * passed * share / 2)
        begin, before = float(times[-1][-1]), float(areas[-1][-1])
    found: Floats = np.interp(np.arange(1, int(before) + 1), np.concatenate(areas), np.concatenate(times))
    return found


# ------------------------------------------------------------------------------------------------------ virtual users


def slow_journeys(run: ARun, *, ceiling: int, drops: Sequence[float], made: int = 0) -> None:
    """Of journeys that begin once a second and take 5.5 s, six are under way at once."""
    run.points = [run.journey(second, took_s=5.5) for second in range(run.seconds)]
    run.points.append(run.point(0, "max_vus", ceiling))
    run.points += [run.point(at, "dropped_iterations", 1) for at in drops]
    for second in range(run.seconds + 1):
        run.points.append(run.point(second, "vus_max", 6 + made * (second > 30), scenario=""))


def test_virtual_users_at_their_ceiling_are_told_and_forbid_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    slow_journeys(run, ceiling=6, drops=())
    doubt = doubts_of(run)[DoubtKind.VUS_AT_CEILING]
    assert "all 6 that auth_dashboard may have were busy" in doubt.why
    assert not doubt.invalidates
    assert doubt.started_at == START + 5
    assert DoubtKind.VUS_NOT_READY not in doubts_of(run)


def test_virtual_users_below_their_ceiling_are_no_doubt(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    slow_journeys(run, ceiling=7, drops=())
    assert doubts_of(run) == {}


@pytest.mark.parametrize("kind", [PhaseKind.SUSTAIN, PhaseKind.STRESS])
def test_a_journey_dropped_for_each_virtual_user_that_k6_makes_forbids_no_more_than_the_drop(
    kind: PhaseKind, tmp_path: Path
) -> None:
    run = ARun(tmp_path, kind=kind)
    slow_journeys(run, ceiling=60, drops=[30.5, 31.5, 32.5], made=3)
    found = doubts_of(run)
    assert found[DoubtKind.DROPPED_ITERATIONS].invalidates == (kind == PhaseKind.SUSTAIN)
    assert "3 journeys of auth_dashboard" in found[DoubtKind.VUS_NOT_READY].why
    assert not found[DoubtKind.VUS_NOT_READY].invalidates


def test_a_generator_that_makes_virtual_users_too_slowly_has_no_answer_in_a_stress_phase_either(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.STRESS)
    slow_journeys(run, ceiling=60, drops=[30 + n / 10 for n in range(20)], made=3)
    doubt = doubts_of(run)[DoubtKind.VUS_NOT_READY]
    assert doubt.invalidates
    assert (doubt.started_at, doubt.ended_at) == (START + 30, START + 31.9)


def test_journeys_dropped_at_the_ceiling_are_the_systems_doing(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.STRESS)
    slow_journeys(run, ceiling=6, drops=[30 + n / 50 for n in range(20)])
    found = doubts_of(run)
    assert "20 of its journeys were dropped then" in found[DoubtKind.VUS_AT_CEILING].why
    assert DoubtKind.VUS_NOT_READY not in found


# ------------------------------------------------------------------------------------------------ the generator's own


@pytest.mark.parametrize("kind", [PhaseKind.SUSTAIN, PhaseKind.SPIKE])
def test_what_k6s_own_machine_refuses_it_forbids_a_verdict_in_any_phase(kind: PhaseKind, tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=kind)
    run.samples += [run.request(30 + n / 10, status=0, error="1213") for n in range(3)]
    doubt = doubts_of(run)[DoubtKind.GENERATOR_NETWORK]
    assert doubt.invalidates
    assert "3 requests never reached the system (k6's error 1213)" in doubt.why
    assert doubt.started_at <= START + 30 < doubt.ended_at


@pytest.mark.parametrize("error", ["1000", "1050", "1201", "1211", "1212", "1220", "http_503"])
def test_a_system_that_refuses_resets_or_is_silent_is_not_the_generators_fault(error: str, tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples.append(run.request(30, status=0, error=error))
    assert DoubtKind.GENERATOR_NETWORK not in doubts_of(run)


def test_time_that_was_stolen_is_nobodys_use_of_the_machine(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    between(20, 35, "host_cpu_ratio", 0.7)(run)
    between(20, 35, "host_cpu_steal_ratio", 0.5)(run)
    found = doubts_of(run)
    assert DoubtKind.OTHER_PROCESSES not in found
    assert not found[DoubtKind.STEAL].invalidates
    assert found[DoubtKind.STEAL].started_at >= START + 15


def test_the_use_of_others_is_not_told_where_a_service_is_not_watched(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    between(20, 35, "host_cpu_ratio", 0.9)(run)
    run.processes = [row for row in run.processes if row["labels"] != "service=ai_core"]
    assert DoubtKind.OTHER_PROCESSES not in doubts_of(run)


def test_a_silence_of_many_is_one_doubt_that_names_the_longest_and_its_time(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.host = [row for row in run.host if not 20 < row["time"] / 1e6 - START < 30]
    run.scrape = [row for row in run.scrape if not 22 < row["time"] / 1e6 - START < 30]
    found = [doubt for doubt in analyse(run.evidence()).doubts if doubt.kind == DoubtKind.TELEMETRY_GAP]
    assert len(found) == 1
    assert found[0].why.startswith("the machine was silent for 10.0 s; 5 s are tolerated; too long were also /metrics")
    assert (found[0].started_at, found[0].ended_at) == (START + 20, START + 30)


def test_the_silence_of_services_that_the_lab_has_not_started_is_told_and_forbids_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path, is_external=True)
    run.scrape = [row for row in run.scrape if not 22 < row["time"] / 1e6 - START < 40]
    found = [doubt for doubt in analyse(run.evidence()).doubts if doubt.kind == DoubtKind.TELEMETRY_GAP]
    assert [(doubt.invalidates, doubt.why.partition(" was")[0]) for doubt in found] == [(False, "/metrics of ai_core")]
    run.host = [row for row in run.host if not 20 < row["time"] / 1e6 - START < 30]
    found = [doubt for doubt in analyse(run.evidence()).doubts if doubt.kind == DoubtKind.TELEMETRY_GAP]
    assert [(doubt.invalidates, doubt.why.partition(" was")[0]) for doubt in found] == [
        (True, "the machine"),
        (False, "/metrics of ai_core"),
    ]


def test_a_service_that_tells_of_its_process_but_not_of_its_threads_has_no_gap(tmp_path: Path) -> None:
    run = ARun(tmp_path, is_external=True)
    run.processes = [row for row in run.processes if row["metric"] != "process_threads"]
    assert DoubtKind.TELEMETRY_GAP not in doubts_of(run)


def test_the_use_of_others_is_not_told_where_services_may_be_anywhere(tmp_path: Path) -> None:
    run = ARun(tmp_path, is_external=True)
    between(20, 35, "host_cpu_ratio", 0.9)(run)
    assert DoubtKind.OTHER_PROCESSES not in doubts_of(run)


def test_where_response_times_count_from_when_requests_were_due_late_journeys_forbid_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.STRESS)
    late_starts(run)
    assert not doubts_of(run)[DoubtKind.START_DELAY].invalidates


def test_a_warm_up_is_not_guarded(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.WARMUP)
    late_starts(run)
    assert DoubtKind.START_DELAY not in doubts_of(run)
