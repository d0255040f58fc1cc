"""A client of Node's inspector: the Chrome DevTools Protocol over a websocket, one command at a time.

Who reaches an inspector can run any code in the process, so that only those of this machine are spoken to, and the
address that an inspector gives of itself is never followed: its path is asked for at the host that was checked.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from lab.errors import ConfigError, ProfileError
from lab.target_guard import host_of, is_loopback

ANSWER_TIMEOUT_S = 10.0
"""How long a short command may take; a process that is busy answers between two functions."""

_MOST_BYTES = 512 * 1024 * 1024  # of one message: a CPU profile is one, a heap snapshot comes in pieces
_LOOK_S = 0.1
_ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

OnEvent = Callable[[str, dict[str, Any]], None]
"""Is given the name and the parameters of what the process tells unasked."""


def _nothing(_name: str, _parameters: dict[str, Any]) -> None:
    """Events that nobody waits for."""


def _never() -> bool:
    return False


class Session:
    """A connection to one process; when it ends, the process stops whatever profile the connection began."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, url: str, *, answer_timeout_s: float) -> None:
        self._socket = socket
        self._timeout_s = answer_timeout_s
        self._asked = 0
        self.url = url

    async def ask(
        self,
        method: str,
        *,
        timeout_s: float | None = None,
        on_event: OnEvent = _nothing,
        is_ended: Callable[[], bool] = _never,
        **parameters: object,
    ) -> dict[str, Any]:
        """Give the result of one command, such as `Profiler.stop`; what is told meanwhile goes to `on_event`.

        Raises ProfileError where the command is refused, is not answered in time, or the process is gone.
        """
        self._asked += 1
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit_s
        await self._send(method, parameters)
        while (left_s := deadline - time.monotonic()) > 0:
            if is_ended():
                raise ProfileError(f"{self.url}: {method} was given up before it had ended")
            message = await self._receive(min(left_s, _LOOK_S))
            if message.get("id") == self._asked:
                return self._result(method, message)
            if "method" in message:
                on_event(str(message["method"]), message.get("params", {}))
        raise ProfileError(
            f"{self.url}: no answer to {method} within {limit_s:g} s; the process may hang, or be held by a debugger"
        )

    async def listen(self, seconds: float, is_ended: Callable[[], bool]) -> None:
        """Let the process work for `seconds`, or until `is_ended`. Raises ProfileError when it is gone before."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0 and not is_ended():
            await self._receive(min(left_s, _LOOK_S))

    async def evaluate(self, expression: str) -> Any:
        """Give the value of a JavaScript expression that can `require`. Raises ProfileError where it throws."""
        answer = await self.ask(
            "Runtime.evaluate", expression=expression, includeCommandLineAPI=True, returnByValue=True, silent=True
        )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {}).get("description", "an exception")
            raise ProfileError(f"{self.url}: {str(thrown).splitlines()[0]}")
        return answer.get("result", {}).get("value")

    async def _send(self, method: str, parameters: dict[str, object]) -> None:
        text = orjson.dumps({"id": self._asked, "method": method, "params": parameters}).decode()
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone() from error

    async def _receive(self, timeout_s: float) -> dict[str, Any]:
        try:
            message = await self._socket.receive(timeout_s)
        except TimeoutError:
            return {}
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone() from error
        if message.type in _ENDS:
            raise self._gone() from self._socket.exception()
        try:
            told = orjson.loads(message.data)
        except orjson.JSONDecodeError as error:
            raise _foreign(self.url) from error
        return told if isinstance(told, dict) else {}

    def _gone(self) -> ProfileError:
        return ProfileError(f"{self.url}: the inspector hung up before the profile was whole; has the process ended?")

    def _result(self, method: str, message: dict[str, Any]) -> dict[str, Any]:
        if "error" in message:
            raise ProfileError(f"{self.url}: {method} was refused: {message['error'].get('message', message['error'])}")
        result = message.get("result")
        return result if isinstance(result, dict) else {}


@asynccontextmanager
async def connected(url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> AsyncIterator[Session]:
    """Give a session with the process whose inspector is at `url` (`http://127.0.0.1:9229`).

    Raises ProfileError where the URL leads away from this machine, nothing or something else listens there, or the
    websocket is refused.
    """
    require_loopback(url)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=answer_timeout_s)) as http:
        path = await _websocket_path(http, url)
        socket = await _websocket(http, url, path, answer_timeout_s)
        try:
            yield Session(socket, url, answer_timeout_s=answer_timeout_s)
        finally:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await socket.close()


def require_loopback(url: str) -> None:
    """Raise ProfileError unless `url` is `http://HOST:PORT` of this machine."""
    try:
        host = host_of(url)
    except ConfigError as error:
        raise ProfileError(f"the URL of an inspector cannot be used: {error}") from error
    if not url.startswith("http://") or not is_loopback(host):
        raise ProfileError(
            f"{url} is not on this machine, and an inspector runs whatever code it is sent; bring its port here first: "
            f"ssh -L 9229:127.0.0.1:9229 {host}, then http://127.0.0.1:9229"
        )


async def _websocket_path(http: aiohttp.ClientSession, url: str) -> str:
    try:
        async with http.get(f"{url.rstrip('/')}/json/list", allow_redirects=False) as answer:
            found = orjson.loads(await answer.read()) if answer.status == 200 else None
    except aiohttp.ClientConnectorError as error:
        raise ProfileError(
            f"nothing listens at {url}; start the service with `node --inspect=127.0.0.1:9229`, "
            "or name no URL, and its process is asked by a signal"
        ) from error
    except TimeoutError as error:
        raise ProfileError(f"{url} takes connections and does not answer; does its process hang?") from error
    except (aiohttp.ClientError, OSError, orjson.JSONDecodeError) as error:
        raise _foreign(url) from error
    return _path_of_node(found, url)


def _path_of_node(found: object, url: str) -> str:
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict) and entry.get("type") == "node":
            path = urlsplit(str(entry.get("webSocketDebuggerUrl", ""))).path
            if path.startswith("/"):
                return path
    raise _foreign(url)


async def _websocket(
    http: aiohttp.ClientSession, url: str, path: str, timeout_s: float
) -> aiohttp.ClientWebSocketResponse:
    patience = aiohttp.ClientWSTimeout(ws_close=min(timeout_s, 2.0))
    try:
        async with asyncio.timeout(timeout_s):
            return await http.ws_connect(f"{url.rstrip('/')}{path}", max_msg_size=_MOST_BYTES, timeout=patience)
    except aiohttp.WSServerHandshakeError as error:
        raise ProfileError(f"{url} refuses the websocket (status {error.status}); restart the service") from error
    except TimeoutError as error:
        raise ProfileError(
            f"{url} does not open the websocket within {timeout_s:g} s; does its process hang?"
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ProfileError(f"{url} refuses the websocket: {error}; has the process ended?") from error


def _foreign(url: str) -> ProfileError:
    return ProfileError(f"{url} is answered, but not as Node's inspector does: name the port behind `--inspect`")
