"""CPU per request, from slices of a system whose costs are known."""

import numpy as np
import pytest

from lab.analysis.capacity.demands import EXTRA, costed, fit_demands, kinds_of, told_apart
from lab.model import OTHERS, LoadSlice, ServiceDemand
from tests.lab.analysis.capacity.a_slice import a_slice

RATES = (5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 140, 160)


def demand_of(service: str, slices: list[LoadSlice]) -> ServiceDemand:
    return next(f.demand for f in fit_demands(slices, kinds_of(slices)) if f.demand.service == service)


def with_cores(rate: float, cores: float, **changes: object) -> LoadSlice:
    return a_slice(rate, cores=(("backend", cores),), **changes)


def test_known_costs_are_found_within_their_interval() -> None:
    random = np.random.default_rng(1)
    slices = [with_cores(r, (0.02 + 0.003 * r) * (1 + 0.03 * random.standard_normal())) for r in RATES]
    found = demand_of("backend", slices)
    assert found.per_request.low <= 0.003 <= found.per_request.high
    assert found.idle_cores.low <= 0.02 <= found.idle_cores.high
    assert found.per_request.value == pytest.approx(0.003, rel=0.03)


def test_what_is_used_without_load_is_no_cost_of_a_request() -> None:
    found = demand_of("backend", [with_cores(r, 0.1 + 0.001 * r) for r in RATES])
    assert found.per_request.value == pytest.approx(0.001, rel=1e-6)
    assert found.idle_cores.value == pytest.approx(0.1, rel=1e-6)


def test_an_hour_at_one_rate_does_not_outweigh_the_steps() -> None:
    steps = [with_cores(r, 0.002 * r) for r in RATES]
    soak = [with_cores(50, 0.14, drive="soak") for _ in range(60)]  # more than the steps say, as on a slower machine
    found = demand_of("backend", [*steps, *soak])
    assert found.per_request.value == pytest.approx(0.002, rel=0.1)


def mixed(a: float, b: float, cores: float) -> LoadSlice:
    return with_cores(a + b, cores, scenarios=(("light", a), ("heavy", b)), drive=f"{a}-{b}")


def test_scenarios_are_told_apart_where_the_mix_varies() -> None:
    pairs = [(10, 40), (40, 10), (25, 25), (5, 60), (60, 5), (30, 50), (50, 30), (12, 12)]
    slices = [mixed(a, b, 0.01 + 0.001 * a + 0.009 * b) for a, b in pairs]
    found = demand_of("backend", slices)
    costs = {each.of: each.cpu_s.value for each in found.demands}
    assert costs == {"light": pytest.approx(0.001, rel=1e-3), "heavy": pytest.approx(0.009, rel=1e-3)}
    assert told_apart(kinds_of(slices)) == ""


def test_scenarios_of_a_mix_that_never_varies_are_told_as_one() -> None:
    slices = [mixed(0.3 * r, 0.7 * r, 0.01 + 0.005 * r) for r in RATES]
    kinds = kinds_of(slices)
    assert len(kinds.names) == 1
    assert "heavy, light" in told_apart(kinds)
    assert demand_of("backend", slices).per_request.value == pytest.approx(0.005, rel=1e-6)


def test_a_mix_that_hardly_varies_is_told_as_one_too() -> None:
    random = np.random.default_rng(4)
    shares = 0.3 + 0.003 * random.standard_normal(len(RATES))
    slices = [mixed(s * r, (1 - s) * r, 0.01 + 0.005 * r) for s, r in zip(shares, RATES, strict=True)]
    assert len(kinds_of(slices).names) == 1


def test_extra_polls_are_a_kind_of_their_own_where_enough_slices_have_them() -> None:
    extras = [0, 0, 0, 0, 20, 60, 10, 80, 30, 100, 5, 50]
    slices = [
        with_cores(r, 0.01 + 0.002 * r + 0.0005 * e, extra_polls_per_s=float(e), requests_per_s=float(r + e))
        for r, e in zip(RATES, extras, strict=True)
    ]
    found = demand_of("backend", costed(slices))
    costs = {each.of: each.cpu_s.value for each in found.demands}
    assert costs[EXTRA] == pytest.approx(0.0005, rel=1e-3)
    assert found.per_request.value == pytest.approx(0.002, rel=1e-3)  # what the mix costs is without them


def test_few_slices_with_extra_polls_are_left_out() -> None:
    slices = [with_cores(r, 0.002 * r) for r in RATES]
    polled = with_cores(200, 0.9, extra_polls_per_s=100.0, requests_per_s=300.0)
    assert costed([*slices, polled]) == slices


def test_a_cost_is_never_negative() -> None:
    found = demand_of("backend", [with_cores(r, 0.5 - 0.001 * r) for r in RATES])
    assert found.per_request.value == 0
    assert found.idle_cores.value > 0


def test_what_others_used_follows_no_load() -> None:
    slices = [a_slice(r, cores=((OTHERS, 0.3 if r < 100 else 0.9),)) for r in RATES]
    found = demand_of(OTHERS, slices)
    assert found.per_request.value == 0
    assert found.idle_cores.value == pytest.approx(0.3)
