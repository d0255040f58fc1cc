"""The database takes long, or reads whole collections for a few documents."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import database_pool
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, LATENCY
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import milliseconds, percent, three_digits

_SLOW_S = 0.01
"""The mean time of an operation in the server that counts as slow; one by its index takes a tenth of that and less."""

_READ = 50.0
"""So many documents read in vain by each scan of a collection are a sign of an index that is missing."""

_SCANS = 0.2
"""Scans of whole collections a second from which on that is no chance; those of the lab itself are not counted."""

_SHELL = 'mongosh "$MONGO_URL/perf_lab"'
_INDEX = 'db.reports.createIndex({userId: 1, createdAt: -1, _id: -1}, {name: "newest_of_user"})'
_FULL = 0.9
"""A machine that is busier makes a database slow that does nothing wrong."""


class DatabaseSlow:
    """Measures both, the mean time of an operation and what a scan reads in vain, against their limits."""

    title = "The database is slow, or lacks an index"
    relieves = (*LATENCY, *ANALYSES, *ERRORS, *CAPACITY, "mongodb_")
    needs = (("mongo", "mongodb_op_latency_seconds_total"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _excess(case, part),
                limit=1.0,
                explained=lambda part: case.rate(part, "scrape", f"{database_pool.COMMANDS}_sum") or 0.0,
                signs=lambda part, _value: _signs(case, part),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part = scene.case, scene.part
        scans = case.rate(part, "mongo", "mongodb_collection_scans_total") or 0.0
        read, mean = _told(_in_vain(case, part)), milliseconds(_server_s(case, part))
        lacks_index = scans >= _SCANS and (_in_vain(case, part) or 0.0) >= _READ
        return Advice(
            cause=_cause(read, mean, lacks_index=lacks_index),
            confirm=(
                scene.report(f"what the database did, and its slow queries with their plans (here: {_plans(case)})"),
                scene.logs("Slow operations, and whose request each was", "--service mongo --slow 10ms"),
            ),
            mitigation=_mitigation(scene, lacks_index=lacks_index),
            fix=_fix(read, lacks_index=lacks_index),
            verify=(
                scene.again(
                    f"With the change made: scans fall from {three_digits(scans)} below {_SCANS:g} a second, "
                    f"documents read in vain by each from {read} below {_READ:g}, and an operation in the server from "
                    f"{mean} ms to less than {milliseconds(_SLOW_S)} ms"
                ),
            ),
            rollback=(
                Action(
                    text="Drop the index again where writes lose more than reads gain: what the database did, in ms",
                    command=f"{_SHELL} --eval 'db.reports.dropIndex(\"newest_of_user\")'" if lacks_index else "",
                ),
            ),
        )


def _cause(read: str, mean: str, *, lacks_index: bool) -> str:
    if lacks_index:
        return (
            f"A query finds its documents by reading a whole collection: {read} were read in vain each time, in "
            f"{mean} ms on average of all operations. Its time grows with the collection."
        )
    return f"Operations take {mean} ms in the server, and a scan of a collection reads {read} documents in vain."


def _mitigation(scene: Scene, *, lacks_index: bool) -> tuple[Action, ...]:
    every = scene.rerun(
        "Write down every operation of 1 ms and more, to see which shape it is", plan=["profiler.slow_ms=1"]
    )
    fewer = Action(text="Delete, or move away, what nobody reads: a scan takes as long as there are documents")
    return (fewer, every) if lacks_index else (every,)


def _fix(read: str, *, lacks_index: bool) -> tuple[Action, ...]:
    if not lacks_index:
        return (
            Action(
                text=f"Where the plans show an index (IXSCAN, IDHACK; a scan read {read} documents in vain), the "
                "server lacks CPU, cache or disk, or was held up; where they show COLLSCAN, make the index"
            ),
        )
    return (
        Action(
            text="Make the index that the query's fields and its order ask for: equality first, then sort, then range",
            command=f"{_SHELL} --eval '{_INDEX}'",
        ),
    )


def _told(value: float | None) -> str:
    return "–" if value is None else three_digits(value)


def _plans(case: Case) -> str:
    found = [
        f"{each.count} x {each.plan or each.operation} on {each.collection}" for each in case.analysis.slow_queries
    ]
    return ", ".join(found[:3]) or "none took as long as the profiler's limit"


def _server_s(case: Case, part: Stretch) -> float | None:
    seconds = case.rate(part, "mongo", "mongodb_op_latency_seconds_total")
    operations = case.rate(part, "mongo", "mongodb_op_latency_operations_total")
    return seconds / operations if seconds is not None and operations else None


def _in_vain(case: Case, part: Stretch) -> float | None:
    """Give how many documents a scan of a collection reads and does not give; None without scans."""
    scans = case.rate(part, "mongo", "mongodb_collection_scans_total")
    read = case.rate(part, "mongo", "mongodb_scanned_total", kind="documents")
    given = case.rate(part, "mongo", "mongodb_documents_total", type="returned")
    return max(read - given, 0.0) / scans if scans and read is not None and given is not None else None


def _excess(case: Case, part: Stretch) -> float | None:
    """Give how far beyond its limit the worse of the two is; from 1 on it counts."""
    mean, read = _server_s(case, part), _in_vain(case, part)
    if mean is None:
        return None
    scans = case.rate(part, "mongo", "mongodb_collection_scans_total") or 0.0
    return max(mean / _SLOW_S, (read or 0.0) / _READ if scans >= _SCANS else 0.0)


def _signs(case: Case, part: Stretch) -> list[Sign]:
    mean, read = _server_s(case, part), _in_vain(case, part)
    scans, seen = case.rate(part, "mongo", "mongodb_collection_scans_total"), database_pool.command_s(case, part)
    busy = case.machine_busy(part)
    return [
        Sign(
            text=f"an operation took {milliseconds(mean)} ms in the server (counts from {milliseconds(_SLOW_S)} ms "
            f"on); {_told(scans)} scans of whole collections a second read {_told(read)} documents in vain each "
            f"(count from {_SCANS:g} and {_READ:g} on)",
            holds=True,
        ),
        Sign(
            text=f"a command took {milliseconds(seen)} ms as the backend saw it "
            f"(expected: at least half of what the server says)",
            holds=None if seen is None or mean is None else seen >= mean / 2,
        ),
        Sign(
            text=f"the machine was busy {percent(busy)} of the time (expected: less than {percent(_FULL)}, else all "
            "is slow)",
            holds=None if busy is None else busy < _FULL,
        ),
    ]
