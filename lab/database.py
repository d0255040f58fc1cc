"""The database of the system under test: brought to the same state before each run, profiled while it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from lab.errors import EngineError
from lab.model import Profiler

_PROFILE = "system.profile"
_PROFILE_BYTES = 16 * 1024 * 1024  # MongoDB's own is 1 MB, which a bad minute fills


def empty(mongo_url: str, name: str, *, timeout_s: float = 10.0) -> None:
    """Delete every document of the database `name`, keeping its collections and indexes.

    Does nothing for an empty name or URL. Raises EngineError where MongoDB does not answer.
    """
    if not (mongo_url and name):
        return
    try:
        with _client(mongo_url, timeout_s) as client:
            for collection in client[name].list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}}):
                client[name][collection].delete_many({})
    except PyMongoError as error:
        raise EngineError(
            f"MongoDB does not answer, so the database {name!r} cannot be emptied: {error}; try `lab status`"
        ) from error


@contextmanager
def profiled(mongo_url: str, name: str, profiler: Profiler, *, timeout_s: float = 10.0) -> Iterator[str]:
    """Have MongoDB's profiler write down slow operations on the database `name`, as `profiler` says, in the block.

    Afterwards it is as it was. Gives why it cannot, "" where it does; does nothing for an empty name or URL. That a
    server is gone at the end is no error.
    """
    if not (mongo_url and name):
        yield ""
        return
    with _client(mongo_url, timeout_s) as client:
        database = client[name]
        try:
            before = database.command("profile", -1)
            is_ours = _begin(database, profiler, is_on=before["was"] > 0)
        except PyMongoError as error:
            yield str(error)
            return
        try:
            yield ""
        finally:
            _restore(database, before, is_ours=is_ours)


def _begin(database: "Database[dict[str, Any]]", profiler: Profiler, *, is_on: bool) -> bool:
    """Set the profiler; gives whether the collection that it writes into is the lab's."""
    is_ours = not is_on and profiler.level > 0
    if is_ours:
        database.drop_collection(_PROFILE)
        database.create_collection(_PROFILE, capped=True, size=_PROFILE_BYTES)
    database.command("profile", profiler.level, slowms=profiler.slow_ms, sampleRate=1.0)
    return is_ours


def _restore(database: "Database[dict[str, Any]]", before: dict[str, Any], *, is_ours: bool) -> None:
    try:
        database.command("profile", before["was"], slowms=before["slowms"], sampleRate=before["sampleRate"])
        if is_ours:
            database.drop_collection(_PROFILE)
    except PyMongoError:  # it was killed, say, and its settings with it
        return


def _client(mongo_url: str, timeout_s: float) -> "MongoClient[dict[str, Any]]":
    milliseconds = int(timeout_s * 1000)
    return MongoClient(mongo_url, appname="lab", serverSelectionTimeoutMS=milliseconds, socketTimeoutMS=milliseconds)
