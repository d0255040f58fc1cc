"""Doubts about what is not there: a run cut short, phases without requests, output that ends early."""

from collections.abc import Iterator

from lab.analysis.phases import watched
from lab.analysis.samples import Samples
from lab.model import Doubt, DoubtKind, Evidence, RunState

_AGAIN = "run again to the end"


def incompleteness(evidence: Evidence, samples: Samples) -> tuple[Doubt, ...]:
    """Give the doubts; each forbids a verdict."""
    return tuple(_doubts(evidence, samples))


def _doubts(evidence: Evidence, samples: Samples) -> Iterator[Doubt]:
    if evidence.state != RunState.FINISHED:
        yield Doubt(
            kind=DoubtKind.INTERRUPTED,
            what="the run was interrupted",
            why="it did not come to the end of its plan",
            remedy=_AGAIN,
            invalidates=True,
        )
    driven = {window.phase for window in evidence.windows}
    for phase in watched(evidence.plan):
        if phase.name not in driven:
            yield _doubt(DoubtKind.NOT_DRIVEN, phase.name, "a phase was not driven", "no journey of it began", _AGAIN)
        elif not any(samples.phase.equals(w.name).any() for w in evidence.windows if w.phase == phase.name):
            yield _doubt(
                DoubtKind.NO_REQUESTS,
                phase.name,
                "there are no requests",
                "journeys began, and not one request of them was recorded",
                "read the phase's log under load/: the script may fail before its first request",
            )
    for name in evidence.truncated:
        yield _doubt(
            DoubtKind.TRUNCATED,
            name,
            "k6's output ends early",
            "k6 or the lab was killed, or the disk is full; what came before is counted",
            _AGAIN,
        )


def _doubt(kind: DoubtKind, phase: str, what: str, why: str, remedy: str) -> Doubt:
    return Doubt(kind=kind, what=what, why=why, remedy=remedy, invalidates=True, phase=phase)
