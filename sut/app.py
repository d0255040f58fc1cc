"""The backend's routes together, and what they answer when MongoDB does not."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI, Request, Response
from pymongo.errors import PyMongoError

from service_kit.answers import json_answer
from service_kit.json_log import JsonLog
from service_kit.version import project_version


def create_app(routers: Iterable[APIRouter], *, log: JsonLog, retry_after_s: int) -> FastAPI:
    """The application, before the layers that every service has."""
    app = FastAPI(title="backend stub", version=project_version(), docs_url=None, redoc_url=None, openapi_url=None)

    async def no_database(_: Request, error: Exception) -> Response:
        # its message can name values of a query
        log.write("error", "MongoDB failed", error=type(error).__name__)
        headers = {"Retry-After": str(retry_after_s)}
        return json_answer({"detail": "the database does not answer; try again later"}, 503, headers)

    app.add_exception_handler(PyMongoError, no_database)
    for router in routers:
        app.include_router(router)
    return app
