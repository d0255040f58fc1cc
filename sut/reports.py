"""Reports as they are stored: queued, then running, then done or failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from service_kit import trace
from sut.cursor import Position

UNFINISHED = ("queued", "running")
_ORDER = [("createdAt", DESCENDING), ("_id", DESCENDING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a report is asked to tell."""

    report_id: str
    analysis_id: str
    request_id: str
    user_id: str
    dataset_id: str
    target: str
    explainer: str
    samples: int | None


class Reports:
    """The collection of reports; `server` says which service has their analyses made, the same after a restart.

    Its commands carry the id of the request as their comment.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]], *, server: str, indexed: bool = True) -> None:
        self._collection = collection
        self._server = server
        self._indexed = indexed

    async def prepare(self) -> None:
        """Make the index that lists of reports are read by."""
        if not self._indexed:
            return
        await self._collection.create_index([("userId", ASCENDING), *_ORDER], name="newest_of_user")

    async def add(self, analysis: Analysis) -> None:
        """A queued report."""
        await self._collection.insert_one(
            {
                "_id": ObjectId(analysis.report_id),
                "analysisId": analysis.analysis_id,
                "requestId": analysis.request_id,
                "userId": analysis.user_id,
                "datasetId": analysis.dataset_id,
                "target": analysis.target,
                "explainer": analysis.explainer,
                "samples": analysis.samples,
                "server": self._server,
                "status": "queued",
                "createdAt": datetime.now(UTC),
            },
            comment=trace.request_id(),
        )

    async def run(self, report_id: str) -> None:
        """A worker has begun."""
        await self._set(report_id, status="running", startedAt=datetime.now(UTC))

    async def finish(self, report_id: str, result: Mapping[str, Any]) -> None:
        """The analysis is done."""
        await self._set(report_id, status="done", finishedAt=datetime.now(UTC), result=result)

    async def fail(self, report_id: str, kind: str, detail: str) -> None:
        """There is no analysis, and why."""
        await self._set(report_id, **_failure(kind, detail))

    async def fail_unfinished(self, before: datetime, kind: str, detail: str) -> int:
        """Fail what this server was asked for before a time and has not ended; gives their number."""
        unfinished = {"server": self._server, "status": {"$in": UNFINISHED}, "createdAt": {"$lt": before}}
        return (await self._collection.update_many(unfinished, {"$set": _failure(kind, detail)})).modified_count

    async def get(self, report_id: str, user_id: str) -> dict[str, Any] | None:
        """A whole report; None where the user has no such report."""
        if not ObjectId.is_valid(report_id):
            return None
        return await self._collection.find_one(
            {"_id": ObjectId(report_id), "userId": user_id}, comment=trace.request_id()
        )

    async def page(self, user_id: str, limit: int, after: Position | None) -> list[dict[str, Any]]:
        """At most `limit` of a user's reports without their results, newest first, from a position on."""
        mine: dict[str, Any] = {"userId": user_id}
        if after is not None:
            same_time = {"createdAt": after.created_at, "_id": {"$lt": ObjectId(after.report_id)}}
            mine["$or"] = [{"createdAt": {"$lt": after.created_at}}, same_time]
        found = self._collection.find(mine, {"result": 0}, comment=trace.request_id())
        return await found.sort(_ORDER).limit(limit).to_list()

    async def _set(self, report_id: str, **fields: Any) -> None:
        await self._collection.update_one({"_id": ObjectId(report_id)}, {"$set": fields}, comment=trace.request_id())


def _failure(kind: str, detail: str) -> dict[str, Any]:
    return {"status": "failed", "finishedAt": datetime.now(UTC), "error": {"kind": kind, "detail": detail}}
