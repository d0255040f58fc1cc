"""The connection to MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from service_kit.json_log import JsonLog
from sut.mongo_commands import Commands
from sut.mongo_pool import PoolConnections
from sut.settings import SutSettings

Database = AsyncDatabase[dict[str, Any]]


@asynccontextmanager
async def open_database(settings: SutSettings, registry: CollectorRegistry, log: JsonLog) -> AsyncIterator[Database]:
    """The database of the settings, measured; connects when it is first used."""
    milliseconds = int(settings.mongo_timeout_s * 1000)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        settings.mongo_url,
        appname="sut",
        maxPoolSize=settings.mongo_pool_size,
        maxIdleTimeMS=settings.mongo_idle_ms or None,
        serverSelectionTimeoutMS=milliseconds,
        timeoutMS=milliseconds,
        tz_aware=True,
        event_listeners=[
            Commands(registry, log=log, slow_s=settings.slow_query_s),
            PoolConnections(registry),
        ],
    )
    async with client:
        yield client[settings.mongo_database]


async def answers(database: Database, timeout_s: float) -> bool:
    """Whether MongoDB answers."""
    try:
        async with asyncio.timeout(timeout_s):
            await database.command("ping")
    except (PyMongoError, TimeoutError):
        return False
    return True
