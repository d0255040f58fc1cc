"""A bound on request bodies, kept while they stream in."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """A pure ASGI layer that answers 413 for a body of more than `limit_bytes`, before all of it is in memory."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted as it comes."""
        await self._app(scope, self._counted(receive) if scope["type"] == "http" else receive, send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._limit:
                    raise too_large(self._limit)
            return message

        return counted


def too_large(limit_bytes: int) -> HTTPException:
    """The refusal of a body that is over a limit."""
    return HTTPException(413, f"the body is larger than {limit_bytes} bytes")
