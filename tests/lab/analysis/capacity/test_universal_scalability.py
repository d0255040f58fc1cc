"""The Universal Scalability Law on points that obey it, and where it must be refused."""

import math

import numpy as np
import pytest

from lab.analysis.capacity.scalability import fit_scalability, throughput
from lab.model import LoadSlice
from tests.lab.analysis.capacity.a_slice import a_slice

JOURNEYS = np.array([0.5, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 40, 50, 60])


def slices_of(n: np.ndarray, x: np.ndarray) -> list[LoadSlice]:
    return [a_slice(float(v), concurrency=float(c), goodput_per_s=float(v)) for c, v in zip(n, x, strict=True)]


def test_exact_points_give_their_parameters_and_their_peak() -> None:
    found = fit_scalability(slices_of(JOURNEYS, throughput(JOURNEYS, 12.0, 0.03, 0.001)))
    assert found.per_journey is not None
    assert found.contention is not None
    assert found.coherency is not None
    assert found.peak_per_s is not None
    assert found.peak_concurrency is not None
    assert found.per_journey.value == pytest.approx(12, rel=1e-3)
    assert found.contention.value == pytest.approx(0.03, rel=1e-2)
    assert found.coherency.value == pytest.approx(0.001, rel=1e-2)
    peak = math.sqrt((1 - 0.03) / 0.001)
    assert found.peak_concurrency.value == pytest.approx(peak, rel=1e-2)
    assert found.peak_per_s.value == pytest.approx(float(throughput(np.array([peak]), 12.0, 0.03, 0.001)[0]), rel=1e-2)


def test_noisy_points_hold_the_parameters_in_their_intervals() -> None:
    random = np.random.default_rng(3)
    n = np.repeat(JOURNEYS, 3)
    x = throughput(n, 12.0, 0.03, 0.001) * (1 + 0.03 * random.standard_normal(len(n)))
    found = fit_scalability(slices_of(n, x))
    assert found.coherency is not None
    assert found.peak_per_s is not None
    assert found.coherency.low <= 0.001 <= found.coherency.high
    assert found.peak_per_s.low < found.peak_per_s.value < found.peak_per_s.high


def test_a_straight_line_is_refused_and_the_missing_range_is_named() -> None:
    found = fit_scalability(slices_of(JOURNEYS, 10 * JOURNEYS))
    assert found.contention is None
    assert found.peak_per_s is None
    assert "the load range above 600 requests/s is missing" in found.why


def test_too_narrow_a_range_is_refused() -> None:
    n = np.linspace(4, 6, 12)
    found = fit_scalability(slices_of(n, throughput(n, 12.0, 0.03, 0.001)))
    assert found.contention is None
    assert "from 4.00 to at least 16.00 are needed" in found.why


def test_too_few_points_are_refused() -> None:
    found = fit_scalability(slices_of(JOURNEYS[:5], 10 * JOURNEYS[:5]))
    assert found.contention is None
    assert found.why.startswith("5 slices of load are too few")


def test_without_coherency_there_is_no_peak() -> None:
    found = fit_scalability(slices_of(JOURNEYS, throughput(JOURNEYS, 12.0, 0.05, 0.0)))
    assert found.contention is not None
    assert found.contention.value == pytest.approx(0.05, rel=0.05)
    assert found.peak_per_s is None
    assert "peak" in found.why


def noisy(n: np.ndarray) -> np.ndarray:
    return throughput(n, 12.0, 0.03, 0.001) * (1 + 0.03 * np.random.default_rng(3).standard_normal(len(n)))


def test_the_curve_runs_from_nothing_to_beyond_the_peak_inside_its_interval() -> None:
    found = fit_scalability(slices_of(JOURNEYS[:-2], noisy(JOURNEYS[:-2])))
    assert found.peak_concurrency is not None
    assert found.curve[0][0] == 0
    assert found.curve[-1][0] >= found.peak_concurrency.value
    assert found.curve[-1][0] >= JOURNEYS[-3]
    assert all(value.low <= value.value <= value.high for _, value in found.curve)
    n, top = max(found.curve, key=lambda point: point[1].value)
    assert found.peak_per_s is not None
    assert top.value == pytest.approx(found.peak_per_s.value, rel=0.01)
    assert n == pytest.approx(found.peak_concurrency.value, abs=1)
    true = throughput(np.array([n]), 12.0, 0.03, 0.001)[0]
    assert top.low < true < top.high


def test_the_highest_points_are_held_out_of_a_second_fit_whose_error_there_is_told() -> None:
    found = fit_scalability(slices_of(JOURNEYS, throughput(JOURNEYS, 12.0, 0.03, 0.001)))
    held = found.hold_out
    assert held is not None
    assert held.error == pytest.approx(0, abs=1e-3)
    assert (held.fitted_to, held.count) == (40, 2)
    assert [point.journeys for point in found.points if point.is_held_out] == [50, 60]
    bent = np.where(JOURNEYS > 40, 0.8, 1) * throughput(JOURNEYS, 12.0, 0.03, 0.001)
    worse = fit_scalability(slices_of(JOURNEYS, bent)).hold_out
    assert worse is not None
    assert worse.error == pytest.approx(0.25, abs=1e-3)  # 1 / 0.8 - 1
    assert worse.curve[-1] == pytest.approx((60, throughput(np.array([60.0]), 12.0, 0.03, 0.001)[0]), rel=1e-2)


def test_a_second_fit_that_is_refused_says_why_and_holds_no_point_out() -> None:
    n = np.array([0.5, 1, 2, 3, 5, 8, 60, 61, 62])
    found = fit_scalability(slices_of(n, throughput(n, 12.0, 0.03, 0.001)))
    assert found.curve
    assert found.hold_out is not None
    assert found.hold_out.error is None
    assert found.hold_out.curve == ()
    assert found.hold_out.why.startswith("6 slices of load are too few")
    assert not any(point.is_held_out for point in found.points)


def test_a_refused_law_has_points_and_no_curve() -> None:
    found = fit_scalability(slices_of(JOURNEYS, 10 * JOURNEYS))
    assert len(found.points) == len(JOURNEYS)
    assert found.curve == ()
    assert found.hold_out is None


def test_the_same_points_give_the_same_figures() -> None:
    slices = slices_of(JOURNEYS, throughput(JOURNEYS, 12.0, 0.03, 0.001))
    assert fit_scalability(slices) == fit_scalability(slices)
