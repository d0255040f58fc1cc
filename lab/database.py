"""The database of the system under test, brought to the same state before each run."""

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from lab.errors import EngineError


def empty(mongo_url: str, name: str, *, timeout_s: float = 10.0) -> None:
    """Delete every document of the database `name`, keeping its collections and indexes.

    Does nothing for an empty name or URL. Raises EngineError where MongoDB does not answer.
    """
    if not (mongo_url and name):
        return
    try:
        client: MongoClient[dict[str, object]]
        with MongoClient(mongo_url, serverSelectionTimeoutMS=int(timeout_s * 1000)) as client:
            for collection in client[name].list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}}):
                client[name][collection].delete_many({})
    except PyMongoError as error:
        raise EngineError(
            f"MongoDB does not answer, so the database {name!r} cannot be emptied: {error}; try `lab status`"
        ) from error
