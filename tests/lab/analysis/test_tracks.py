"""Figures of runs, taken from `analysis.json` as runs leave it, and their changes over a group of runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import rundir
from lab.analysis.run_figures import Figures, run_figures
from lab.analysis.tracks import SeenRun, tracks_of
from lab.model import Cell, ChangePoint, HistoryRun, Judgement, Scale, Track
from tests.lab.many_runs import ARunOfMany, wobbling


def figures_of(folder: Path, run: ARunOfMany) -> Figures:
    return run_figures(rundir.read_json(run.write(folder, 0).analysis))


def named(figures: Figures) -> dict[tuple[str, str], float]:
    """Give figures by their name and what they are about."""
    return {
        (measure.name, "/".join(part for part in (cell.phase, cell.scenario, cell.service) if part)): value
        for (measure, cell), value in figures.items()
    }


def test_every_figure_of_steady_phases_is_taken_and_nothing_of_a_warm_up(tmp_path: Path) -> None:
    found = named(figures_of(tmp_path, ARunOfMany(failed=20)))
    assert found["p95(http_req_duration)", "steady"] == pytest.approx(0.1)
    assert found["p50(http_req_duration)", "soak/upload_analyze"] == pytest.approx(0.05)
    assert found["error_rate", "steady"] == pytest.approx(0.01)
    assert found["achieved_rate", "steady"] == 50
    assert found["cpu_per_request", "soak/backend"] == 0.002
    assert found["memory_growth", "soak/backend"] == 1e6
    assert found["break_point", "stress"] == 150
    assert not [name for name in found if "warmup" in name[1] or "k6" in name[1] or name[1].endswith("lab")]


def test_a_scenario_that_is_alone_is_everything(tmp_path: Path) -> None:
    found = named(figures_of(tmp_path, ARunOfMany(scenarios=("auth_dashboard",))))
    assert ("p95(http_req_duration)", "steady/auth_dashboard") not in found


def test_what_a_run_does_not_say_is_no_figure_of_it(tmp_path: Path) -> None:
    found = named(figures_of(tmp_path, ARunOfMany(p99_s=None, growth_per_h=None, break_point_per_s=None)))
    assert {"p99(http_req_duration)", "memory_growth", "break_point"}.isdisjoint(name for name, _ in found)


@pytest.mark.parametrize("content", [{}, {"windows": 3}, {"windows": [], "latencies": [{}], "load": []}])
def test_what_is_no_analysis_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        run_figures(content)


# ------------------------------------------------------------------------------------------------------------ changes


def seen(folder: Path, runs: list[ARunOfMany]) -> list[SeenRun]:
    return [
        SeenRun(
            run=HistoryRun(
                run_id=f"run-{number}", started_at=number, commit=run.commit, is_dirty=False, outcome=run.outcome
            ),
            figures=run_figures(rundir.read_json(run.write(folder, number).analysis)),
        )
        for number, run in enumerate(runs)
    ]


def track(tracks: tuple[Track, ...], name: str, cell: Cell) -> Track:
    return next(each for each in tracks if each.measure.name == name and each.cell == cell)


STEADY = Cell(phase="steady")


def test_a_slower_level_regressed_by_its_ratio_and_names_the_runs_beside_it(tmp_path: Path) -> None:
    runs = [ARunOfMany(p95_s=0.1 * wobbling(n) * (1.5 if n >= 12 else 1), commit=f"c{n}") for n in range(20)]
    found = track(tracks_of(seen(tmp_path, runs)), "p95(http_req_duration)", STEADY)
    (change,) = found.changes
    assert (change.run_before, change.run) == ("run-11", "run-12")
    assert (change.commit_before, change.commit) == ("c11", "c12")
    assert (change.runs_before, change.runs_after) == (12, 8)
    assert change.judgement == Judgement.REGRESSED
    assert change.change.low < 0.5 < change.change.high
    assert change.before == pytest.approx(0.1, rel=0.02)
    assert change.after == pytest.approx(0.15, rel=0.02)


def changes(folder: Path, runs: list[ARunOfMany], name: str, cell: Cell) -> tuple[ChangePoint, ...]:
    return track(tracks_of(seen(folder, runs)), name, cell).changes


def test_the_direction_of_a_figure_says_what_is_worse(tmp_path: Path) -> None:
    runs = [
        ARunOfMany(
            rate_per_s=50 * wobbling(n) * (0.8 if n >= 10 else 1),
            break_point_per_s=150 * wobbling(n) * (1.3 if n >= 10 else 1),
            failed=40 if n >= 10 else 0,
            cpu_s=0.002 * wobbling(n) * (0.7 if n >= 10 else 1),
        )
        for n in range(20)
    ]
    tracks = tracks_of(seen(tmp_path, runs))
    judged = {
        name: track(tracks, name, cell).changes[0].judgement
        for name, cell in (
            ("achieved_rate", STEADY),
            ("break_point", Cell(phase="stress")),
            ("error_rate", STEADY),
            ("cpu_per_request", Cell(phase="steady", service="backend")),
        )
    }
    assert judged == {
        "achieved_rate": Judgement.REGRESSED,
        "break_point": Judgement.IMPROVED,
        "error_rate": Judgement.REGRESSED,
        "cpu_per_request": Judgement.IMPROVED,
    }


def test_a_change_smaller_than_what_matters_is_none(tmp_path: Path) -> None:
    runs = [ARunOfMany(p95_s=0.1 * (1 + 0.001 * wobbling(n)) * (1.04 if n >= 10 else 1)) for n in range(20)]
    assert changes(tmp_path, runs, "p95(http_req_duration)", STEADY) == ()


def test_one_scenario_alone_can_change(tmp_path: Path) -> None:
    slow = {"upload_analyze": 0.2}
    runs = [ARunOfMany(p95_s=0.1 * wobbling(n), scenario_p95_s=slow if n >= 10 else {}) for n in range(20)]
    assert changes(tmp_path, runs, "p95(http_req_duration)", replace(STEADY, scenario="upload_analyze"))
    assert not changes(tmp_path / "again", runs, "p95(http_req_duration)", STEADY)


def test_runs_without_the_figure_are_gaps_and_the_change_names_those_that_have_it(tmp_path: Path) -> None:
    runs = [
        ARunOfMany(p99_s=None if n in (9, 10) else 0.2 * wobbling(n) * (2 if n >= 10 else 1), commit=f"c{n}")
        for n in range(20)
    ]
    found = track(tracks_of(seen(tmp_path, runs)), "p99(http_req_duration)", STEADY)
    assert found.values[9] is None
    assert found.count == 18
    (change,) = found.changes
    assert (change.run_before, change.run, change.index) == ("run-8", "run-11", 11)


def test_a_ratio_with_a_value_of_nothing_is_held_by_differences(tmp_path: Path) -> None:
    runs = [ARunOfMany(cpu_s=0.0 if n < 10 else 0.001 * wobbling(n)) for n in range(20)]
    found = track(tracks_of(seen(tmp_path, runs)), "cpu_per_request", Cell(phase="steady", service="backend"))
    assert found.measure.scale == Scale.DIFFERENCE
    (change,) = found.changes
    assert change.change.value == pytest.approx(0.001, rel=0.02)
