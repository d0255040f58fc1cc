"""Doubts about the load and about who was busy: the rate, dropped iterations, the generator, the machine."""

from collections.abc import Iterator, Sequence

from lab.analysis.machine_guards import MOST_STEAL, OTHERS, RELIEVE
from lab.analysis.phases import SHEDDING, watched
from lab.model import Doubt, DoubtKind, Evidence, LoadCheck

_MORE_VUS = "raise journeys.max_vus, lower the rate, or find out why journeys take so long"


def load_doubts(evidence: Evidence, checks: Sequence[LoadCheck]) -> tuple[Doubt, ...]:
    """Give the doubts about every phase that is no warm-up.

    Of the steps of a stress phase only what the generator did is doubted: they are made to miss their rate, to drop
    journeys and to fill the machine, and each says so itself.
    """
    names = {phase.name for phase in watched(evidence.plan)}
    windows = {window.name: window for window in evidence.windows if window.phase in names}
    found: list[Doubt] = []
    for check in checks:
        window = windows.get(check.phase)
        if window is None:
            continue
        found += _generator(evidence, check)
        if not window.step:
            forbids = window.kind not in SHEDDING
            found += [*_rate(evidence, check, forbids=forbids), *_dropped(evidence, check, forbids=forbids)]
            found += [*_machine(evidence, check, forbids=forbids), *_steal(check)]
    return tuple(found)


def _rate(evidence: Evidence, check: LoadCheck, *, forbids: bool) -> Iterator[Doubt]:
    # each k6 scenario starts whole journeys, so it may be one off without any rate being wrong
    rounding = max(1, len(evidence.scenario.mix))
    allowed = evidence.plan.guards.rate_tolerance * check.planned_journeys + rounding
    if abs(check.started_journeys - check.planned_journeys) > allowed:
        yield Doubt(
            kind=DoubtKind.RATE,
            what="the achieved rate is not the planned one",
            why=(
                f"{check.achieved_rate_per_s:.2f} requests/s instead of {check.planned_rate_per_s:.2f}: "
                f"{check.started_journeys} journeys began where {check.planned_journeys:.1f} were planned, and "
                f"{evidence.plan.guards.rate_tolerance:.1%} are tolerated"
            ),
            remedy=_MORE_VUS,
            invalidates=forbids,
            phase=check.phase,
        )


def _dropped(evidence: Evidence, check: LoadCheck, *, forbids: bool) -> Iterator[Doubt]:
    if check.dropped_iterations > evidence.plan.guards.dropped_iterations * check.planned_journeys:
        yield Doubt(
            kind=DoubtKind.DROPPED_ITERATIONS,
            what="k6 dropped iterations",
            why=(
                f"{check.dropped_iterations} of {check.planned_journeys:.0f} journeys never began, because no VU "
                f"was free; {evidence.plan.guards.dropped_iterations:.1%} are tolerated"
            ),
            remedy=_MORE_VUS,
            invalidates=forbids,
            phase=check.phase,
        )


def _generator(evidence: Evidence, check: LoadCheck) -> Iterator[Doubt]:
    if check.generator_cores is None:
        yield Doubt(
            kind=DoubtKind.GENERATOR_UNKNOWN,
            what="nobody knows whether the generator was saturated",
            why="the CPU use of k6 was not recorded often enough",
            remedy="make the phase longer than a few seconds, and see that the collectors run",
            invalidates=True,
            phase=check.phase,
        )
    elif check.generator_cores > evidence.plan.guards.generator_cpu * evidence.cores:
        yield Doubt(
            kind=DoubtKind.GENERATOR_CPU,
            what="the generator was saturated",
            why=(
                f"k6 used {check.generator_cores:.2f} of {evidence.cores} cores, more than the "
                f"{evidence.plan.guards.generator_cpu:.0%} that are allowed: latency may be its own"
            ),
            remedy=RELIEVE,
            invalidates=True,
            phase=check.phase,
        )


def _machine(evidence: Evidence, check: LoadCheck, *, forbids: bool) -> Iterator[Doubt]:
    if check.machine_cpu is not None and check.machine_cpu > evidence.plan.guards.machine_cpu:
        yield Doubt(
            kind=DoubtKind.MACHINE_CPU,
            what="the machine was saturated",
            why=(
                f"its cores were busy {check.machine_cpu:.0%} of the time, more than the "
                f"{evidence.plan.guards.machine_cpu:.0%} that are allowed: latency may be that of waiting for a core"
            ),
            remedy=RELIEVE,
            invalidates=forbids,
            phase=check.phase,
        )


def _steal(check: LoadCheck) -> Iterator[Doubt]:
    if check.machine_steal is not None and check.machine_steal > MOST_STEAL:
        yield Doubt(
            kind=DoubtKind.STEAL,
            what="the machine lost time to its neighbours",
            why=f"{check.machine_steal:.0%} of the time its host gave the cores to others (steal)",
            remedy=OTHERS,
            phase=check.phase,
        )
