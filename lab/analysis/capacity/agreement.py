"""A prediction from one run held against what another one measured, whose deployment may differ."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.analysis.capacity.hold_out import against, errors_of
from lab.analysis.capacity.network import Deployment, Network
from lab.model import Agreement, Estimate, LoadSlice


def agree(
    network: Network,
    *,
    run_id: str,
    other_id: str,
    other: Deployment,
    slices: Sequence[LoadSlice],
    break_point: Estimate | None,
) -> Agreement:
    """Predict the good slices of another run, on its deployment, by a network that was fitted to this one.

    What the other run does not tell of its deployment is taken to be as it was here.
    """
    there = _known(network.deployment, other)
    moved = replace(network, deployment=there)
    rows = tuple(row for piece in slices if piece.is_good for row in against(moved, piece))
    first = moved.bounds()[0]
    return Agreement(
        run_id=run_id,
        other_id=other_id,
        changed=tuple(_changes(network.deployment, there)),
        tight_per_s=first.tight_per_s,
        fullest=first.resource,
        break_point_per_s=break_point,
        rows=rows,
        errors=errors_of(rows),
    )


def _known(here: Deployment, there: Deployment) -> Deployment:
    return Deployment(
        machine_cores=there.machine_cores or here.machine_cores,
        service_cores={**here.service_cores, **there.service_cores},
        workers=there.workers or here.workers,
    )


def _changes(here: Deployment, there: Deployment) -> Iterator[str]:
    if here.machine_cores != there.machine_cores:
        yield f"cores of the machine: {here.machine_cores} here, {there.machine_cores} there"
    if here.workers != there.workers:
        yield f"workers of ai_core: {here.workers or 'not seen'} here, {there.workers or 'not seen'} there"
    for name in sorted(there.service_cores):
        before, after = here.service_cores.get(name), there.service_cores[name]
        if before != after:
            yield f"cores of {name}: {before or 0:g} here, {after:g} there"
