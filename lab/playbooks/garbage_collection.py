"""A garbage collector holds a service up."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import pauses
from lab.playbooks.affected import ANALYSES, CAPACITY, CPU, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import milliseconds, percent, three_digits

_MOST = 0.05
"""The share of the time that a collector may take; a service of small heaps spends a tenth of that."""

_LONG_S = 0.02
"""A pause that shows in percentiles of requests that take as long."""


class GarbageCollection:
    """Measures the share of the time in which a service's collector holds it up."""

    title = "Garbage collection holds a service up"
    relieves = (*LATENCY, *ANALYSES, *CAPACITY, *CPU, "gc_pause")
    needs = (("scrape", f"{pauses.COLLECTING}_sum"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _share(case, part),
                limit=_MOST,
                explained=lambda part: _explained(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part, share = scene.case, scene.part, percent(scene.symptom.value, decimals=1)
        name = pauses.most_collecting(case, part)[0]
        pause, often = milliseconds(_pause_s(case, part, name)), three_digits(_collections_per_s(case, part, name))
        return Advice(
            cause=f"The collector of {name} looks through the objects that can be part of a cycle {often} times a "
            f"second, {pause} ms each: {share} of the time, in which nothing is answered. It takes as long as there "
            "are objects.",
            confirm=(
                scene.logs(f"Requests of {name} that took long, in bunches", f"--slow 100ms --service {name}"),
                scene.profile("which objects there are so many of", name, heap=True),
            ),
            mitigation=(
                Action(
                    text="Let it look less often: gc.set_threshold(50_000, 20, 100), or Node's --max-semi-space-size; "
                    f"a tenth of the collections is {percent(scene.symptom.value / 10, decimals=1)} of the time"
                ),
            ),
            fix=(
                scene.profile(
                    "what lives long; put it out of the collector's sight (gc.freeze() after the start), keep fewer "
                    "objects (arrays, not lists of lists), and make no cycles per request",
                    name,
                    heap=True,
                ),
            ),
            verify=(
                scene.again(
                    f"With the change made: gc_pause_seconds of {name} falls from {share} of the time below "
                    f"{percent(_MOST, decimals=1)}, and a single pause from {pause} ms below {milliseconds(_LONG_S)} ms"
                ),
            ),
            rollback=(
                Action(
                    text="Back to the default thresholds where memory grows, which a soak tells: cycles stay longer",
                    command=f"lab run {case.evidence.scenario.name} --plan soak --up",
                ),
            ),
        )


def _share(case: Case, part: Stretch) -> float | None:
    """Give the share of the time in which a collector held its service up; 0 where everything waits for a core."""
    name, share = pauses.most_collecting(case, part)
    return share if share is None or pauses.stands_out(case, part, name) else 0.0


def _pause_s(case: Case, part: Stretch, name: str) -> float | None:
    return case.mean_of_sum(part, pauses.COLLECTING, service=name)


def _collections_per_s(case: Case, part: Stretch, name: str) -> float:
    return case.rate(part, "scrape", f"{pauses.COLLECTING}_count", service=name) or 0.0


def _explained(case: Case, part: Stretch) -> float:
    """Give the requests that stand still: those under way while the collector works, no fewer than on average."""
    share = pauses.most_collecting(case, part)[1] or 0.0
    return case.waiting(part) * min(share, 1.0)


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    name = pauses.most_collecting(case, part)[0]
    pause, lag = _pause_s(case, part, name), case.mean_of_sum(part, pauses.LAG, service=name)
    busy = case.machine_busy(part)
    oldest = case.rate(part, "scrape", f"{pauses.COLLECTING}_sum", service=name, generation="2")
    return [
        Sign(
            text=f"the collector of {name} held it up {percent(value, decimals=1)} of the time, {milliseconds(pause)} "
            f"ms on average (counts from {percent(_MOST, decimals=1)} on)",
            holds=True,
        ),
        Sign(
            text=f"{percent(oldest / value if oldest is not None and value else None)} of that was for the oldest "
            "objects (expected: half and more)",
            holds=None if oldest is None or not value else oldest / value >= 0.5,
        ),
        Sign(
            text=f"its event loop was {milliseconds(lag)} ms late on average (expected: 1 ms and more)",
            holds=None if lag is None else lag >= 0.001,
        ),
        Sign(
            text=f"the machine was busy {percent(busy)} of the time (expected: less than {percent(pauses.BUSY)}, else "
            "it may only have waited for a core)",
            holds=None if busy is None else busy < pauses.BUSY,
        ),
    ]
