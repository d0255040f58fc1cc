"""Operations wait for a connection to the database, since all of the pool's are in use."""

import math

import numpy as np

from lab.analysis.quantiles import interpolated
from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import database_pool
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import milliseconds, percent, three_digits

_MOST = 0.2
"""The share of an operation's time that it may wait for its connection."""

_LEAST_S = 0.0005
"""The least mean wait: a checkout of a connection that is there takes some ten microseconds."""

_CHURN = 0.01
"""From so many opened connections per operation on, the wait is for new ones: another rule's."""

_FULL, _SURELY = 0.5, 0.6
_SPARE = 1.25


class PoolExhausted:
    """Measures the wait for a connection, as a share of the wait and the command after it."""

    title = "The pool of database connections is exhausted"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, "mongodb_pool")
    needs = (("scrape", f"{database_pool.WAIT}_sum"), ("scrape", f"{database_pool.COMMANDS}_sum"))

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _share(case, part),
                limit=_MOST,
                explained=lambda part: database_pool.waiting(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part = scene.case, scene.part
        wait, command = database_pool.wait_s(case, part) or 0.0, database_pool.command_s(case, part) or 0.0
        size, rate = database_pool.size(case, part), database_pool.operations_per_s(case, part)
        mean, peak = rate * command + database_pool.waiting(case, part), _peak(case, part)
        needed = math.ceil(max(mean, peak, size) * _SPARE)
        bigger = [f"backend.env.SUT_MONGO_POOL_SIZE={needed}"]
        return Advice(
            cause=f"{three_digits(rate)} operations a second share {size:.0f} connections, each in use for at least "
            f"{milliseconds(command)} ms at a time: the next operation waits {milliseconds(wait)} ms for one.",
            confirm=_confirm(scene, size),
            mitigation=(scene.rerun(f"A pool of {needed} connections instead of {size:.0f}", target=bigger),),
            fix=(
                scene.rerun(
                    f"Size the pool by its peak, not by its mean: {peak:.0f} operations had or wanted a connection in "
                    f"the busiest readings, {three_digits(mean)} on average (Little's law). With a quarter to spare: "
                    f"{needed}",
                    target=bigger,
                ),
                Action(text=f"Mend commands first that take longer than they should ({milliseconds(command)} ms here)"),
            ),
            verify=(
                scene.rerun(
                    f"The mean wait for a connection falls from {milliseconds(wait)} ms below {milliseconds(_LEAST_S)} "
                    f"ms, and a request's mean by about {milliseconds(_saved(case, part))} ms",
                    target=bigger,
                ),
            ),
            rollback=(
                scene.again(f"Without the setting the pool has {size:.0f} connections at most, as before"),
                Action(text=f"Smaller than {needed} again where MongoDB's own queue or CPU grows instead"),
            ),
        )


def _confirm(scene: Scene, size: float) -> tuple[Action, ...]:
    return (
        scene.report(f"what the database did: connections ({size:.0f} of the pool), and its own queue"),
        scene.logs("Requests that took long, and how long in the backend", "--slow 100ms"),
    )


def _peak(case: Case, part: Stretch) -> float:
    """Give how many operations had or wanted a connection when most did, of all readings but one in twenty."""
    states = [case.values(part, "scrape", database_pool.CONNECTIONS, state=each) for each in ("waiting", "checked_out")]
    if len(states[0]) != len(states[1]) or not len(states[0]):
        return 0.0
    return interpolated(np.sort(states[0] + states[1]), 0.95)


def _saved(case: Case, part: Stretch) -> float:
    rate = case.requests_per_s(part)
    return database_pool.waiting(case, part) / rate if rate else 0.0


def _share(case: Case, part: Stretch) -> float | None:
    wait, command = database_pool.wait_s(case, part), database_pool.command_s(case, part)
    if wait is None or command is None:
        return None
    none_idle = _none_idle(case, part)
    is_full = none_idle is None or none_idle >= _FULL
    is_churn = (database_pool.opened_share(case, part) or 0.0) >= _CHURN
    return 0.0 if wait < _LEAST_S or is_churn or not is_full else wait / (wait + command)


def _none_idle(case: Case, part: Stretch) -> float | None:
    """Give the share of the readings with something waiting in which no connection was idle.

    What waits beside idle connections waits for something else, such as the event loop. None where nothing waited when
    somebody looked.
    """
    waiting = case.values(part, "scrape", database_pool.CONNECTIONS, state="waiting")
    idle = case.values(part, "scrape", database_pool.CONNECTIONS, state="idle")
    if len(waiting) != len(idle) or not (waiting > 0).any():
        return None
    return float((idle[waiting > 0] == 0).mean())


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    waiting = case.values(part, "scrape", database_pool.CONNECTIONS, state="waiting")
    none_idle = _none_idle(case, part)
    share = float((waiting > 0).mean()) if len(waiting) else None
    size = database_pool.size(case, part)
    return [
        Sign(
            text=f"an operation waited {milliseconds(database_pool.wait_s(case, part))} ms for its connection, "
            f"{percent(value)} of its time (counts from {percent(_MOST)} and {milliseconds(_LEAST_S)} ms on)",
            holds=True,
        ),
        Sign(
            text=f"something waited for one in {percent(share)} of the readings (expected: {percent(_MOST)} and more)",
            holds=None if share is None else share >= _MOST,
        ),
        Sign(
            text=f"where something waited, none of the {size:.0f} connections was idle in {percent(none_idle)} of the "
            f"readings (expected: {percent(_SURELY)} and more)",
            holds=None if none_idle is None else none_idle >= _SURELY,
        ),
    ]
