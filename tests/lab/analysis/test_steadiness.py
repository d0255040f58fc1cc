"""By how much CPU per request varies by itself, as the series of a run show it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lab.analysis.samples import read_samples
from lab.analysis.series import read_series
from lab.analysis.steadiness import cpu_variation
from lab.model import Profile
from tests.lab.analysis.a_run import ARun
from tests.lab.profiled_runs import a_cpu_profile


def a_run(folder: Path, cores: Callable[[int], float], *, seconds: int = 600) -> ARun:
    """A run in which the backend uses so many cores in each stretch of ten seconds, at two requests a second."""
    run = ARun(folder, seconds=seconds)
    used = np.cumsum([cores((second - 2) // 10) for second in range(seconds + 3)])  # the first reading is at -1 s
    counters = [row for row in run.processes if row["metric"] == "process_cpu_seconds_total"]
    for place, row in enumerate(row for row in counters if row["labels"] == "service=backend"):
        row["value"] = float(used[place])
    return run


def variation(run: ARun, profile: Profile, *others: Profile) -> float | None:
    evidence = run.evidence()
    series = {"processes": read_series(evidence.series["processes"])}
    return cpu_variation(profile, (profile, *others), run.window, series, read_samples(evidence.samples))


TEN_SECONDS = a_cpu_profile("x", service="backend", begin_s=590.0, end_s=600.0)


def test_steady_cpu_hardly_varies(tmp_path: Path) -> None:
    found = variation(a_run(tmp_path, lambda _: 0.1), TEN_SECONDS)
    assert found == pytest.approx(0.0, abs=1e-6)


def test_cpu_that_swings_varies_by_its_standard_deviation(tmp_path: Path) -> None:
    found = variation(a_run(tmp_path, lambda stretch: 0.1 + 0.02 * (-1) ** stretch), TEN_SECONDS)
    assert found == pytest.approx(0.2, rel=0.05)


def test_what_was_looked_into_is_left_out(tmp_path: Path) -> None:
    run = a_run(tmp_path, lambda stretch: 0.9 if stretch == 20 else 0.1)
    loud = a_cpu_profile("x", service="ai_core", begin_s=195.0, end_s=215.0)
    assert variation(run, TEN_SECONDS) == pytest.approx(0.9, rel=0.2)
    assert variation(run, TEN_SECONDS, loud) == pytest.approx(0.0, abs=1e-6)


def test_long_profiles_of_short_phases_vary_less_than_the_stretches_that_there_are(tmp_path: Path) -> None:
    run = a_run(tmp_path, lambda stretch: 0.1 + 0.02 * (-1) ** stretch, seconds=120)
    short = variation(run, a_cpu_profile("x", service="backend", begin_s=110.0, end_s=120.0))
    long = variation(run, a_cpu_profile("x", service="backend", begin_s=80.0, end_s=120.0))
    assert short is not None
    assert long is not None
    assert long < 0.7 * short


@pytest.mark.parametrize(
    "profile",
    [
        a_cpu_profile("x", service="unknown", begin_s=590.0, end_s=600.0),
        a_cpu_profile("x", service="backend", begin_s=20.0, end_s=600.0),
    ],
    ids=["a service that nobody watched", "a profile all over the phase"],
)
def test_where_nothing_can_be_known_nothing_is_said(profile: Profile, tmp_path: Path) -> None:
    assert variation(a_run(tmp_path, lambda _: 0.1), profile) is None


def test_outside_all_phases_and_without_series_nothing_is_said(tmp_path: Path) -> None:
    run = a_run(tmp_path, lambda _: 0.1)
    samples = read_samples(run.evidence().samples)
    assert cpu_variation(TEN_SECONDS, (), None, {}, samples) is None
    assert cpu_variation(TEN_SECONDS, (), run.window, {}, samples) is None
