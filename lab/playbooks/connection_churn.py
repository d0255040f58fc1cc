"""Connections are opened anew instead of used again."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import database_pool
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import milliseconds, percent, three_digits

_MOST = 0.01
"""Opened connections per operation from which on they are not kept."""

_LEAST_PER_S = 0.5
"""Fewer a second are those of a pool that grows to its size."""

_DEAR_S = 0.001


class ConnectionChurn:
    """Measures how many connections to the database are opened per operation."""

    title = "Connections are opened again and again"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, "mongodb_", "process_sockets", "host_tcp_time_wait")
    needs = (("scrape", "mongodb_pool_opened_total"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _opened(case, part),
                limit=_MOST,
                explained=lambda part: database_pool.waiting(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part = scene.case, scene.part
        opened, wait = _told(database_pool.opened_per_s(case, part)), milliseconds(database_pool.wait_s(case, part))
        operations = three_digits(database_pool.operations_per_s(case, part))
        kept = ["backend.env.SUT_MONGO_IDLE_MS=0"]
        return Advice(
            cause=f"{opened} connections a second are opened for {operations} operations: they are closed after use, "
            "or too soon. Each costs ways through the network, a handshake and a thread of MongoDB; an operation "
            f"waits {wait} ms for its connection.",
            confirm=(
                scene.report(f"connections of the database; it opened {opened} a second"),
                scene.logs("The server's own log of connections", "--service mongo"),
            ),
            mitigation=(scene.rerun("Keep idle connections for as long as the process lives", target=kept),),
            fix=(
                Action(
                    text="One client per process, made at its start; an idle time above the pauses between requests; "
                    "keep-alive through every proxy, the server's longer than the client's"
                ),
            ),
            verify=(
                scene.rerun(
                    f"mongodb_pool_opened_total rises by less than {_LEAST_PER_S:g} a second instead of {opened}, and "
                    f"the wait for a connection falls from {wait} ms below {milliseconds(_DEAR_S)} ms",
                    target=kept,
                ),
            ),
            rollback=(
                scene.again("A shorter idle time again where a balancer drops idle connections: those are dead"),
            ),
        )


def _opened(case: Case, part: Stretch) -> float | None:
    opened, share = database_pool.opened_per_s(case, part), database_pool.opened_share(case, part)
    if opened is None or share is None:
        return None
    closed = case.rate(part, "scrape", "mongodb_pool_closed_total")
    is_growing = closed is not None and closed < opened / 2  # a pool that is filled, not one that churns
    return 0.0 if opened < _LEAST_PER_S or is_growing else share


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    opened = database_pool.opened_per_s(case, part)
    made, wait = case.rate(part, "mongo", "mongodb_connections_created_total"), database_pool.wait_s(case, part)
    return [
        Sign(
            text=f"the backend opened {_told(opened)} connections a second, {percent(value, decimals=1)} of its "
            f"operations (counts from {percent(_MOST, decimals=1)} and {_LEAST_PER_S:g} on)",
            holds=True,
        ),
        Sign(
            text=f"MongoDB saw {_told(made)} new ones a second (expected: half as many, and more)",
            holds=None if made is None or opened is None else made >= opened / 2,
        ),
        Sign(
            text=f"an operation waited {milliseconds(wait)} ms for its connection (expected: {milliseconds(_DEAR_S)} "
            "ms and more)",
            holds=None if wait is None else wait >= _DEAR_S,
        ),
    ]


def _told(value: float | None) -> str:
    return "–" if value is None else three_digits(value)
