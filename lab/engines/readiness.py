"""Is a service ready? Asked of the service itself: an HTTP 200, or MongoDB's answer to a command."""

import http.client
import socket
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from pymongo import MongoClient
from pymongo.errors import PyMongoError

_MAX_ANSWER_BYTES = 64 * 1024
_MAX_TEXT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether a service is ready; `why` says why it is not, `version` is "" where the service does not tell it."""

    ready: bool
    why: str = ""
    version: str = ""


def http_readiness(url: str, *, timeout_s: float = 2.0) -> Readiness:
    """Ready when a GET of `url` is answered with 200; the version is that of its JSON body, if there is one."""
    try:
        status, body = _get(url, timeout_s)
    except (OSError, http.client.HTTPException) as error:
        return Readiness(ready=False, why=f"{url} does not answer ({error or type(error).__name__})")
    if status != http.client.OK:
        return Readiness(ready=False, why=f"{url} answers {status}")
    return Readiness(ready=True, version=_version(body))


def text_of(url: str, *, timeout_s: float = 2.0) -> str | None:
    """What a GET of `url` is answered with, where that is a 200 with at most a megabyte of text; else None."""
    try:
        status, body = _get(url, timeout_s, most_bytes=_MAX_TEXT_BYTES)
        return body.decode() if status == http.client.OK else None
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return None


def mongo_readiness(url: str, *, timeout_s: float = 2.0) -> Readiness:
    """Ready when the MongoDB at `url` answers `ping`; the version is that of its buildInfo."""
    milliseconds = int(timeout_s * 1000)
    try:
        client: MongoClient[dict[str, object]] = MongoClient(
            url, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds, socketTimeoutMS=milliseconds
        )
        with client:
            client.admin.command("ping")
            return Readiness(ready=True, version=str(client.server_info()["version"]))
    except PyMongoError as error:
        return Readiness(ready=False, why=f"MongoDB does not answer ({str(error).partition(', Timeout:')[0]})")


def listens(port: int, *, timeout_s: float = 0.5) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1; far cheaper to ask than a MongoClient."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s):
            return True
    except OSError:
        return False


def _get(url: str, timeout_s: float, *, most_bytes: int = _MAX_ANSWER_BYTES) -> tuple[int, bytes]:
    parts = urlsplit(url)
    # not urllib.request: it would go through the proxy of the user's environment
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)) as connection:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(most_bytes)


def _version(body: bytes) -> str:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    version = answer.get("version") if isinstance(answer, dict) else None
    return version if isinstance(version, str) else ""
