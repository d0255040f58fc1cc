"""How good predictions are: a fit that has not seen the highest good steps, held against them."""

from collections.abc import Iterator, Sequence

import numpy as np

from lab.analysis.capacity.demands import LEAST_SLICES
from lab.analysis.capacity.network import Deployment, Network, fit_network
from lab.model import OTHERS, FigureError, HeldOut, HoldOut, LoadSlice

CUTS = (2 / 3, 1 / 2, 9 / 10)
"""Up to which share of the highest good rate a fit may see; the first one is the one that counts."""

MODERATE = 0.8
"""Utilisation below which errors are stated apart: above it small errors of the rate are large ones of the latency."""

_OWN = "CPU of "


def hold_outs(good: Sequence[LoadSlice], deployment: Deployment, *, form: str = "") -> tuple[HoldOut, ...]:
    """Give one per cut that leaves enough on both sides; `form` as in `fit_network`."""
    highest = max(piece.rate_per_s for piece in good)
    found = [_hold_out(good, deployment, share * highest, form) for share in CUTS]
    return tuple(each for each in found if each is not None)


def _hold_out(good: Sequence[LoadSlice], deployment: Deployment, limit: float, form: str) -> HoldOut | None:
    below = [piece for piece in good if piece.rate_per_s <= limit]
    above = [piece for piece in good if piece.rate_per_s > limit]
    if len(below) < LEAST_SLICES or not above or len({round(piece.rate_per_s, 1) for piece in below}) < 3:
        return None
    network = fit_network(below, deployment, form=form)
    rows = tuple(row for piece in above for row in against(network, piece))
    return HoldOut(
        fitted_to_per_s=max(piece.rate_per_s for piece in below),
        held_to_per_s=max(piece.rate_per_s for piece in above),
        slices=len(below),
        form=network.choices[0].name if network.choices else "",
        tight_per_s=network.bounds()[0].tight_per_s,
        rows=rows,
        errors=errors_of(rows),
        repeats=_repeats(above),
    )


def _repeats(slices: Sequence[LoadSlice]) -> float | None:
    """Give the mean relative difference of P95 from its mean over drives of the same rate."""
    known = [(round(piece.rate_per_s), dict(piece.latency_s).get("p95")) for piece in slices]
    differences: list[float] = []
    for rate in {rate for rate, _ in known}:
        same = np.array([seconds for at, seconds in known if at == rate and seconds])
        if len(same) > 1:
            differences += list(np.abs(same / same.mean() - 1))
    return float(np.mean(differences)) if differences else None


def against(network: Network, piece: LoadSlice) -> Iterator[HeldOut]:
    """Give each figure that a network predicts at the rate of a slice, and what was measured there."""
    cores = network.deployment.machine_cores
    used = piece.busy_cores / cores if cores else None
    for figure, predicted, measured in _figures(network, piece):
        if measured and predicted is not None:
            yield HeldOut(
                drive=piece.drive,
                rate_per_s=piece.rate_per_s,
                figure=figure,
                predicted=predicted,
                measured=measured,
                utilisation=used,
            )


def _figures(network: Network, piece: LoadSlice) -> Iterator[tuple[str, float | None, float | None]]:
    rate = piece.rate_per_s
    carried = min(bound.full_per_s.value for bound in network.bounds())
    yield "throughput", min(rate, carried), piece.goodput_per_s
    own = [name for name in network.costs if name != OTHERS]
    used = dict(piece.cores)
    yield "CPU of all watched", sum(network.costs[name].at(rate) for name in own), sum(used.get(n, 0.0) for n in own)
    for name in sorted(network.deployment.service_cores):
        if name in network.costs:
            yield _OWN + name, network.costs[name].at(rate), used.get(name)
    for name in ("p50", "p95", "p99"):
        yield name, network.seconds(name, rate), dict(piece.latency_s).get(name)
    yield "holding", network.seconds("holding", rate), piece.holding_s


def errors_of(rows: Sequence[HeldOut]) -> tuple[FigureError, ...]:
    """Give the mean absolute error of each figure, in the order in which they come."""
    found = []
    for figure in dict.fromkeys(row.figure for row in rows):
        own = [row for row in rows if row.figure == figure]
        below = [row for row in own if row.utilisation is not None and row.utilisation < MODERATE]
        found.append(
            FigureError(
                figure=figure,
                error=float(np.mean([abs(row.error) for row in own])),
                count=len(own),
                error_below=float(np.mean([abs(row.error) for row in below])) if below else None,
                count_below=len(below),
            )
        )
    return tuple(found)
