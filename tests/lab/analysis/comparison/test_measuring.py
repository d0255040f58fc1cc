"""What one run shows of everything that is compared."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis.comparison import measured
from lab.analysis.comparison.measures import Effects
from lab.model import Cell, PhaseKind, RunFigure
from tests.lab.analysis.a_run import START, ARun, a_profile
from tests.lab.compared_runs import LIST, LOGIN, with_latencies

EFFECTS = Effects(ratio=0.05, growth_bytes_per_h=20e6)
LATENCIES = {LOGIN: 0.020, LIST: 0.002}


def figures(run: ARun, *, route: str = "") -> dict[tuple[str, Cell], RunFigure]:
    return {(f.measure.name, f.cell): f for f in measured(run.evidence(), effects=EFFECTS, route=route)}


def a_run(folder: Path, latencies: dict[str, float] = LATENCIES, **fields: object) -> ARun:
    return with_latencies(ARun(folder, **fields), latencies)  # type: ignore[arg-type]


def test_a_phase_shows_percentiles_rates_and_cpu_of_everything_and_of_each_route(tmp_path: Path) -> None:
    found = figures(a_run(tmp_path))
    whole, login = Cell(phase="sustain"), Cell(phase="sustain", scenario="auth_dashboard", route=LOGIN)
    assert found["p50(http_req_duration)", login].value == pytest.approx(0.020, rel=0.02)
    assert found["p50(http_req_duration)", login].count == 300
    assert found["p95(http_req_duration)", login].value == pytest.approx(0.020 * 1.033, rel=0.02)
    assert found["request_rate", whole].value == pytest.approx(10)
    assert found["error_rate", whole].value == 0
    cpu = found["cpu_per_request", Cell(phase="sustain", service="backend")]
    assert cpu.value == pytest.approx(0.1 * 60 / 600, rel=0.02)
    assert not any(cell.service in {"k6", "lab"} for _, cell in found)


def test_what_must_be_told_is_the_mean_of_the_routes_medians_not_the_median_of_two_humps(tmp_path: Path) -> None:
    found = figures(a_run(tmp_path))
    (headline,) = [figure for figure in found.values() if figure.is_headline]
    assert headline.measure.name == "p50(http_req_duration), mean of routes"
    assert headline.value == pytest.approx((0.020 * 0.002) ** 0.5, rel=0.02)


def test_of_one_route_alone_its_median_must_be_told(tmp_path: Path) -> None:
    found = figures(a_run(tmp_path, {LOGIN: 0.02}))
    assert [figure.measure.name for figure in found.values() if figure.is_headline] == ["p50(http_req_duration)"]


def test_a_route_that_is_asked_for_is_also_given_relative_to_the_others(tmp_path: Path) -> None:
    found = figures(a_run(tmp_path), route=LOGIN)
    cell = Cell(phase="sustain", route=LOGIN)
    assert {cell for _, cell in found} == {cell}
    relative = found["p50(http_req_duration) relative to other routes", cell]
    assert relative.value == pytest.approx(10, rel=0.02)
    assert [figure for figure in found.values() if figure.is_headline] == [relative]
    assert found["p50(http_req_duration)", cell].value == pytest.approx(0.02, rel=0.02)


def test_a_route_beside_which_no_other_was_asked_stands_by_itself(tmp_path: Path) -> None:
    found = figures(a_run(tmp_path, {LOGIN: 0.02}), route=LOGIN)
    assert [figure.measure.name for figure in found.values() if figure.is_headline] == ["p50(http_req_duration)"]


def test_a_route_that_was_not_asked_shows_nothing(tmp_path: Path) -> None:
    assert figures(a_run(tmp_path), route="GET /nothing") == {}


def test_errors_within_the_run_shrink_with_requests(tmp_path: Path) -> None:
    (tmp_path / "long").mkdir()
    short, long = figures(a_run(tmp_path)), figures(a_run(tmp_path / "long", seconds=600))
    cell = Cell(phase="sustain", scenario="auth_dashboard", route=LOGIN)
    assert 0 < long["p50(http_req_duration)", cell].error < short["p50(http_req_duration)", cell].error < 0.01


@pytest.mark.parametrize("kind", [PhaseKind.WARMUP, PhaseKind.STRESS, PhaseKind.PROFILE])
def test_phases_that_are_not_compared_show_nothing(tmp_path: Path, kind: PhaseKind) -> None:
    assert figures(a_run(tmp_path, kind=kind)) == {}


def test_a_phase_that_was_cut_off_shows_nothing(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.windows = (replace(run.window, k6_exit_code=None),)
    assert figures(run) == {}


def test_what_was_due_under_a_profiler_is_left_out_and_so_is_cpu(tmp_path: Path) -> None:
    run = a_run(tmp_path, seconds=120)
    for row in run.samples:
        if 20 <= row["time"] / 1e6 - START < 40:
            row["duration_s"] *= 5
    slow = figures(run)["p95(http_req_duration)", Cell(phase="sustain", scenario="auth_dashboard", route=LOGIN)]
    run.profiles = (a_profile(19.5, 40.5),)
    found = figures(run)
    quick = found["p95(http_req_duration)", Cell(phase="sustain", scenario="auth_dashboard", route=LOGIN)]
    assert slow.value > 0.09
    assert quick.value < 0.03
    assert not any(name == "cpu_per_request" for name, _ in found)


def test_thin_cells_show_no_percentile(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.samples = run.samples[:10]
    assert [name for name, _ in figures(run) if name.startswith("p")] == []


def test_a_soak_shows_how_memory_grows(tmp_path: Path) -> None:
    run = a_run(tmp_path, kind=PhaseKind.SOAK, seconds=600)
    for row in run.processes:
        if row["metric"] == "process_resident_memory_bytes" and row["labels"] == "service=backend":
            row["value"] += 1e5 * (row["time"] / 1e6 - START)
    found = figures(run)
    grown = found["memory_growth", Cell(phase="sustain", service="backend")]
    assert grown.value == pytest.approx(3.6e8, rel=0.05)
    assert found["memory_growth", Cell(phase="sustain", service="ai_core")].value == pytest.approx(0, abs=1e3)
