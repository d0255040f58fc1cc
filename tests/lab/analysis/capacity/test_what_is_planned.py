"""Bounds, needs and changes of a system whose costs are known."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.capacity.network import Deployment, Network, fit_network, workers_seen
from lab.analysis.capacity.sizing import rate_plan
from lab.analysis.capacity.what_if import changeable, changed, effect, parse, standard, together
from lab.errors import ConfigError
from lab.model import MACHINE, OTHERS, WORKERS, LoadSlice, RatePlan
from tests.lab.analysis.capacity.a_slice import a_slice

PARTS = (("parse", 0.002), ("fit", 0.014), ("explain", 0.004))
DEPLOYMENT = Deployment(machine_cores=2, service_cores={"ai_core": 3.0, "backend": 1.0}, workers=2)


def piece(rate: float, **changes: object) -> LoadSlice:
    """Backend 2 ms and ai_core 6 ms a request, 20 ms of a worker for every second one, 2 ms of a connection."""
    cores = (("backend", 0.01 + 0.002 * rate), ("ai_core", 0.006 * rate), ("k6", 0.002 * rate), (OTHERS, 0.0))
    values = {
        "cores": cores,
        "latency_s": (("p50", 0.002), ("p95", 0.005), ("p99", 0.01)),
        "analyses_per_s": rate / 2,
        "holding_s": 0.02,
        "operations_per_s": 3 * rate,
        "connections_busy": 0.002 * rate,
    }
    return a_slice(rate, **{**values, **changes})


@pytest.fixture
def network() -> Network:
    return fit_network([piece(float(rate)) for rate in range(10, 170, 10)], DEPLOYMENT)


def plan_at(network: Network, rate: float, headroom: float = 0.3) -> RatePlan:
    return rate_plan(network, rate, headroom=headroom, highest_good=160, rss={"backend": 1e8, "ai_core": 5e8})


def test_the_machine_fills_up_where_its_cores_are_used(network: Network) -> None:
    first = network.bounds()[0]
    assert first.resource == MACHINE
    assert first.full_per_s.value == pytest.approx((2 - 0.01) / 0.01)
    assert first.tight_per_s.value == pytest.approx((0.85 * 2 - 0.01) / 0.01)


def test_each_resource_has_its_bound(network: Network) -> None:
    full = {bound.resource: bound.full_per_s.value for bound in network.bounds()}
    assert full["backend"] == pytest.approx((1 - 0.01) / 0.002)
    assert full[WORKERS] == pytest.approx(2 / (0.5 * 0.02))
    assert "ai_core" not in full  # it could keep more cores busy than the machine has


def test_workers_that_are_held_longer_when_the_machine_is_busy_fill_up_sooner() -> None:
    slices = [piece(float(r), holding_s=0.02 + 0.03 * (0.01 * r / 2) ** 2) for r in range(10, 170, 10)]
    full = {b.resource: b.full_per_s.value for b in fit_network(slices, DEPLOYMENT).bounds()}
    assert full[WORKERS] < 2 / (0.5 * 0.02)


def test_others_are_no_part_of_the_bound_but_of_the_latency() -> None:
    slices = [piece(float(r), cores=(*piece(float(r)).cores[:3], (OTHERS, 0.4))) for r in range(10, 170, 10)]
    found = fit_network(slices, DEPLOYMENT)
    assert found.bounds()[0].full_per_s.value == pytest.approx((2 - 0.01) / 0.01)
    with_others, without = found.machine(100), found.machine(100, counts_others=False)
    assert with_others is not None
    assert without is not None
    assert with_others > without


def test_a_rate_needs_replicas_that_leave_the_headroom(network: Network) -> None:
    needs = {need.service: need for need in plan_at(network, 1000).needs}
    assert needs["backend"].replicas == 3  # 2.01 cores over 0.7, less what each replica uses without load
    assert needs["backend"].cores == pytest.approx(2.9)  # 2.03 over 0.7, in tenths
    assert needs["backend"].memory_bytes == pytest.approx(3e8)
    assert plan_at(network, 1000).workers == 15  # 500 analyses/s of 20 ms are 10, over 0.7
    assert needs["ai_core"].replicas == 8  # of two workers each


def test_less_headroom_needs_less(network: Network) -> None:
    assert plan_at(network, 1000, headroom=0.0).cores < plan_at(network, 1000, headroom=0.5).cores


def test_connections_are_what_little_says_with_room_for_chance(network: Network) -> None:
    plan = plan_at(network, 1000)
    assert plan.connections == int(np.ceil(2 / 0.7 + 3 * np.sqrt(2 / 0.7)))
    assert plan.operations_per_s == pytest.approx(3000)


def test_a_rate_within_what_was_measured_has_a_latency(network: Network) -> None:
    assert dict(plan_at(network, 100).latency_s)["p95"] == pytest.approx(0.005)


def test_a_rate_beyond_the_highest_good_one_has_none_and_a_far_one_is_on_paper(network: Network) -> None:
    near, far = plan_at(network, 180), plan_at(network, 5000)
    assert near.latency_s == ()
    assert "no step was good above 160/s" in near.why
    assert not near.is_extrapolated
    assert far.is_extrapolated
    assert "does not carry the rate" in far.why


def test_core_hours_are_those_of_the_cores_that_are_provided(network: Network) -> None:
    plan = plan_at(network, 200)
    assert plan.core_hours_per_day == pytest.approx(24 * plan.cores)


@pytest.mark.parametrize(
    ("text", "full_at"),
    [
        ("backend=0.5", 2 / (0.5 * 0.02)),  # where the workers are full
        ("ai_core=0.5", 1.99 / 0.007),
        ("ai_core.explain=0.5", 1.99 / (0.004 + 0.006 * 0.9)),
        ("ai_core.fit=0", 1.99 / (0.004 + 0.006 * 0.3)),
        ("cache=0.5", 1.99 / 0.007),
        ("cache=1", 0.99 / 0.002),  # then the backend is the first one
        ("cores=3", 2 / (0.5 * 0.02)),  # then the workers are
        ("cores.backend=0.2", 0.19 / 0.002),
        ("workers=1", 1 / (0.5 * 0.02)),
    ],
)
def test_a_change_moves_the_first_bound_as_far_as_it_must(network: Network, text: str, full_at: float) -> None:
    after = changed(network, parse(text, network, PARTS), PARTS)
    assert min(b.full_per_s.value for b in after.bounds()) == pytest.approx(full_at, rel=1e-6)


def test_a_change_that_does_nothing_gains_nothing(network: Network) -> None:
    same = changed(network, parse("ai_core.explain=1", network, PARTS), PARTS)
    assert effect(network, same, 100, name="").gain == pytest.approx(0)


def test_changes_are_made_together(network: Network) -> None:
    wanted = [parse(text, network, PARTS) for text in ("backend=0.5", "ai_core=0.5")]
    both = together(network, wanted, PARTS, 100)
    assert both.tight_per_s.value == pytest.approx(1.69 / 0.006)
    assert both.asks == "backend=0.5 --what-if ai_core=0.5"


@pytest.mark.parametrize(
    "text",
    ["", "ai_core.explain", "ai_core.explian=0.5", "cache=1.5", "cache=-1", "workers=0", "cores=0", "nothing=1", "a=b"],
)
def test_bad_changes_are_refused_with_what_can_be_changed(network: Network, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, network, PARTS)
    assert repr(text) in str(caught.value)
    if "lies between" not in str(caught.value) and "more than none" not in str(caught.value):
        assert all(name in str(caught.value) for name in changeable(network, PARTS))


def test_only_what_the_run_knows_of_can_be_changed(network: Network) -> None:
    elsewhere = replace(network, deployment=Deployment(None, {"backend": 1.0}, None))
    assert set(changeable(elsewhere, ())) == {"backend", "cores.backend"}
    assert {change.name for change in standard(elsewhere, ())} == {"backend"}


def test_the_workers_are_seen_where_analyses_had_to_wait() -> None:
    idle = piece(50, waiting_analyses=0.0)
    pressed = piece(180, analyses_per_s=90, holding_s=0.0198, waiting_analyses=5.0)
    assert workers_seen([idle]) is None
    assert workers_seen([idle, pressed]) == 2
