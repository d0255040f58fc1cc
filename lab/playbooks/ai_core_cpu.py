"""ai_core uses all of the CPU that is left to it."""

import math

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import analysing
from lab.playbooks.affected import ANALYSES, CAPACITY, CPU, FAILED_ANALYSES, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import cores, milliseconds, percent, three_digits

_FULL = 0.85
"""From this utilisation on a queue before a resource is long: 1 / (1 - 0.85) is nearly 7 times its empty self."""

_BEARABLE = 0.7
"""The utilisation to size for: a queue before it is 3.3 times its empty self."""

_WORKS = 0.6
"""The least share of its workers that compute at a time; below it, others are what fills the machine."""

_WAIT = 0.2
"""The share of its time in ai_core that an analysis waits for a worker where workers are short."""


class AiCoreCpu:
    """Measures the CPU that ai_core uses, of what its workers and everybody else leave to it."""

    title = "ai_core is bound by CPU"
    relieves = (*ANALYSES, *FAILED_ANALYSES, *LATENCY, *CAPACITY, *CPU)
    needs = (("processes", "process_cpu_seconds_total"), ("host", "host_cpu_ratio"))

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _used(case, part),
                limit=_FULL,
                explained=lambda part: analysing.under_way(case, part) + analysing.queued(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part, used = scene.case, scene.part, scene.symptom.value
        name = analysing.service(case)
        own, work = case.cores(part, name) or 0.0, analysing.computing_s(case, part) or 0.0
        total = milliseconds(analysing.total_s(case, part))
        return Advice(
            cause=f"At {milliseconds(work)} ms of computing each, the analyses that came needed {cores(own)} cores, "
            f"{percent(used)} of what {name} could have: they queue for its workers.",
            confirm=(
                scene.report(f"{name} leads in the cores used ({cores(own)}); an analysis takes {total} ms in it"),
                scene.profile("what the time goes into", name),
            ),
            mitigation=_mitigation(scene, name, work),
            fix=_fix(scene, name, own),
            verify=(
                scene.again(
                    f"With the change made: the utilisation of {name} falls from {percent(used)} below "
                    f"{percent(_FULL)}, and an analysis takes about {milliseconds(work)} ms in it instead of {total} "
                    "ms"
                ),
            ),
            rollback=(
                scene.again("Without the settings everything is as it was: cache off, a queue of 64, 2 workers"),
            ),
        )


def _mitigation(scene: Scene, name: str, work_s: float) -> tuple[Action, ...]:
    return (
        scene.rerun(
            f"Answer repeated analyses from the cache, which is off by default: up to {milliseconds(work_s)} ms of "
            "each repeat are saved",
            target=[f"{name}.env.AI_CORE_CACHE_SIZE=1000"],
        ),
        scene.rerun(
            "Shed load earlier, so that what is accepted is done in time: a queue of 16 instead of 64",
            target=["backend.env.SUT_ANALYZE_QUEUE_LIMIT=16"],
        ),
    )


def _fix(scene: Scene, name: str, own: float) -> tuple[Action, ...]:
    """Give more workers where workers are what is short, and more cores where the machine is."""
    busy, here = scene.case.machine_busy(scene.part) or 0.0, scene.case.evidence.cores
    needed = own / _BEARABLE
    workers = max(2, math.ceil(needed))
    if busy >= _FULL:
        return (
            Action(
                text=f"Give {name} {three_digits(needed)} cores of its own (it used {cores(own)}, and "
                f"{percent(_BEARABLE)} is a load that it can bear): the {here} of this machine were busy "
                f"{percent(busy)} of the time. On a larger one, with a worker for each: AI_CORE_WORKERS={workers}"
            ),
            Action(
                text="Compute less for an analysis: fewer trees, fewer rows explained; the frames of a profile say "
                "where",
                command=f"lab profile {name} --cpu",
            ),
        )
    return (
        scene.rerun(
            f"One worker more for each core that is missing: {workers} (it used {cores(own)} cores, "
            f"{percent(_BEARABLE)} is a load that it can bear)",
            target=[f"{name}.env.AI_CORE_WORKERS={workers}"],
        ),
    )


def _limit(case: Case, name: str) -> float:
    cores_here = float(case.evidence.cores)
    return min(case.evidence.service_cores.get(name, cores_here), cores_here)


def _workers(case: Case, name: str) -> float:
    """Give how many analyses it can compute at a time: a core of its own is for its event loop."""
    return max(case.evidence.service_cores.get(name, case.evidence.cores + 1.0) - 1, 1.0)


def _used(case: Case, part: Stretch) -> float | None:
    name = analysing.service(case)
    own, busy, limit = case.cores(part, name), case.machine_busy(part), _limit(case, name)
    if own is None or busy is None:
        return None
    if analysing.computed(case, part) < _WORKS * _workers(case, name):
        return 0.0
    left = min(limit, case.evidence.cores * (1 - busy) + own)
    return min(own / left, 1.0)


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    name = analysing.service(case)
    total, work = analysing.total_s(case, part), analysing.computing_s(case, part)
    wait = 1 - work / total if total and work is not None else None
    waiting = case.mean(part, "scrape", "ai_core_queue_depth")
    busy = case.machine_busy(part)
    return [
        Sign(
            text=f"{name} used {cores(case.cores(part, name))} cores, {percent(value)} of those that its workers, the "
            f"machine ({percent(busy)} busy) and everybody else left to it (counts from {percent(_FULL)} on)",
            holds=True,
        ),
        Sign(
            text=f"an analysis took {milliseconds(total)} ms in {name}, of which it was computed for "
            f"{milliseconds(work)} ms and waited {percent(wait)} (expected: {percent(_WAIT)} and more)",
            holds=None if wait is None else wait >= _WAIT,
        ),
        Sign(
            text=f"on average {'–' if waiting is None else three_digits(waiting)} analyses waited for a worker "
            "(expected: 0.5 and more)",
            holds=None if waiting is None else waiting >= 0.5,
        ),
    ]
