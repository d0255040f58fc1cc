"""GET /healthz, /readyz and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response

from service_kit.answers import json_answer
from service_kit.exposition import CONTENT_TYPE, Exposition
from service_kit.version import project_version

Check = Callable[[], Awaitable[bool]]


class Health:
    """Says whether the service lives, and whether what it needs answers too."""

    def __init__(self, needs: Mapping[str, Check], exposition: Exposition) -> None:
        self._needs = needs
        self._exposition = exposition
        self._version = project_version()

    async def healthz(self) -> Response:
        """The service lives."""
        return json_answer({"status": "ok", "version": self._version})

    async def readyz(self) -> Response:
        """503 as long as something does not answer; the body says what."""
        answers = await asyncio.gather(*(check() for check in self._needs.values()))
        states = {name: "ok" if ok else "no answer" for name, ok in zip(self._needs, answers, strict=True)}
        status = "ready" if all(answers) else "not ready"
        return json_answer({"status": status, "version": self._version, **states}, 200 if all(answers) else 503)

    async def metrics(self) -> Response:
        """Prometheus text."""
        return Response(self._exposition.text(), media_type=CONTENT_TYPE)

    def router(self) -> APIRouter:
        """The three routes."""
        router = APIRouter()
        router.add_api_route("/healthz", self.healthz, methods=["GET"])
        router.add_api_route("/readyz", self.readyz, methods=["GET"])
        router.add_api_route("/metrics", self.metrics, methods=["GET"])
        return router
