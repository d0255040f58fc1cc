"""The load generator, not the system, is what is slow."""

from lab.model import Action, Advice, DoubtKind, Sign, Symptom
from lab.playbooks.affected import CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import cores, milliseconds, percent, three_digits

_LATE_S = 0.05
"""The mean delay of a journey's start, and the length of the shortest ones of them."""

_LOST = 0.01
"""The share of journeys that never began from which on the load was another one than planned."""

_ROOM = 4


class GeneratorBound:
    """Measures what its own limits did to the load: journeys that never began, and k6's CPU, against their limits."""

    title = "The generator is the bottleneck"
    relieves = (*LATENCY, *CAPACITY, *ERRORS)
    needs = (("processes", "process_cpu_seconds_total"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _excess(case, part),
                limit=1.0,
                explained=lambda part: case.late(part) + _never_begun(case, part),
                signs=lambda part, _value: _signs(case, part),
                is_of_system=False,
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, own = scene.case, scene.case.evidence.plan.journeys
        lost, used = percent(_lost(case, scene.part), decimals=1), cores(case.cores(scene.part, "k6"))
        more = [f"journeys.max_vus={own.max_vus * _ROOM}"]
        return Advice(
            cause=f"k6 never began {lost} of the journeys that were due, with {own.max_vus} virtual users at most and "
            f"{used} of {case.evidence.cores} cores used. What it does not send cannot be slow: the figures flatter "
            "the system.",
            confirm=(
                scene.report("planned and achieved rate, dropped journeys, and doubts about the generator"),
                scene.logs("What k6 itself says", "--service k6"),
            ),
            mitigation=(
                scene.rerun(
                    f"Allow {own.max_vus * _ROOM} virtual users instead of {own.max_vus}: as many are needed as "
                    "journeys begin a second, times the seconds that each takes (Little's law)",
                    plan=more,
                ),
            ),
            fix=_fix(scene),
            verify=(
                scene.rerun(
                    f"No journey is dropped instead of {lost}, and the doubts about it are gone: "
                    f"{_doubts(case, scene.symptom.phase) or 'there were none'}",
                    plan=more,
                ),
            ),
            rollback=(scene.again(f"{own.max_vus} virtual users again where k6's memory or CPU passes its guard"),),
        )


_KINDS = (
    DoubtKind.GENERATOR_CPU,
    DoubtKind.GENERATOR_NETWORK,
    DoubtKind.DROPPED_ITERATIONS,
    DoubtKind.VUS_AT_CEILING,
    DoubtKind.VUS_NOT_READY,
    DoubtKind.START_DELAY,
    DoubtKind.RATE,
)


def _fix(scene: Scene) -> tuple[Action, ...]:
    rate = scene.symptom.rate_per_s
    return (
        Action(
            text="Run k6 on a machine of its own, or on a core of its own (containers)", command="lab up --cpuset k6=0"
        ),
        scene.rerun(
            f"Where virtual users run out because the system is slow, a rate below the {three_digits(rate)} requests a "
            "second that it answered: its own bottleneck shows then",
            plan=[f"rate_per_s={round(rate * 0.7, 1):g}"],
        ),
    )


def _doubts(case: Case, phase: str) -> str:
    found = set(case.doubts(phase))
    return ", ".join(kind for kind in _KINDS if kind in found)


def _lost(case: Case, part: Stretch) -> float:
    """Give the share of journeys that were due and never began."""
    dropped = case.counted(part, "dropped_iterations")
    begun = case.journeys(part)
    return dropped / (dropped + begun) if dropped else 0.0


def _never_begun(case: Case, part: Stretch) -> float:
    """Give how many of them waited at a time, each as long as its deadline: they never have an answer."""
    return case.counted(part, "dropped_iterations") / part.length_s * case.evidence.plan.journeys.deadline_s


def _excess(case: Case, part: Stretch) -> float | None:
    """Give how far beyond its limit the worst of the three is; from 1 on it counts."""
    guards, used = case.evidence.plan.guards, case.cores(part, "k6")
    share = (used or 0.0) / case.evidence.cores / guards.generator_cpu
    return max(_lost(case, part) / _LOST, _late_s(case, part) / _LATE_S, share)


def _late_s(case: Case, part: Stretch) -> float:
    journeys = case.journeys(part)
    return case.late(part) * part.length_s / journeys if journeys else 0.0


def _signs(case: Case, part: Stretch) -> list[Sign]:
    limit, used = case.evidence.plan.guards.generator_cpu, case.cores(part, "k6")
    busy, said = case.machine_busy(part), _doubts(case, part.window.phase)
    return [
        Sign(
            text=f"{percent(_lost(case, part), decimals=1)} of the journeys never began (counts from "
            f"{percent(_LOST, decimals=1)} on), the others began {milliseconds(_late_s(case, part))} ms late on "
            f"average (from {milliseconds(_LATE_S)} ms on), and k6 used {cores(used)} cores (from "
            f"{cores(limit * case.evidence.cores)} on)",
            holds=True,
        ),
        Sign(text=f"doubts about the generator: {said or 'none'} (expected: one and more)", holds=bool(said)),
        Sign(
            text=f"the machine was busy {percent(busy)} of the time (expected: less than 90 %, else the machine is "
            "what is short)",
            holds=None if busy is None else busy < 0.9,
        ),
    ]
