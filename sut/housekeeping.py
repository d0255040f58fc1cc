"""What is done to the reports when the service starts and when it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pymongo.errors import PyMongoError

from service_kit.json_log import JsonLog
from sut.reports import Reports

_RETRY_S = 1.0
_END_S = 1.0  # the service must be gone soon, whatever MongoDB does


@asynccontextmanager
async def kept_reports(reports: Reports, log: JsonLog) -> AsyncIterator[None]:
    """Reports whose analyses nobody makes any more do not stay unfinished: neither a crash's nor this process' own.

    The start is done beside the service's work, as soon as MongoDB answers.
    """
    started_at = datetime.now(UTC)
    start = asyncio.create_task(_start(reports, log, started_at))
    try:
        yield
    finally:
        start.cancel()
        await asyncio.wait([start])
        await _end(reports, log)


async def _start(reports: Reports, log: JsonLog, started_at: datetime) -> None:
    while True:
        try:
            await reports.prepare()
            count = await reports.fail_unfinished(
                started_at, "interrupted", "the service ended before the analysis did"
            )
        except PyMongoError as error:
            log.write("warning", "MongoDB does not answer", error=type(error).__name__)
            await asyncio.sleep(_RETRY_S)
        else:
            if count:
                log.write("warning", "reports of an earlier process have failed", count=count)
            return


async def _end(reports: Reports, log: JsonLog) -> None:
    try:
        async with asyncio.timeout(_END_S):
            count = await reports.fail_unfinished(datetime.now(UTC), "interrupted", "the service was stopped")
    except (PyMongoError, TimeoutError) as error:
        log.write("warning", "unfinished reports are left", error=type(error).__name__)
    else:
        if count:
            log.write("warning", "the analyses that were not done have failed", count=count)
