"""An ai_core that answers as a test says: a status and a body per request, or nothing until it may."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DONE = {"explainer": "tree", "seconds": {"total": 0.001}}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is answered to one POST /analyze; `after` holds the answer back until it is set."""

    status: int = 200
    body: bytes = json.dumps(DONE).encode()
    headers: dict[str, str] = field(default_factory=dict)
    after: threading.Event | None = None


def an_error(status: int, kind: str, detail: str = "because") -> Reply:
    return Reply(status=status, body=json.dumps({"kind": kind, "detail": detail}).encode())


@dataclass(kw_only=True)
class ScriptedAiCore:
    """`replies` are given in turn, then `otherwise`; what was asked is in `seen`."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    otherwise: Reply = field(default_factory=Reply)
    seen: list[dict[str, Any]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["ScriptedAiCore"]:
        scripted = cls()
        server = ThreadingHTTPServer(("127.0.0.1", 0), scripted.handler())
        scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield scripted
        finally:
            scripted.ended.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def next_reply(self) -> Reply:
        return self.replies.popleft() if self.replies else self.otherwise

    def held(self, event: threading.Event) -> None:
        while not (event.wait(0.02) or self.ended.is_set()):
            pass

    def handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.give(Reply(body=b"{}"))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                scripted.seen.append({**body, "requestId": self.headers["X-Request-Id"]})
                reply = scripted.next_reply()
                if reply.after is not None:
                    scripted.held(reply.after)
                self.give(reply)

            def give(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
