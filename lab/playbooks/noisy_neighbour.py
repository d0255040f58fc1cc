"""Something that is no part of the experiment uses the machine."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import cores, percent

_STEAL = 0.05
"""The share of the cores' time that a host may give to others (as the guard of that name)."""

_BUSY = 0.7


class NoisyNeighbour:
    """Measures the cores that strangers use and that the host takes, each against its limit."""

    title = "A neighbour uses the machine"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, "host_")
    needs = (("host", "host_cpu_ratio"), ("processes", "process_cpu_seconds_total"))

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _excess(case, part),
                limit=1.0,
                explained=lambda part: _explained(case, part),
                signs=lambda part, _value: _signs(case, part),
                is_of_system=False,
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part = scene.case, scene.part
        foreign, steal = cores(case.foreign_cores(part)), percent(case.steal(part))
        allowed, here = cores(case.evidence.plan.guards.other_cores), case.evidence.cores
        return Advice(
            cause=f"Processes that belong to neither system nor lab used {foreign} of {here} cores, and the host gave "
            f"{steal} of the time to other machines: {percent(_taken(case, part))} of the machine was not there.",
            confirm=(
                Action(text="Who uses the machine now", command="ps -eo pcpu,pid,comm --sort=-pcpu | head"),
                scene.report("doubts of the kinds other_processes and steal, with their times"),
            ),
            mitigation=(
                scene.again(f"End what else runs (it took {foreign} cores), and drive the phase again"),
                Action(
                    text="Where it must run: keep services in containers on cores that it leaves alone",
                    command="lab up --cpuset backend=0 --cpuset ai_core=0-1",
                ),
            ),
            fix=(
                Action(
                    text=f"Measure on cores that nobody shares: {foreign} and {steal} of the time were missing here"
                ),
            ),
            verify=(
                scene.again(
                    f"Strangers use less than {allowed} cores instead of {foreign}, steal is below 5 %, not {steal}"
                ),
                Action(
                    text="And the smallest change that the machine can show is smaller than it was", command="lab noise"
                ),
            ),
            rollback=(Action(text="Start again what was ended"),),
        )


def _taken(case: Case, part: Stretch) -> float:
    """Give the share of the machine that others had."""
    return min((case.foreign_cores(part) or 0.0) / case.evidence.cores + case.steal(part), 1.0)


def _explained(case: Case, part: Stretch) -> float:
    """Give what waited while a core was not there: as often as something waited for one, by who used the cores."""
    pressure = case.mean(part, "host", "host_pressure_ratio", resource="cpu")
    busy = (case.machine_busy(part) or 0.0) * case.evidence.cores
    theirs = (case.foreign_cores(part) or 0.0) / busy if busy else 0.0
    return case.waiting(part) * min((1.0 if pressure is None else pressure) * theirs + case.steal(part), 1.0)


def _excess(case: Case, part: Stretch) -> float | None:
    """Give how far beyond its limit the worse of both is; from 1 on it counts."""
    if case.machine_busy(part) is None:
        return None
    allowed = case.evidence.plan.guards.other_cores
    return max((case.foreign_cores(part) or 0.0) / allowed, case.steal(part) / _STEAL)


def _signs(case: Case, part: Stretch) -> list[Sign]:
    guards, busy = case.evidence.plan.guards, case.machine_busy(part)
    pressure = case.mean(part, "host", "host_pressure_ratio", resource="cpu")
    return [
        Sign(
            text=f"strangers used {cores(case.foreign_cores(part))} cores (counts from {cores(guards.other_cores)} "
            f"on), and the host took {percent(case.steal(part))} of the time (from {percent(_STEAL)} on)",
            holds=True,
        ),
        Sign(
            text=f"the machine was busy {percent(busy)} of the time (expected: {percent(_BUSY)} and more, else there "
            "was enough for all)",
            holds=None if busy is None else busy >= _BUSY,
        ),
        Sign(
            text=f"something waited for a core {percent(pressure)} of the time (expected: 20 % and more)",
            holds=None if pressure is None else pressure >= 0.2,
        ),
    ]
