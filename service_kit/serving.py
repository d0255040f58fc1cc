"""Running a service: the event loop, the server, and how it ends."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from types import FrameType
from typing import NoReturn, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from service_kit.settings import Settings, SettingsError

USAGE = 2
GRACE_S = 1
"""How long requests may take to end after SIGTERM; the whole service is gone within 3 s."""

KEEP_ALIVE_S = 75
"""How long an idle connection stays open; longer than clients keep theirs, so that none sends into a closing one."""

S = TypeVar("S", bound=Settings)


def run(
    name: str, model: type[S], main: Callable[[S], Coroutine[object, object, None]], environ: Mapping[str, str]
) -> None:
    """Read the settings and run `main`: exit 0 after SIGTERM or SIGINT, 2 for settings that cannot be used."""
    try:
        settings = model.read(environ)
    except SettingsError as error:
        sys.stderr.writelines(f"{name}: {problem}\n" for problem in error.problems)
        raise SystemExit(USAGE) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(settings))


async def serve(app: ASGIApp, settings: Settings) -> None:
    """Answer requests until a signal ends it. Raises SystemExit then, so that `async with` around it cleans up."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    await uvicorn.Server(config).serve()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # uvicorn shuts down first and then raises the signal again; before it listens, this ends the start
    raise SystemExit(0)
