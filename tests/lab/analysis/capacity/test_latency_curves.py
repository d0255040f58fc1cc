"""Latency against utilisation: formulas held against what is known of queues, and which of them is chosen."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.capacity.queueing import (
    FINITE,
    FORMS,
    LEVEL,
    MANY,
    ONE,
    SHARING,
    Machine,
    choices,
    curves_by,
    erlang_c,
    figures_of,
    finite_wait,
    seconds_at,
    waiting,
)
from lab.model import OTHERS, LoadSlice
from tests.lab.analysis.capacity.a_slice import a_slice

TWO = Machine(2, 6)
U = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def test_one_server_makes_a_customer_wait_as_often_as_it_is_busy() -> None:
    assert erlang_c(1, U) == pytest.approx(U)


def test_erlangs_c_is_what_its_sum_says() -> None:
    def by_sum(servers: int, u: float) -> float:
        a = servers * u
        last = a**servers / math.factorial(servers) / (1 - u)
        return last / (sum(a**k / math.factorial(k) for k in range(servers)) + last)

    for servers in (2, 3, 8):
        assert erlang_c(servers, U) == pytest.approx([by_sum(servers, u) for u in U])


def test_erlangs_c_of_many_servers_neither_overflows_nor_leaves_its_range() -> None:
    found = erlang_c(500, np.array([0.0, 0.5, 0.99, 1.0]))
    assert np.all((found >= 0) & (found <= 1))
    assert found[-1] == 1


def test_the_mean_wait_of_one_server_is_that_of_m_m_1() -> None:
    assert waiting(MANY, U, Machine(1, 4)) == pytest.approx(U / (1 - U))
    assert waiting(ONE, U, Machine(1, 4)) == pytest.approx(U / (1 - U))


def test_a_simulated_queue_waits_as_long_as_the_formula_says() -> None:
    random = np.random.default_rng(5)
    servers, u, count = 2, 0.7, 100_000
    arrivals = np.cumsum(random.exponential(1 / (servers * u), count))
    free = [0.0] * servers
    waits = 0.0
    for arrival, service in zip(arrivals, random.exponential(1.0, count), strict=True):
        first = min(range(servers), key=free.__getitem__)
        begun = max(arrival, free[first])
        waits += begun - arrival
        free[first] = begun + service
    assert waits / count == pytest.approx(float(waiting(MANY, np.array([u]), Machine(servers, 8))[0]), rel=0.05)


def test_every_form_begins_at_nothing_and_never_falls() -> None:
    u = np.linspace(0, 1.2, 60)
    for form in FORMS:
        w = waiting(form, u, TWO)
        assert w[0] == 0
        assert np.all(np.diff(w) >= -1e-12)
        assert np.all(np.isfinite(w))


def test_a_finite_population_costs_at_most_its_share_of_the_cores() -> None:
    assert waiting(FINITE, np.array([5.0]), TWO)[0] <= (6 - 2) / 2


def test_a_population_without_bound_waits_as_in_m_m_c() -> None:
    u = np.array([0.2, 0.5, 0.8])
    assert finite_wait(Machine(2, 400), u) == pytest.approx(waiting(MANY, u, TWO), rel=1e-2)


def test_a_single_server_that_holds_two_waits_as_its_states_say() -> None:
    offered = 0.7
    shares = np.array([1, offered, offered**2]) / (1 + offered + offered**2)
    carried = shares[1] + shares[2]
    assert finite_wait(Machine(1, 2), np.array([carried]))[0] == pytest.approx(shares[2] / carried, rel=1e-3)


def test_as_many_cores_as_compete_for_them_make_nobody_wait() -> None:
    assert finite_wait(Machine(4, 4), U) == pytest.approx(0)


def slices_along(form: str, floor: float, factor: float, *, others: float = 0.0) -> list[LoadSlice]:
    """Slices of a system that takes 10 ms of CPU per request on 2 cores, its P95 of a form."""
    found = []
    for rate in range(20, 200, 10):
        busy = 0.01 * rate + others
        seconds = floor + factor * float(waiting(form, np.array([busy / 2]), TWO)[0])
        cores = (("backend", 0.01 * rate), (OTHERS, others))
        found.append(a_slice(float(rate), cores=cores, latency_s=(("p95", seconds),)))
    return found


@pytest.mark.parametrize(("form", "factor"), [(MANY, 0.02), (ONE, 0.02), (FINITE, 0.005), (LEVEL, 0.0)])
def test_the_form_that_made_the_latencies_is_found_with_its_figures(form: str, factor: float) -> None:
    seen = figures_of(slices_along(form, 0.005, factor), 2)
    ranked = choices(seen, TWO)
    curves = {curve.percentile: curve for curve in curves_by(ranked[0], seen, TWO)}
    assert ranked[0].form == form
    assert curves["p95"].floor_s == pytest.approx(0.005, rel=1e-6)
    assert curves["p95"].factor_s == pytest.approx(factor, abs=1e-9)
    assert curves["p95"].inner_error == pytest.approx(0, abs=1e-9)


def test_sharing_is_the_queue_whose_factor_is_its_floor() -> None:
    seen = figures_of(slices_along(MANY, 0.004, 0.004), 2)
    assert choices(seen, TWO)[0].form in (MANY, SHARING)


def test_a_curve_gives_back_what_it_was_made_from() -> None:
    slices = slices_along(MANY, 0.005, 0.02)
    seen = figures_of(slices, 2)
    (curve,) = curves_by(choices(seen, TWO)[0], seen, TWO)
    assert seconds_at(curve, 0.75) == pytest.approx(0.005 + 0.02 * float(waiting(MANY, np.array([0.75]), TWO)[0]))


def noisy(slices: list[LoadSlice], seed: int) -> list[LoadSlice]:
    """The slices with latencies that differ by 15 %, as those of real repeats do."""
    random = np.random.default_rng(seed)
    return [
        replace(piece, latency_s=tuple((n, s * (1 + 0.15 * random.standard_normal())) for n, s in piece.latency_s))
        for piece in slices
    ]


def test_a_finite_population_stays_where_chance_lets_another_form_be_a_little_better() -> None:
    slices = noisy(slices_along(FINITE, 0.005, 0.005), seed=38)
    ranked = choices(figures_of(slices, 2), TWO)
    best = min(ranked, key=lambda choice: choice.error)
    assert best.form != FINITE
    assert best.error > 2 / 3 * ranked[0].error
    assert ranked[0].form == FINITE


def test_another_form_is_taken_where_it_is_far_better() -> None:
    slices = noisy(slices_along(MANY, 0.002, 0.05), seed=1)
    ranked = choices(figures_of(slices, 2), TWO)
    expected = next(choice for choice in ranked if choice.form == FINITE and choice.counts_others)
    assert ranked[0].form != FINITE
    assert ranked[0].error <= 2 / 3 * expected.error


def test_too_few_slices_choose_nothing() -> None:
    assert choices(figures_of(slices_along(MANY, 0.005, 0.02)[:4], 2), TWO) == ()
