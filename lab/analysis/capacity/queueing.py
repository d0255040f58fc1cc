"""Latency percentiles at utilisations that were not measured.

A request's time is what it takes on the unloaded system and what others cost it, and the second grows with the
utilisation u of the machine: T_q(u) = floor_q + factor_q w(u). The forms of w are the mean waits, in service times, of
queues with c servers (Gross and Harris, "Fundamentals of Queueing Theory", 1998, chapter 2):

- `finite population`: M/M/c/K shared by all alike, so that the factor is the floor. Where those who compete for the
  cores are bounded (workers, event loops), so is what they cost, and time does not grow without end
- `processor sharing`: the same without a bound (M/M/c)
- `M/M/c`: C(c, u) / (c (1 - u)), with a factor of its own
- `M/G/1`: u / (1 - u), by Pollaczek and Khinchine, whose variability goes into the factor
- `level`: no growth at all; what any form must beat

K is not fitted: it is how many threads the services can run at a time, and one for the generator. Floor and factor come
from non-negative least squares in relative terms, each percentile with its own, which is what lets one queue stand for
a mix of routes: slow routes wait where fast ones do not. Every rate counts alike, in however many slices it was driven.

Which form is taken, and whether u counts what other processes used, is decided by the data: each of the three highest
rates is predicted from those below it. A finite population is what is expected of services with pools of workers, and
another form is taken only where it predicts far better, since with few rates chance decides.

Rates below a quarter of the highest one say little: a system that mostly sleeps is slowed by waking up, and its latency
falls with the rate before it rises. They are left out where enough others are there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.optimize import nnls

from lab.analysis.capacity.demands import drive_weights
from lab.analysis.quantiles import Bools, Floats
from lab.model import OTHERS, LatencyCurve, LoadSlice

LEAST_SLICES = 6
LEVEL, SHARING, FINITE, ONE, MANY = "level", "processor sharing", "finite population", "M/G/1", "M/M/c"
FORMS = (LEVEL, FINITE, SHARING, ONE, MANY)
_SHARED = (FINITE, SHARING)
PERCENTILES = ("p50", "p95", "p99")
HOLDING = "holding"
_AHEAD = 3
_LOADS = 600
_FAR_BETTER = 2 / 3
_AWAKE = 0.25
_FULL = 0.995
"""Utilisation beyond which no queue has a steady state; what is measured there counts as this."""


@dataclass(frozen=True)
class Machine:
    """What requests compete for, and how many can compete at a time: `population` is the K of M/M/c/K."""

    cores: int
    population: int


@dataclass(frozen=True)
class Seen:
    """One figure of latency (seconds) in slices: their utilisations with and without others, rates and weights."""

    with_others: Floats
    without_others: Floats
    seconds: Floats
    rate: Floats
    weight: Floats

    def utilisation(self, *, counts_others: bool) -> Floats:
        """Give the utilisations of the machine."""
        return self.with_others if counts_others else self.without_others

    def some(self, rows: Bools) -> "Seen":
        """Give some of the slices."""
        chosen = (each[rows] for each in (self.with_others, self.without_others, self.seconds, self.rate, self.weight))
        return Seen(*chosen)


def erlang_c(servers: int, utilisation: Floats) -> Floats:
    """Give the chance that a customer of an M/M/c queue must wait; utilisations lie between 0 and 1.

    By the recursion of Erlang's B, which neither overflows nor cancels (Cooper, "Introduction to Queueing Theory",
    1981, chapter 3).
    """
    offered, blocked = servers * utilisation, np.ones_like(utilisation)
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    found: Floats = np.minimum(blocked / (1 - utilisation * (1 - blocked)), 1.0)
    return found


def finite_wait(machine: Machine, utilisation: Floats) -> Floats:
    """Give the mean wait, in service times, of an M/M/c/K queue whose servers are busy to a utilisation.

    Utilisation is what is carried, not what is offered: it is found along offered loads from next to none to very many.
    """
    carried, waits = _along_loads(machine)
    found: Floats = np.interp(utilisation, carried, waits)
    return found


@cache
def _along_loads(machine: Machine) -> tuple[Floats, Floats]:
    inside = np.arange(machine.population + 1)
    at_work = np.minimum(inside, machine.cores)
    # each state follows from the one below it: arrivals over what is at work
    factors = np.concatenate([[0.0], -np.cumsum(np.log(np.maximum(at_work[1:], 1)))])
    logs = np.log(machine.cores * np.geomspace(1e-3, 1e3, _LOADS))[:, None] * inside[None, :] + factors[None, :]
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    busy = shares @ at_work
    waits = shares @ (inside - at_work) / busy
    return np.concatenate([[0.0], busy / machine.cores]), np.concatenate([[0.0], waits])


def waiting(form: str, utilisation: Floats, machine: Machine) -> Floats:
    """Give w(u) of a form: 0 for an empty system."""
    u = np.clip(utilisation, 0.0, _FULL)
    if form == LEVEL:
        return np.zeros_like(u)
    if form == ONE:
        return u / (1 - u)
    if form == FINITE:
        return finite_wait(machine, u)
    return erlang_c(machine.cores, u) / (machine.cores * (1 - u))


def seconds_at(curve: LatencyCurve, utilisation: float) -> float:
    """Give the percentile at a utilisation."""
    return float(_along(curve, np.array([utilisation]))[0])


def _along(curve: LatencyCurve, utilisation: Floats) -> Floats:
    machine = Machine(curve.servers, curve.population)
    return curve.floor_s + curve.factor_s * waiting(curve.form, utilisation, machine)


def curve_of(name: str, seen: Seen, machine: Machine, form: str, *, counts_others: bool) -> LatencyCurve:
    """Fit one form to what was seen."""
    w = waiting(form, seen.utilisation(counts_others=counts_others), machine)
    roots = np.sqrt(seen.weight)
    weights = roots / seen.seconds
    if form == LEVEL:
        floor, factor = float(weights @ roots / (weights @ weights)), 0.0
    elif form in _SHARED:
        shape = (1 + w) * weights
        floor = factor = float(shape @ roots / (shape @ shape))
    else:
        (floor, factor), _ = nnls(np.column_stack([weights, w * weights]), roots)
    return LatencyCurve(
        percentile=name,
        form=form,
        floor_s=float(floor),
        factor_s=float(factor),
        servers=machine.cores,
        population=machine.population,
        counts_others=counts_others,
    )


def inner_error(seen: Seen, machine: Machine, form: str, *, counts_others: bool) -> float | None:
    """Give the mean relative error with which each of the highest rates is predicted from those below it.

    None where there are too few rates to leave one out.
    """
    levels = np.round(seen.rate, 1)
    errors = []
    for level in np.unique(levels)[-_AHEAD:]:
        below, there = seen.some(levels < level), seen.some(levels == level)
        if len(np.unique(below.rate)) < 2:
            continue
        curve = curve_of("", below, machine, form, counts_others=counts_others)
        predicted = _along(curve, there.utilisation(counts_others=counts_others))
        errors.append(float(np.abs(predicted / there.seconds - 1).mean()))
    return float(np.mean(errors)) if errors else None


@dataclass(frozen=True)
class Choice:
    """A form, and whether its utilisation counts other processes; `error` is the mean of the figures' inner errors."""

    form: str
    counts_others: bool
    error: float

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"{self.form}, {'all processes' if self.counts_others else 'watched processes'}"


def choices(seen: Mapping[str, Seen], machine: Machine) -> tuple[Choice, ...]:
    """Give all choices, the one to be taken first and then by their errors. Empty where too little was seen."""
    found = []
    for form in FORMS:
        for counts_others in (False, True):
            errors = [inner_error(each, machine, form, counts_others=counts_others) for each in seen.values()]
            known = [error for error in errors if error is not None]
            if known:
                found.append(Choice(form, counts_others, float(np.mean(known))))
    ranked = sorted(found, key=lambda choice: choice.error)
    expected = [choice for choice in ranked if choice.form == FINITE and choice.counts_others]
    if expected and ranked[0].error > _FAR_BETTER * expected[0].error:
        ranked.sort(key=lambda choice: choice is not expected[0])
    return tuple(ranked)


def curves_by(choice: Choice, seen: Mapping[str, Seen], machine: Machine) -> tuple[LatencyCurve, ...]:
    """Give a curve per figure, of one choice."""
    found = []
    for name, each in seen.items():
        curve = curve_of(name, each, machine, choice.form, counts_others=choice.counts_others)
        error = inner_error(each, machine, choice.form, counts_others=choice.counts_others)
        found.append(replace(curve, inner_error=error))
    return tuple(found)


def figures_of(slices: Sequence[LoadSlice], cores: int) -> dict[str, Seen]:
    """Give what was seen of each figure that enough slices have: p50, p95, p99, and the time that a worker is held."""
    highest = max(piece.rate_per_s for piece in slices)
    awake = [piece for piece in slices if piece.rate_per_s >= _AWAKE * highest]
    slices = awake if len(awake) >= LEAST_SLICES else slices
    values = {name: [dict(piece.latency_s).get(name) for piece in slices] for name in PERCENTILES}
    values[HOLDING] = [piece.holding_s for piece in slices]
    seen = {name: seen_of(slices, each, cores) for name, each in values.items()}
    return {name: each for name, each in seen.items() if len(each.seconds) >= LEAST_SLICES}


def seen_of(slices: Sequence[LoadSlice], values: Sequence[float | None], cores: int) -> Seen:
    """Give what was seen of one figure in slices; those without a figure are left out."""
    rows = np.array([bool(value) for value in values], dtype=bool)
    busy = np.array([piece.busy_cores for piece in slices]) / cores
    others = np.array([dict(piece.cores).get(OTHERS, 0.0) for piece in slices]) / cores
    seconds = np.array([value or 0.0 for value in values])
    rates = np.array([piece.rate_per_s for piece in slices])
    return Seen(busy, busy - others, seconds, rates, drive_weights(slices)).some(rows)
