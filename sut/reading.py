"""GET /report/{id} and GET /reports/{userId}."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from service_kit import trace
from service_kit.answers import json_answer
from sut.cursor import Position
from sut.reports import Reports
from sut.tokens import Tokens

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

_OPTIONAL = ("startedAt", "finishedAt", "error", "result")


class Reading:
    """Shows users their own reports."""

    def __init__(self, reports: Reports, *, tokens: Tokens) -> None:
        self._reports = reports
        self._tokens = tokens

    async def report(self, request: Request) -> Response:
        """One report. 404 where the user has no such report, so that nobody learns which ids exist."""
        user_id = self._tokens.user_of(request)
        found = await self._reports.get(request.path_params["id"], user_id)
        if found is None:
            raise HTTPException(404, "there is no such report")
        trace.current().analysis_id = found["analysisId"]
        return json_answer(_plain(found))

    async def reports(self, request: Request) -> Response:
        """A page of a user's reports, newest first, and the cursor of the next one or null. 403 for another user."""
        user_id = self._tokens.user_of(request)
        if request.path_params["userId"] != user_id:
            raise HTTPException(403, "these are another user's reports")
        limit, after = _limit(request), _after(request)
        # one more than asked for tells whether there is a next page
        found = await self._reports.page(user_id, limit + 1, after)
        shown = found[:limit]
        more = len(found) > limit
        return json_answer(
            {
                "reports": [_plain(report) for report in shown],
                "nextCursor": _position(shown[-1]).text() if more else None,
            }
        )

    def router(self) -> APIRouter:
        """The two routes."""
        router = APIRouter()
        router.add_api_route("/report/{id}", self.report, methods=["GET"])
        router.add_api_route("/reports/{userId}", self.reports, methods=["GET"])
        return router


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise HTTPException(422, f"limit must be a number from 1 to {MAX_LIMIT}")
    return int(text)


def _after(request: Request) -> Position | None:
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        return Position.read(text)
    except ValueError:
        raise HTTPException(422, "cursor must be the nextCursor of an earlier answer") from None


def _position(report: dict[str, Any]) -> Position:
    return Position(created_at=report["createdAt"], report_id=str(report["_id"]))


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "reportId": str(report["_id"]),
        "analysisId": report["analysisId"],
        "requestId": report["requestId"],
        "datasetId": report["datasetId"],
        "target": report["target"],
        "explainer": report["explainer"],
        "status": report["status"],
        "createdAt": report["createdAt"],
    }
    answer.update((name, report[name]) for name in _OPTIONAL if name in report)
    return {name: _time(value) if isinstance(value, datetime) else value for name, value in answer.items()}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
