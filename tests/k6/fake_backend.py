"""A small backend that keeps the contract's happy paths and commits faults on demand, to try k6 scripts against.

`python fake_backend.py PORT_FILE` serves 127.0.0.1 on a free port and writes its number to the file. `POST /_faults`
takes the fields of `Faults`; `GET /_seen` gives every request so far.
"""

import asyncio
import base64
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from aiohttp import web

SECONDS = {"parse": 0.001, "fit": 0.02, "explain": 0.01, "total": 0.031}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Faults:
    """Every n-th answer of a kind goes wrong, and tokens end so many seconds after their issue; 0 for none."""

    analyze_503_every: int = 0
    analysis_fails_every: int = 0
    analysis_hangs_every: int = 0
    report_500_every: int = 0
    report_garbage_every: int = 0
    login_401_every: int = 0
    analysis_s: float = 0.0
    answer_s: float = 0.0
    token_lifetime_s: int = 0


def is_setup(request: web.Request) -> bool:
    """Whether a script's setup() sent it, which meets no faults."""
    return "-setup-" in request.headers.get("X-Request-Id", "")


@dataclass
class State:
    """All that the backend knows."""

    users: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    expiries: dict[str, float] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Faults = field(default_factory=Faults)

    def is_due(self, fault: str, request: web.Request) -> bool:
        """Whether this answer goes wrong."""
        if is_setup(request):
            return False
        every = getattr(self.faults, fault)
        self.counts[fault] += 1
        return bool(every) and self.counts[fault] % every == 0


STATE = web.AppKey("state", State)


def problem(status: int, **headers: str) -> web.Response:
    return web.json_response({"detail": "no"}, status=status, headers=headers)


def session(state: State, email: str) -> dict[str, str]:
    user_id = state.users[email]["userId"]
    token = f"token-{user_id}"
    if state.faults.token_lifetime_s:  # as a JSON web token says it; whole seconds, as there
        issued = int(time.time())
        claims = {"iat": issued, "exp": issued + state.faults.token_lifetime_s, "n": len(state.tokens)}
        token = f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sign"
        state.expiries[token] = claims["exp"]
    state.tokens[token] = user_id
    return {"userId": user_id, "token": token}


async def register(request: web.Request) -> web.Response:
    state, body = request.app[STATE], await request.json()
    if body["email"] in state.users:
        return problem(409)
    state.users[body["email"]] = {"userId": f"u{len(state.users)}", "password": body["password"]}
    return web.json_response(session(state, body["email"]), status=201)


async def login(request: web.Request) -> web.Response:
    state, body = request.app[STATE], await request.json()
    user = state.users.get(body["email"])
    if user is None or user["password"] != body["password"] or state.is_due("login_401_every", request):
        return problem(401)
    return web.json_response(session(state, body["email"]))


async def upload(request: web.Request) -> web.Response:
    state, body = request.app[STATE], await request.read()
    sha256 = hashlib.sha256(body).hexdigest()
    lines = body.decode().splitlines()
    state.datasets.add(sha256)
    answer = {"datasetId": sha256, "rows": len(lines) - 1, "columns": lines[0].count(",") + 1, "sha256": sha256}
    return web.json_response(answer, status=201)


async def analyze(request: web.Request) -> web.Response:
    state, body = request.app[STATE], await request.json()
    if body["datasetId"] not in state.datasets:
        return problem(404)
    if state.is_due("analyze_503_every", request):
        return problem(503, **{"Retry-After": "1"})
    report_id = f"r{len(state.reports)}"
    ready_at = asyncio.get_running_loop().time() + state.faults.analysis_s
    outcome = "failed" if state.is_due("analysis_fails_every", request) else "done"
    if state.is_due("analysis_hangs_every", request):
        ready_at = float("inf")
    state.reports[report_id] = {"user": request["user"], "ready_at": ready_at, "outcome": outcome}
    return web.json_response({"analysisId": report_id, "reportId": report_id, "status": "queued"}, status=202)


def status_of(report: dict[str, Any]) -> str:
    return str(report["outcome"]) if asyncio.get_running_loop().time() >= report["ready_at"] else "running"


async def report(request: web.Request) -> web.Response:
    state = request.app[STATE]
    found = state.reports.get(request.match_info["id"])
    if found is None or found["user"] != request["user"]:
        return problem(404)
    if state.is_due("report_500_every", request):
        return problem(500)
    if state.is_due("report_garbage_every", request):
        return web.Response(text="<html>", content_type="text/html")
    status = status_of(found)
    result = {"result": {"explainer": "tree", "seconds": SECONDS}} if status == "done" else {}
    return web.json_response({"reportId": request.match_info["id"], "status": status, **result})


async def reports(request: web.Request) -> web.Response:
    state, user = request.app[STATE], request.match_info["userId"]
    if user != request["user"]:
        return problem(403)
    own = [(key, value) for key, value in state.reports.items() if value["user"] == user]
    items = [{"reportId": key, "status": status_of(value)} for key, value in reversed(own)]
    return web.json_response({"reports": items[:20], "nextCursor": None})


async def set_faults(request: web.Request) -> web.Response:
    state, body = request.app[STATE], await request.json()
    unknown = set(body) - {f.name for f in fields(Faults)}
    if unknown:
        return web.json_response({"unknown": sorted(unknown)}, status=422)
    state.faults, state.counts = Faults(**body), Counter()
    return web.json_response({})


async def get_seen(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].seen)


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    state = request.app[STATE]
    if request.path.startswith("/_"):
        return await handler(request)
    state.seen.append(
        {
            "method": request.method,
            "path": request.path,
            "request_id": request.headers.get("X-Request-Id", ""),
            "sha256": hashlib.sha256(await request.read()).hexdigest(),
        }
    )
    await asyncio.sleep(0 if is_setup(request) else state.faults.answer_s)
    is_open = request.path in ("/register", "/login")
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    is_alive = time.time() < state.expiries.get(token, float("inf"))
    request["user"] = state.tokens.get(token) if is_alive else None
    return await handler(request) if is_open or request["user"] else problem(401)


def application() -> web.Application:
    app = web.Application(middlewares=[observed], client_max_size=8 * 1024 * 1024)
    app[STATE] = State()
    app.router.add_post("/register", register)
    app.router.add_post("/login", login)
    app.router.add_post("/datasets", upload)
    app.router.add_post("/analyze", analyze)
    app.router.add_get("/report/{id}", report)
    app.router.add_get("/reports/{userId}", reports)
    app.router.add_post("/_faults", set_faults)
    app.router.add_get("/_seen", get_seen)
    return app


async def serve(port_file: Path) -> None:
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    draft = port_file.with_suffix(".part")
    draft.write_text(str(runner.addresses[0][1]))
    draft.replace(port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
