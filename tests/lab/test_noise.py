"""The noise of a machine: from repeats to the smallest change, and what is kept of it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab import noise, provenance
from lab.analysis import analyse
from lab.analysis.noise import noise_figures
from lab.errors import ConfigError
from lab.model import Analysis, Estimate, Noise, PhaseKind, RequestLatency
from tests.lab.analysis.a_run import ARun

HOST = provenance.host()


def an_analysis(folder: Path, medians: Sequence[float]) -> Analysis:
    """An analysis in which each repeat has one of these medians, in seconds."""
    one = analyse(ARun(folder).evidence())
    (cell,) = [cell for cell in one.latencies if cell.scenario is None and cell.route is None]
    (window,) = one.windows
    names = [f"repeat-{number}" for number in range(1, len(medians) + 1)]

    def with_median(name: str, median: float) -> RequestLatency:
        latency = replace(cell.latency, p50_s=Estimate(value=median, low=median, high=median), p95_s=None, p99_s=None)
        return replace(cell, phase=name, latency=latency)

    return replace(
        one,
        windows=tuple(replace(window, phase=name, kind=PhaseKind.SUSTAIN) for name in names),
        latencies=tuple(map(with_median, names, medians)),
        usage=(),
    )


def test_the_smallest_change_follows_from_how_repeats_differ(tmp_path: Path) -> None:
    medians = [0.0020, 0.0021, 0.0019, 0.0020, 0.0022]
    figure = next(f for f in noise_figures(an_analysis(tmp_path, medians)) if f.name == "p50")
    spread = np.log(medians).std(ddof=1)
    assert figure.smallest_change == pytest.approx(math.exp(2.776 * spread * math.sqrt(2)) - 1)
    assert figure.mean == pytest.approx(0.00204)


def test_two_runs_without_a_difference_differ_by_more_in_one_of_twenty(tmp_path: Path) -> None:
    random, beyond, pairs = np.random.default_rng(1), 0, 400
    for _ in range(pairs):
        values = 0.002 * np.exp(random.normal(0, 0.1, 8))
        figure = next(f for f in noise_figures(an_analysis(tmp_path, list(values[:6]))) if f.name == "p50")
        beyond += max(values[6:]) / min(values[6:]) - 1 > figure.smallest_change
    assert 0.02 < beyond / pairs < 0.09


def test_repeats_that_do_not_differ_show_every_change_and_too_few_show_none(tmp_path: Path) -> None:
    assert noise_figures(an_analysis(tmp_path, [0.002] * 4))[0].smallest_change == 0
    assert noise_figures(an_analysis(tmp_path, [0.002] * 2)) == ()


def some_noise() -> Noise:
    return Noise(run_id="r", measured_at=1.0, scenario="mixed", rate_per_s=20, duration_s=20, repeats=3, figures=())


def test_what_is_kept_is_given_back_on_this_machine_and_on_no_other(tmp_path: Path) -> None:
    assert noise.kept(tmp_path, HOST) is None
    noise.keep(tmp_path, some_noise(), HOST)
    assert noise.kept(tmp_path, HOST) == some_noise()
    assert noise.kept(tmp_path, {**HOST, "cores": 999}) is None


@pytest.mark.parametrize("content", [b"", b"{ no json", b"[]", b'{"noise": {"run_id": 5}}'])
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "noise.json").write_bytes(content)
    assert noise.kept(tmp_path, HOST) is None


def test_the_plan_drives_the_same_again_and_again_after_a_warm_up() -> None:
    plan = noise.noise_plan(repeats=4, duration_s=10, rate_per_s=30, seed=2)
    assert [phase.kind for phase in plan.phases] == [PhaseKind.WARMUP, *[PhaseKind.SUSTAIN] * 4]
    assert {(phase.rate_per_s, phase.duration_s) for phase in plan.phases} == {(30, 10)}


def test_a_rate_that_cannot_be_driven_is_refused() -> None:
    with pytest.raises(ConfigError, match="rate_per_s"):
        noise.noise_plan(repeats=4, duration_s=10, rate_per_s=-1, seed=2)
