"""CPU seconds per request and process family, by the utilisation law.

The cores that a family uses are idle + sum over kinds of requests of rate x demand (utilisation law: Lazowska et al.,
"Quantitative System Performance", 1984, chapter 3). Demands and idle cores come from non-negative least squares (Lawson
and Hanson, "Solving Least Squares Problems", 1974) over slices of the run, each weighted by the inverse of what was
used, since CPU time scatters in proportion to itself, and rates alike however many slices they were driven in, so that
an hour at one rate does not outweigh the steps at others. A constant part beside the demands is what makes the CPU per
request so much higher at low rates: waking up, scraping and housekeeping are paid per second, not per request.

What the machine was busy with beside the watched processes follows no load: of it the median is taken.

Kinds of requests are the scenarios of the mix and the polls beyond the nominal ones. Where too few slices have such
polls to tell what one costs, slices with more than a few of them are left out instead. Where two of them rise and fall
together nobody can tell their demands apart: the pair that is most alike is made one until the largest condition index
of the scaled rates is at most 30 (Belsley, Kuh and Welsch, "Regression Diagnostics", 1980, chapter 3).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from lab.analysis.capacity.bootstrap import block_draws, interval
from lab.analysis.quantiles import Floats
from lab.model import OTHERS, Demand, LoadSlice, PhaseKind, ServiceDemand

EXTRA = "extra polls"
LEAST_SLICES = 6
_INDEX = 30.0
_MANY_EXTRA = 0.05
_FLOOR_CORES = 0.002  # a clock tick of 10 ms in 5 s: less than that nobody can see


@dataclass(frozen=True)
class Kinds:
    """Kinds of requests that can be told apart: names, rates per slice, and what share of each is nominal load.

    `shares` are the requests of each kind per nominal request in the mix that was driven (0 for extra polls).
    """

    names: tuple[str, ...]
    rates: Floats
    shares: Floats
    merged: tuple[tuple[str, ...], ...]


def costed(slices: Sequence[LoadSlice]) -> list[LoadSlice]:
    """Give the slices that demands are fitted to: all, or where few have extra polls, those with next to none."""
    without = [piece for piece in slices if not _has_extra(piece)]
    few = len(slices) - len(without) < LEAST_SLICES
    return without if few and len(without) >= LEAST_SLICES else list(slices)


def _has_extra(piece: LoadSlice) -> bool:
    return piece.extra_polls_per_s > _MANY_EXTRA * piece.requests_per_s


def kinds_of(slices: Sequence[LoadSlice]) -> Kinds:
    """Give the kinds of requests whose demands the slices can tell apart."""
    names = sorted({name for piece in slices for name, rate in piece.scenarios if rate})
    columns = [np.array([dict(piece.scenarios).get(name, 0.0) for piece in slices]) for name in names]
    groups = [[name] for name in names]
    extra = np.array([piece.extra_polls_per_s for piece in slices])
    if sum(map(_has_extra, slices)) >= LEAST_SLICES:
        groups.append([EXTRA])
        columns.append(extra)
    while len(columns) > 1 and _condition(columns) > _INDEX:
        first, second = _most_alike(columns)
        columns[first] = columns[first] + columns.pop(second)
        groups[first] += groups.pop(second)
    return _kinds(groups, columns, slices)


def _kinds(groups: Sequence[Sequence[str]], columns: Sequence[Floats], slices: Sequence[LoadSlice]) -> Kinds:
    nominal = sum(rate for piece in slices for _, rate in piece.scenarios)
    totals = {name: sum(dict(piece.scenarios).get(name, 0.0) for piece in slices) for group in groups for name in group}
    return Kinds(
        names=tuple(" + ".join(group) for group in groups),
        rates=np.column_stack(columns),
        shares=np.array([sum(totals[name] for name in group) / nominal for group in groups]),
        merged=tuple(tuple(group) for group in groups if len(group) > 1),
    )


def _condition(columns: Sequence[Floats]) -> float:
    """Give the largest condition index of rates beside a constant, each scaled to length one."""
    design = np.column_stack([np.ones(len(columns[0])), *columns])
    values = np.linalg.svd(design / np.linalg.norm(design, axis=0), compute_uv=False)
    return float(values[0] / max(values[-1], 1e-300))


def _most_alike(columns: Sequence[Floats]) -> tuple[int, int]:
    """Give the two columns with the smallest angle between them, the earlier one first."""
    scaled = np.column_stack(columns)
    scaled = scaled / np.linalg.norm(scaled, axis=0)
    likeness = np.triu(scaled.T @ scaled, k=1)
    first, second = np.unravel_index(int(np.argmax(likeness)), likeness.shape)
    return int(first), int(second)


def told_apart(kinds: Kinds) -> str:
    """Say what could not be told apart, and why; "" where everything could."""
    if not kinds.merged:
        return ""
    groups = "; ".join(", ".join(group) for group in kinds.merged)
    return (
        f"told as one, since their rates rise and fall together in every slice (condition index above {_INDEX:g}): "
        f"{groups}. Phases with another mix, or a run of one scenario alone, would tell them apart"
    )


@dataclass(frozen=True)
class Fitted:
    """The demands of a process family, and what each draw of the bootstrap made of them.

    Draws are alike for all families: place i of each comes from the same slices.
    """

    demand: ServiceDemand
    idle_draws: Floats
    per_request_draws: Floats


def fit_demands(slices: Sequence[LoadSlice], kinds: Kinds) -> tuple[Fitted, ...]:
    """Give the demands of every process family, and of the rest of the machine, in the order of their names.

    Intervals are 95 % of a block bootstrap over the slices.
    """
    services = sorted({name for piece in slices for name, _ in piece.cores})
    return tuple(_fitted(service, slices, kinds) for service in services)


def _fitted(service: str, slices: Sequence[LoadSlice], kinds: Kinds) -> Fitted:
    used = np.array([dict(piece.cores).get(service, 0.0) for piece in slices])
    rates = np.zeros_like(kinds.rates) if service == OTHERS else kinds.rates
    design = np.column_stack([np.ones(len(used)), rates])
    weights = _weights(slices, used)
    fit = _median if service == OTHERS else _fit
    found = fit(design, used, weights)
    draws = np.array([fit(design[rows], used[rows], weights[rows]) for rows in block_draws(len(used))])
    per_request = draws[:, 1:] @ kinds.shares
    demand = ServiceDemand(
        service=service,
        idle_cores=interval(float(found[0]), draws[:, 0]),
        per_request=interval(float(found[1:] @ kinds.shares), per_request),
        demands=tuple(
            Demand(of=name, cpu_s=interval(float(found[place + 1]), draws[:, place + 1]))
            for place, name in enumerate(kinds.names)
        ),
        error=_error(design @ found, used),
        slices=len(used),
    )
    return Fitted(demand, draws[:, 0], per_request)


def _error(predicted: Floats, used: Floats) -> float:
    seen = used > _FLOOR_CORES
    return float(np.abs(predicted[seen] / used[seen] - 1).mean()) if seen.any() else 0.0


def drive_weights(slices: Sequence[LoadSlice]) -> Floats:
    """Give weights that add up to 1 for every rate that was driven, and for every ramp, so that each counts alike."""
    keys = [piece.drive if piece.kind == PhaseKind.RAMP else round(piece.rate_per_s) for piece in slices]
    counts = Counter(keys)
    return np.array([1 / counts[key] for key in keys])


def _weights(slices: Sequence[LoadSlice], used: Floats) -> Floats:
    weights: Floats = np.sqrt(drive_weights(slices)) / np.maximum(used, _FLOOR_CORES)
    return weights


def _fit(design: Floats, used: Floats, weights: Floats) -> Floats:
    found: Floats = nnls(design * weights[:, None], used * weights)[0]
    return found


def _median(design: Floats, used: Floats, _weights: Floats) -> Floats:
    found = np.zeros(design.shape[1])
    found[0] = np.median(used)
    return found
