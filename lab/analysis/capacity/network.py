"""The measured deployment as an open network of stations: what is used at a rate, and at which rate it is full.

Stations are the machine with its cores, each service with the cores that it can keep busy, and the workers that hold an
analysis each. By the utilisation law each is used in proportion to the rate; a worker is held longer when the machine
is busy, so that its station fills up faster than in proportion. Of the machine the watched processes count: what
others used is no part of the system. Where latencies say that it slowed the system too, it counts for them as the share
of the free cores that it took in the median.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.analysis.break_point import FULL
from lab.analysis.capacity.bootstrap import interval
from lab.analysis.capacity.demands import costed, fit_demands, kinds_of
from lab.analysis.capacity.queueing import HOLDING, Choice, Machine, choices, curves_by, figures_of, seconds_at
from lab.analysis.quantiles import Floats
from lab.model import MACHINE, OTHERS, WORKERS, Bound, Estimate, LatencyCurve, LoadSlice, ServiceDemand

_HIGHEST = 1e7
_SATURATED = 0.95
_LEAST_WAITING = 1.0


@dataclass(frozen=True)
class Deployment:
    """What a run was driven on. `machine_cores` is None where the services run elsewhere, `workers` where unknown."""

    machine_cores: int | None
    service_cores: Mapping[str, float]
    workers: int | None = None

    @property
    def machine(self) -> Machine | None:
        """What requests compete for: the cores, by all threads of services that can keep one busy, and a generator."""
        if self.machine_cores is None:
            return None
        threads = sum(min(math.ceil(cores), self.machine_cores) for cores in self.service_cores.values())
        return Machine(self.machine_cores, threads + 1)


@dataclass(frozen=True)
class Costs:
    """Cores that a family uses: `idle`, and `per_request` CPU seconds; with what each draw of the bootstrap made."""

    idle: float
    per_request: float
    idle_draws: Floats
    per_request_draws: Floats

    def at(self, rate_per_s: float) -> float:
        """Give the cores at a rate."""
        return self.idle + self.per_request * rate_per_s

    def scaled(self, factor: float) -> "Costs":
        """Give the costs of requests that take `factor` of the CPU; what is used without load stays."""
        return Costs(self.idle, self.per_request * factor, self.idle_draws, self.per_request_draws * factor)


@dataclass(frozen=True)
class Network:
    """A fit to slices of a run, on a deployment. All rates are nominal requests per second."""

    deployment: Deployment
    costs: Mapping[str, Costs]
    curves: Mapping[str, LatencyCurve]
    choices: tuple[Choice, ...]
    demands: tuple[ServiceDemand, ...]
    analyses_per_request: float
    operations_per_request: float | None
    connection_s_per_request: float | None
    others_share: float = 0.0
    holding_factor: float = 1.0
    measured: tuple[float, float] = (0.0, 0.0)
    rate_range: tuple[float, float] = (0.0, 0.0)

    def machine(self, rate_per_s: float, *, counts_others: bool = True) -> float | None:
        """Give the utilisation of the machine; None where it was not watched."""
        cores = self.deployment.machine_cores
        if cores is None:
            return None
        own = sum(costs.at(rate_per_s) for name, costs in self.costs.items() if name != OTHERS) / cores
        return own + self.others_share * max(1 - own, 0.0) if counts_others else own

    def seconds(self, figure: str, rate_per_s: float) -> float | None:
        """Give a percentile of latency, or how long a worker is held; None where the run does not tell."""
        curve = self.curves.get(figure)
        busy = self.machine(rate_per_s, counts_others=curve.counts_others) if curve else None
        if curve is None or busy is None:
            return None
        factor = self.holding_factor if figure == HOLDING else 1.0
        return seconds_at(curve, busy) * factor

    def workers_busy(self, rate_per_s: float) -> float | None:
        """Give the analyses at work at a time."""
        holding = self.seconds(HOLDING, rate_per_s)
        return None if holding is None else self.analyses_per_request * rate_per_s * holding

    def utilisations(self, rate_per_s: float) -> dict[str, float]:
        """Give how much of each resource is used at a rate; above 1 where there is not enough of it."""
        found = {name: self.costs[name].at(rate_per_s) / cores for name, cores in self._limits().items()}
        machine, busy = self.machine(rate_per_s, counts_others=False), self.workers_busy(rate_per_s)
        if machine is not None:
            found[MACHINE] = machine
        if busy is not None and self.deployment.workers:
            found[WORKERS] = busy / self.deployment.workers
        return found

    def _limits(self) -> dict[str, float]:
        """Give the cores that each service can keep busy, where that is less than the machine has."""
        machine = self.deployment.machine_cores or np.inf
        return {n: c for n, c in self.deployment.service_cores.items() if n in self.costs and c <= machine}

    def bounds(self) -> tuple[Bound, ...]:
        """Give where each resource is tight and full, the first one first."""
        found = [self._bound(name, limit, text) for name, limit, text in self._resources()]
        return tuple(sorted(found, key=lambda bound: bound.tight_per_s.value))

    def _resources(self) -> Iterator[tuple[str, float, str]]:
        for name, cores in self._limits().items():
            yield name, cores, _counted(cores, "core")
        if self.deployment.machine_cores is not None:
            yield MACHINE, float(self.deployment.machine_cores), _counted(self.deployment.machine_cores, "core")
        if self.deployment.workers and HOLDING in self.curves:
            yield WORKERS, float(self.deployment.workers), _counted(self.deployment.workers, "worker")

    def _bound(self, resource: str, limit: float, text: str) -> Bound:
        return Bound(
            resource=resource,
            tight_per_s=self._rate_at(resource, FULL, limit),
            full_per_s=self._rate_at(resource, 1.0, limit),
            limit=text,
        )

    def _rate_at(self, resource: str, level: float, limit: float) -> Estimate:
        if resource == WORKERS:
            return self._workers_at(level)
        watched = [costs for name, costs in self.costs.items() if name != OTHERS]
        costs = watched if resource == MACHINE else [self.costs[resource]]
        value = _first((level * limit - sum(c.idle for c in costs)), sum(c.per_request for c in costs))
        left = level * limit - np.sum([c.idle_draws for c in costs], axis=0)
        slope = np.sum([c.per_request_draws for c in costs], axis=0)
        return interval(value, np.array([_first(a, b) for a, b in zip(left, slope, strict=True)]))

    def _workers_at(self, level: float) -> Estimate:
        """Give where the workers are used to a level; its interval is that of the CPU which they are held by."""
        value = _root(lambda rate: self.utilisations(rate)[WORKERS] - level)
        ai_core = self.costs.get("ai_core")
        if ai_core is None or not ai_core.per_request:
            return Estimate(value=value, low=value, high=value)
        return interval(value, value * ai_core.per_request / np.maximum(ai_core.per_request_draws, 1e-12))


def _counted(count: float, noun: str) -> str:
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def _first(left: float, slope: float) -> float:
    if left <= 0:
        return 0.0
    return min(left / slope, _HIGHEST) if slope > 0 else _HIGHEST


def _root(excess: Callable[[float], float]) -> float:
    """Give the rate from which on something is in excess, by bisection; it must not fall with the rate."""
    low, high = 0.0, 1.0
    while excess(high) < 0 and high < _HIGHEST:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return high


def fit_network(slices: Sequence[LoadSlice], deployment: Deployment, *, form: str = "") -> Network:
    """Fit demands and latencies to good slices. There must be enough of them (see `capacity`).

    `form` is the name of a choice to be taken for latencies, "" for the one that the slices make.
    """
    of_demands = costed(slices)
    fitted = fit_demands(of_demands, kinds_of(of_demands))
    cores = deployment.machine_cores
    seen = figures_of(slices, cores) if cores else {}
    machine = deployment.machine
    ranked = tuple(each for each in choices(seen, machine) if form in ("", each.name)) if machine else ()
    curves = curves_by(ranked[0], seen, machine) if ranked and machine else ()
    busy = [piece.busy_cores / cores for piece in slices] if cores else [0.0]
    rates = [piece.rate_per_s for piece in slices]
    return Network(
        deployment=deployment,
        costs={
            f.demand.service: Costs(
                f.demand.idle_cores.value, f.demand.per_request.value, f.idle_draws, f.per_request_draws
            )
            for f in fitted
        },
        curves={curve.percentile: curve for curve in curves},
        choices=ranked,
        demands=tuple(f.demand for f in fitted),
        others_share=_others_share(slices, cores) if cores else 0.0,
        measured=(min(busy), max(busy)),
        rate_range=(min(rates), max(rates)),
        **_per_request(slices),
    )


def _others_share(slices: Sequence[LoadSlice], cores: int) -> float:
    """Give the share of the cores that were left by the watched processes which others used, in the median."""
    used = [dict(piece.cores).get(OTHERS, 0.0) for piece in slices]
    left = [max(cores - piece.busy_cores + others, 0.0) for piece, others in zip(slices, used, strict=True)]
    shares = [min(others / free, 1.0) for others, free in zip(used, left, strict=True) if free > 0]
    return float(np.median(shares)) if shares else 0.0


def _per_request(slices: Sequence[LoadSlice]) -> dict[str, Any]:
    """Give what a nominal request brings with it: analyses, operations of the database, seconds of a connection."""

    def ratio(values: Sequence[float | None]) -> float | None:
        known = [(v, piece.rate_per_s) for v, piece in zip(values, slices, strict=True) if v is not None]
        return sum(v for v, _ in known) / sum(rate for _, rate in known) if known else None

    return {
        "analyses_per_request": ratio([piece.analyses_per_s for piece in slices]) or 0.0,
        "operations_per_request": ratio([piece.operations_per_s for piece in slices]),
        "connection_s_per_request": ratio([piece.connections_busy for piece in slices]),
    }


def workers_seen(slices: Sequence[LoadSlice]) -> int | None:
    """Give how many analyses were at work at a time while others waited: the workers there are.

    None where nothing had to wait, so that nobody knows whether there are more.
    """
    pressed = [piece.workers_busy for piece in slices if (piece.waiting_analyses or 0.0) >= _LEAST_WAITING]
    return max(int(np.ceil(max(pressed) - (1 - _SATURATED))), 1) if pressed and max(pressed) > 0 else None
