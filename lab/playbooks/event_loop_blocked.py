"""An event loop comes late to what is due: something holds it up."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import database_pool, pauses
from lab.playbooks.affected import ANALYSES, CAPACITY, CPU, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import cores, milliseconds, percent

_LATE_S = 0.01
"""The mean lag that counts: as much as a whole request takes on an unloaded system."""

_SATURATED = 0.85
_COLLECTS = 0.05


class EventLoopBlocked:
    """Measures how late the event loop of a service is on average, at moments that do not depend on it."""

    title = "An event loop is blocked"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, *CPU, "event_loop_lag")
    needs = (("scrape", f"{pauses.LAG}_sum"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _lag(case, part),
                limit=_LATE_S,
                explained=lambda part: _explained(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part, lag = scene.case, scene.part, milliseconds(scene.symptom.value)
        name = pauses.latest(case, part)[0]
        return Advice(
            cause=_cause(scene, name),
            confirm=(
                scene.profile("the frames below the loop's own, those that wait too", name),
                scene.report(f"every route of {name} is slow, at {cores(case.cores(part, name))} cores used"),
            ),
            mitigation=(
                Action(text=f"Start a second {name} behind a balancer: while one is {lag} ms late, the other answers"),
                Action(
                    text=f"Offer less than {scene.symptom.rate_per_s:.0f} requests a second: fewer wait behind a block"
                ),
            ),
            fix=(
                Action(
                    text="Take the call that blocks off the loop: a thread for what waits or lets the interpreter's "
                    "lock go, a process for what computes, an asynchronous client for what is asked over the network"
                ),
            ),
            verify=(
                scene.again(
                    f"With the change made: the mean of event_loop_lag_seconds of {name} falls from {lag} ms below "
                    f"{milliseconds(_LATE_S)} ms, and that of requests from {milliseconds(case.response_s(part))} ms "
                    "by at least as much"
                ),
            ),
            rollback=(Action(text="Back onto the loop where the way to a thread takes longer than the call itself"),),
        )


def _cause(scene: Scene, name: str) -> str:
    case, part, lag = scene.case, scene.part, scene.symptom.value
    used, collecting = case.cores(part, name) or 0.0, pauses.collecting(case, part, name) or 0.0
    late = f"The loop of {name} comes {milliseconds(lag)} ms late on average to whatever is due"
    if collecting >= _COLLECTS:
        return f"{late}: its garbage collector stops it {percent(collecting, decimals=1)} of the time."
    if used >= _SATURATED:
        return f"{late}: it computes all the time ({cores(used)} cores, and a loop has one)."
    return (
        f"{late}, while it uses {cores(used)} cores: a call waits in it (a file, a lock, a sleep) instead of beside it."
    )


def _lag(case: Case, part: Stretch) -> float | None:
    """Give the lag of the latest loop; 0 where all of them are late since the machine is full."""
    name, lag = pauses.latest(case, part)
    return lag if lag is None or pauses.stands_out(case, part, name) else 0.0


def _explained(case: Case, part: Stretch) -> float:
    """Give what waits for the loop at a time: a request when it comes, and each of its operations when it has ended."""
    resumed = case.all_requests_per_s(part) + database_pool.operations_per_s(case, part)
    return min(resumed * (pauses.latest(case, part)[1] or 0.0), case.waiting(part))


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    name = pauses.latest(case, part)[0]
    response, busy, other = case.response_s(part), case.machine_busy(part), pauses.next_latest(case, part)
    return [
        Sign(
            text=f"the event loop of {name} was {milliseconds(value)} ms late on average (counts from "
            f"{milliseconds(_LATE_S)} ms on), and later than 50 ms "
            f"{percent(pauses.late_share(case, part, name), decimals=1)} of the time",
            holds=True,
        ),
        Sign(
            text=f"a request took {milliseconds(response)} ms on average (expected: at least as long as the lag)",
            holds=None if response is None else response >= value,
        ),
        Sign(
            text=f"the next latest loop was {milliseconds(other)} ms late (expected: a quarter of that at most, else "
            f"all of them wait for the machine, which was busy {percent(busy)} of the time)",
            holds=None if other is None else other * pauses.STANDS_OUT <= value,
        ),
    ]
