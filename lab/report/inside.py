"""What a report says of the inside of the system: its slowest requests, its complaints, and its database."""

from collections.abc import Iterator, Sequence

from lab.model import UNJUDGED, Complaint, Report, SlowRequest
from lab.report.figures import NOTHING, clock, milliseconds, per_s, percent
from lab.report.section import Section

_SHAPE = 60
_FEW = 8
"""Complaints and slow queries that are shown in brief; most of a run's story is in the first of them."""


def sections(report: Report, *, brief: bool = False) -> Iterator[Section]:
    """Give the sections that have rows."""
    yield _slowest(report, brief=brief)
    yield _complaints(report, brief=brief)
    yield _database(report)
    yield _slow_queries(report, brief=brief)


def _slowest(report: Report, *, brief: bool) -> Section:
    found = report.analysis.slowest
    if brief:
        first: dict[str, SlowRequest] = {}
        for each in found:
            first.setdefault(each.phase, each)
        found = tuple(first.values())
    services = sorted({service for each in found for service, _ in each.inside})
    rows = tuple(
        (
            each.phase,
            clock(each.started_at),
            each.route,
            str(each.status or "no answer"),
            milliseconds(each.duration_s),
            *(milliseconds(dict(each.inside).get(service)) for service in services),
            each.request_id or NOTHING,
        )
        for each in found
    )
    example = next((each.request_id for each in found if each.request_id), "")
    return Section(
        title="The slowest requests",
        columns=("phase", "at", "route", "status", ">ms", *(f">in {service}" for service in services), "request"),
        rows=rows,
        note=f"lab logs --run {report.run_id} --request-id {example}" if example else "",
    )


def _complaints(report: Report, *, brief: bool) -> Section:
    found = report.analysis.complaints
    shown = found[:_FEW] if brief else found
    left_out = f"{len(found) - len(shown)} more kinds. " if len(shown) < len(found) else ""
    note = f"{left_out}lab logs --run {report.run_id} --errors" if found else ""
    return complaints(shown, note=note)


def complaints(shown: Sequence[Complaint], *, note: str = "") -> Section:
    """Give a row per kind of complaint: how often, whose, what they have in common, when first, of which request."""
    return Section(
        title="What services complained of",
        columns=(">count", "service", "complaint", "first at", "first request"),
        rows=tuple(
            (
                str(each.count),
                each.service,
                each.template if each.status is None else f"{each.template} {each.status}",
                NOTHING if each.first_at is None else clock(each.first_at),
                each.request_id or NOTHING,
            )
            for each in shown
        ),
        note=note,
    )


def _database(report: Report) -> Section:
    left_out = {phase.name for phase in report.plan.phases if phase.kind in UNJUDGED}
    kinds = sorted({kind for use in report.analysis.database for kind, _ in use.latencies_s}, key=_order)
    return Section(
        title="What the database did",
        columns=(
            *("phase", ">ops/s"),
            *(f">{kind}, ms" for kind in kinds),
            *(">connections", ">queue", ">cache", ">scans/s", ">slow"),
        ),
        rows=tuple(
            (
                use.phase,
                per_s(use.operations_per_s),
                *(milliseconds(dict(use.latencies_s).get(kind)) for kind in kinds),
                _count(use.connections_max),
                _count(use.queue_max),
                percent(use.cache),
                NOTHING if use.collection_scans_per_s is None else per_s(use.collection_scans_per_s),
                str(use.slow),
            )
            for use in report.analysis.database
            if use.phase not in left_out
        ),
        note="ms: mean time in the server; queue: waiting at most; scans: plans that read a whole collection.",
    )


def _order(kind: str) -> int:
    return ("reads", "writes", "commands").index(kind)


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _slow_queries(report: Report, *, brief: bool) -> Section:
    found = report.analysis.slow_queries
    shown = found[:_FEW] if brief else found
    example = next((each.request_id for each in found if each.request_id), "")
    return Section(
        title="Slow queries",
        columns=(">count", "collection", "operation", "plan", ">documents read", ">slowest, ms", "shape", "request"),
        rows=tuple(
            (
                str(each.count),
                each.collection,
                each.operation,
                each.plan or NOTHING,
                NOTHING if each.examined is None else str(each.examined),
                milliseconds(each.slowest_s),
                f"{each.shape[:_SHAPE]}…" if brief and len(each.shape) > _SHAPE else each.shape,
                each.request_id or NOTHING,
            )
            for each in shown
        ),
        note=f"lab logs --run {report.run_id} --request-id {example}" if example else "",
    )
