"""What a run says about capacity: from its files to demands, laws, predictions, and a plan.

One step a module: slices (what is measured), demands and littles_law, scalability, queueing (latency), network (all of
it as one model), hold_out (how good it is), sizing, what_if and agreement (what is made of it).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.analysis.break_point import break_points
from lab.analysis.capacity.agreement import agree
from lab.analysis.capacity.demands import LEAST_SLICES, costed, kinds_of, told_apart
from lab.analysis.capacity.hold_out import hold_outs
from lab.analysis.capacity.littles_law import little_checks
from lab.analysis.capacity.network import Deployment, Network, fit_network, workers_seen
from lab.analysis.capacity.scalability import fit_scalability
from lab.analysis.capacity.sizing import rate_plan
from lab.analysis.capacity.slices import Recorded, cut, holding_by_scenario, parts_of, summed_where
from lab.analysis.capacity.what_if import alone, changed, effect, effects, parse, standard, together
from lab.analysis.points import read_points
from lab.analysis.samples import read_samples
from lab.analysis.series import read_series
from lab.analysis.values import Load
from lab.errors import ConfigError
from lab.model import (
    HEADROOM,
    Agreement,
    BreakPoint,
    Capacity,
    Change,
    Estimate,
    Evidence,
    LatencyModel,
    LoadSlice,
    PhaseKind,
)

__all__ = ["RATES", "Asked", "break_points_of", "capacity", "hold_against"]

RATES = (50.0, 200.0, 500.0)
"""The rates that a plan is made for where none are asked for."""

_LEAST_RATES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a plan is to be made for: rates, the share of each resource that stays free, changes as NAME=VALUE."""

    rates_per_s: tuple[float, ...] = RATES
    headroom: float = HEADROOM
    what_ifs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError where a rate is no rate, or nothing would be left beside the headroom."""
        bad = [f"a rate must be a number above 0, not {rate:g}" for rate in self.rates_per_s if not 0 < rate < math.inf]
        if not 0 <= self.headroom < 1:
            bad.append(f"the headroom must be a share from 0 up to 1, not {self.headroom:g}")
        if bad:
            raise ConfigError(bad)


@dataclass(frozen=True)
class _Seen:
    """A run, cut into slices, and what it was driven on."""

    recorded: Recorded
    slices: tuple[LoadSlice, ...]
    deployment: Deployment

    @property
    def good(self) -> tuple[LoadSlice, ...]:
        return tuple(piece for piece in self.slices if piece.is_good)


def capacity(evidence: Evidence, broken: Sequence[BreakPoint], asked: Asked | None = None) -> Capacity:
    """Give everything that a run says about capacity; the same files give the same figures.

    Raises ConfigError where a change that is asked for cannot be made.
    """
    asked = asked or Asked()
    seen = _see(evidence, broken)
    base = Capacity(
        run_id=evidence.run_id,
        scenario=evidence.scenario.name,
        headroom=asked.headroom,
        machine_cores=seen.deployment.machine_cores,
        slices=seen.slices,
        little=little_checks(seen.recorded),
        scalability=fit_scalability(seen.slices),
        workers=seen.deployment.workers,
        break_point_per_s=_break_point(broken),
        missing=_missing(seen),
    )
    return base if base.missing else _planned(base, seen, asked)


def break_points_of(evidence: Evidence) -> tuple[BreakPoint, ...]:
    """Give the break points of a run, where its analysis is not at hand."""
    series = {name: read_series(path) for name, path in evidence.series.items()}
    load = Load(
        samples=read_samples(evidence.samples),
        points=read_points(evidence.points),
        scenario=evidence.scenario,
        deadline_s=evidence.plan.journeys.deadline_s,
    )
    return break_points(evidence, load, series)


def hold_against(
    evidence: Evidence,
    broken: Sequence[BreakPoint],
    other: Evidence,
    other_broken: Sequence[BreakPoint],
    *,
    what_ifs: Sequence[str] = (),
) -> tuple[Agreement | None, tuple[str, ...]]:
    """Give how what a run predicts agrees with another one; None where it predicts nothing, and what is missing.

    `what_ifs` are changes, as NAME=VALUE, that the other run was driven with and does not tell of. Raises ConfigError
    where one cannot be made.
    """
    here, there = _see(evidence, broken), _see(other, other_broken)
    missing = (*_missing(here), *(() if there.good else (f"{other.run_id}: no slice of good load",)))
    if missing:
        return None, missing
    network = fit_network(here.good, here.deployment)
    parts = tuple((name, seconds.value) for name, seconds in parts_of(here.recorded, here.good))
    for text in what_ifs:
        network = changed(network, parse(text, network, parts), parts)
    found = agree(
        network,
        run_id=evidence.run_id,
        other_id=other.run_id,
        other=there.deployment,
        slices=there.slices,
        break_point=_break_point(other_broken),
    )
    return replace(found, what_ifs=tuple(what_ifs)), ()


def _see(evidence: Evidence, broken: Sequence[BreakPoint]) -> _Seen:
    recorded = Recorded(
        evidence,
        read_samples(evidence.samples),
        read_points(evidence.points),
        {name: read_series(path) for name, path in evidence.series.items()},
        [step for point in broken for step in point.steps],
    )
    slices = cut(recorded)
    deployment = Deployment(
        machine_cores=evidence.cores if recorded.machine is not None else None,
        service_cores=dict(evidence.service_cores),
        workers=workers_seen(slices),
    )
    return _Seen(recorded, slices, deployment)


def _missing(seen: _Seen) -> tuple[str, ...]:
    """Say what a plan would need and the run does not have."""
    kinds = {PhaseKind(piece.kind) for piece in seen.slices}
    found = []
    if not kinds & {PhaseKind.RAMP, PhaseKind.STRESS}:
        found.append("no ramp and no stress phase was driven, so that nobody saw what more load costs")
    if len(seen.good) < LEAST_SLICES:
        found.append(
            f"of {LEAST_SLICES} slices of good load {LEAST_SLICES - len(seen.good)} are lacking: longer phases"
        )
    if len({round(piece.rate_per_s) for piece in seen.good}) < _LEAST_RATES:
        found.append(f"fewer than {_LEAST_RATES} different rates were good: a ramp, or more stress steps")
    if not seen.recorded.cpu:
        found.append("the CPU of no process was watched, so that no cost is known")
    elif not set(seen.deployment.service_cores) & set(seen.recorded.cpu):
        found.append("of no watched process it is known how many cores it can keep busy")
    return tuple(found)


def _planned(base: Capacity, seen: _Seen, asked: Asked) -> Capacity:
    good = seen.good
    network = fit_network(good, seen.deployment)
    highest = max(piece.rate_per_s for piece in good)
    told = parts_of(seen.recorded, good)
    parts = tuple((name, seconds.value) for name, seconds in told)
    rss = {name: float(track.value.max()) for name, track in seen.recorded.rss.items() if len(track.value)}
    at = max((rate for rate in asked.rates_per_s if rate <= highest), default=highest)
    return replace(
        base,
        demands=tuple(replace(demand, rss_bytes=rss.get(demand.service)) for demand in network.demands),
        told_apart=told_apart(kinds_of(costed(good))),
        parts_s=told,
        holding_s=holding_by_scenario(seen.recorded, good),
        latency=_latency(network),
        bounds=network.bounds(),
        hold_outs=hold_outs(good, seen.deployment),
        plans=tuple(
            rate_plan(network, rate, headroom=asked.headroom, highest_good=highest, rss=rss)
            for rate in asked.rates_per_s
        ),
        changes=_changes(network, parts, seen, asked, at),
        change_rate_per_s=at,
        highest_good_per_s=highest,
    )


def _latency(network: Network) -> LatencyModel | None:
    if not network.choices:
        return None
    best, *others = network.choices
    return LatencyModel(
        form=best.name,
        curves=tuple(network.curves.values()),
        low=network.measured[0],
        high=network.measured[1],
        inner_error=best.error,
        alternatives=tuple((choice.name, choice.error) for choice in others),
    )


def _changes(
    network: Network, parts: Sequence[tuple[str, float]], seen: _Seen, asked: Asked, at_per_s: float
) -> tuple[Change, ...]:
    """Give the changes that were asked for; where none were, those of the sensitivity table."""
    if not asked.what_ifs:
        table = effects(network, standard(network, parts), parts, at_per_s)
        return (*table, *_index(network, seen, at_per_s), alone(network, at_per_s))
    wanted = [parse(text, network, parts) for text in asked.what_ifs]
    one_by_one = effects(network, wanted, parts, at_per_s)
    return one_by_one if len(wanted) == 1 else (*one_by_one, together(network, wanted, parts, at_per_s))


def _index(network: Network, seen: _Seen, at_per_s: float) -> tuple[Change, ...]:
    """Give what an index for every query would spare at most: the share of documents that were read in vain."""
    mongo = seen.recorded.series.get("mongo")
    if mongo is None or "mongo" not in network.costs:
        return ()
    window = (min(p.started_at for p in seen.good), max(p.ended_at for p in seen.good))
    read, scans = (
        summed_where(mongo, metric, label).between(*window).increase_per_s()
        for metric, label in (("mongodb_scanned_total", "kind=documents"), ("mongodb_collection_scans_total", ""))
    )
    used = summed_where(mongo, "mongodb_documents_total", ("type=returned", "type=updated", "type=deleted"))
    wanted = used.between(*window).increase_per_s()
    if not read or wanted is None:
        return ()
    spared = max(1 - wanted / read, 0.0)
    after = replace(network, costs={**network.costs, "mongo": network.costs["mongo"].scaled(1 - spared)})
    scanned = "unknown" if scans is None else f"{scans:.2f}"
    why = f"at most: {spared:.0%} of the documents read were read in vain, {scanned} collection scans/s"
    return (effect(network, after, at_per_s, name="an index for every query", why=why),)


def _break_point(broken: Sequence[BreakPoint]) -> Estimate | None:
    return next((point.rate_per_s for point in broken if point.rate_per_s is not None), None)
