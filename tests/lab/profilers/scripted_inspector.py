"""An inspector that misbehaves as a test says, spoken to over real sockets."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

DEFAULT_LIST = [{"type": "node", "webSocketDebuggerUrl": "ws://198.51.100.1:1/session"}]


@dataclass(kw_only=True)
class ScriptedInspector:
    """Answers every command with its `results`, else `{}`.

    Never answers what is in `silent`, ends the connection at what is in `hangs_up`, and refuses what is in `refused`.

    `listed` is what `/json/list` gives (text as it is); without `has_socket` the websocket is refused.
    """

    listed: Any = field(default_factory=lambda: DEFAULT_LIST)
    has_socket: bool = True
    silent: frozenset[str] = frozenset()
    hangs_up: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    results: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def _list(self, _: web.Request) -> web.Response:
        text = self.listed if isinstance(self.listed, str) else orjson.dumps(self.listed).decode()
        return web.Response(text=text)

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if not self.has_socket:
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            command = orjson.loads(message.data)
            self.asked.append(command["method"])
            if command["method"] in self.hangs_up:
                break
            if command["method"] not in self.silent:
                await socket.send_str(orjson.dumps(self._answer(command)).decode())
        return socket

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["method"] in self.refused:
            return {"id": command["id"], "error": {"code": -32601, "message": "wasn't found"}}
        return {"id": command["id"], "result": self.results.get(command["method"], {})}

    @contextmanager
    def serving(self) -> Iterator["ScriptedInspector"]:
        """Serve on a free port of 127.0.0.1 for the block."""
        loop, begun = asyncio.new_event_loop(), threading.Event()
        runner: list[web.AppRunner] = []

        async def begin() -> None:
            app = web.Application()
            app.add_routes([web.get("/json/list", self._list), web.get("/session", self._session)])
            runner.append(web.AppRunner(app, shutdown_timeout=0.1))
            await runner[0].setup()
            site = web.TCPSite(runner[0], "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner[0].addresses[0][1]}"
            begun.set()

        def run() -> None:
            loop.run_until_complete(begin())
            loop.run_forever()
            loop.run_until_complete(runner[0].cleanup())
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        assert begun.wait(30)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(30)
