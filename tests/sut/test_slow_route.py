"""The fault that slows one route slows it alone, by as much as it is told, and is off unless it is asked for."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from service_kit.settings import SettingsError
from sut.settings import SutSettings
from sut.slow_route import SlowRoute

NEEDED = {"PORT": "1", "MONGO_URL": "mongodb://h", "AI_CORE_URL": "http://h"}


class Ticks:
    """A clock that goes on by 1/1024 s whenever it is read: floats hold that exactly."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.reads / 1024


def reads_for(scope: Scope, *, ticks: int = 5) -> int:
    """How often the clock was read on the way to the application."""
    reached: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(scope)

    async def receive() -> Message:
        raise AssertionError

    async def send(_message: Message) -> None:
        raise AssertionError

    clock = Ticks()
    asyncio.run(
        SlowRoute(app, route="GET /report/{id}", slow_ms=ticks * 1000 / 1024, clock=clock)(scope, receive, send)
    )
    assert reached == [scope]
    return clock.reads


def test_a_request_of_the_route_is_kept_for_as_long_as_it_is_told() -> None:
    of_route = {"type": "http", "method": "GET", "path": "/report/abc"}
    assert reads_for(of_route, ticks=5) == 1 + 5
    assert reads_for(of_route, ticks=50) == 1 + 50


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "http", "method": "GET", "path": "/reports/abc"},
        {"type": "http", "method": "GET", "path": "/report/abc/more"},
        {"type": "http", "method": "POST", "path": "/report/abc"},
        {"type": "lifespan"},
    ],
)
def test_nothing_else_is_slower(scope: Scope) -> None:
    assert reads_for(scope) == 0


def test_no_route_is_slow_by_default() -> None:
    settings = SutSettings.read(NEEDED)
    assert (settings.fault_slow_route, settings.fault_slow_ms) == (None, 0)


def test_a_route_without_its_method_is_refused() -> None:
    with pytest.raises(SettingsError, match="SUT_FAULT_SLOW_ROUTE"):
        SutSettings.read({**NEEDED, "SUT_FAULT_SLOW_ROUTE": "/report/{id}"})
