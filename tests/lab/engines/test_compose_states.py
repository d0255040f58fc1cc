"""Events of containers turned into losses, by an engine that is played."""

from collections.abc import Callable, Iterator
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest

from lab.containers import State
from lab.engines.compose_states import Sentinel, ending
from lab.model import Container

WATCHED = {
    "backend": Container(id="b" * 64, name="lab-backend-1", image="x:1", image_id="sha256:1"),
    "mongo": Container(id="m" * 64, name="lab-mongo-1", image="mongo:7", image_id="sha256:2"),
}


class Stream:
    """Events as they are put into it, until it is closed."""

    def __init__(self) -> None:
        self.events: Queue[Any] = Queue()

    def __iter__(self) -> Iterator[Any]:
        while (event := self.events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.events.put(None)


class Engine:
    """A Docker client, as far as it is asked."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.stopped: set[str] = set()
        self.api = SimpleNamespace(events=self._events, logs=self._logs)
        self.containers = SimpleNamespace(get=self._get)
        self.filters: dict[str, Any] = {}

    def _events(self, *, filters: dict[str, Any], decode: bool) -> Stream:
        assert decode
        self.filters = filters
        return self.stream

    def _logs(self, _id: str, *, tail: int) -> bytes:
        return b"\n".join([b"line 1", b"the last line"][-tail:])

    def _get(self, id_: str) -> Any:
        state = {"Running": id_ not in self.stopped, "ExitCode": 1, "Status": "exited"}
        return SimpleNamespace(id=id_, name="x", labels={}, attrs={"State": state})


def event(action: str, of: str, **attributes: str) -> dict[str, Any]:
    return {"Type": "container", "Action": action, "Actor": {"ID": of, "Attributes": attributes}}


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def sentinel(engine: Engine) -> Iterator[Sentinel]:
    made = Sentinel(engine, WATCHED)  # type: ignore[arg-type]  # a played client
    yield made
    made.close()


Eventually = Callable[[Callable[[], bool]], None]


def test_only_ends_and_shortage_of_memory_of_these_containers_are_listened_to(
    engine: Engine, sentinel: Sentinel
) -> None:
    assert sentinel.losses() == ()
    assert engine.filters == {"type": "container", "event": ["die", "oom"], "container": ["b" * 64, "m" * 64]}


@pytest.mark.parametrize(("code", "how"), [("137", "it was killed"), ("1", "it ended with exit code 1")])
def test_a_container_that_ends_is_lost(
    code: str, how: str, engine: Engine, sentinel: Sentinel, eventually: Eventually
) -> None:
    engine.stream.events.put(event("die", "b" * 64, exitCode=code))
    eventually(lambda: bool(sentinel.losses()))
    (loss,) = sentinel.losses()
    assert loss.service == "backend"
    assert how in loss.how
    assert loss.log.endswith("the last line")


def test_a_process_that_ran_out_of_memory_is_a_loss_though_its_container_goes_on(
    engine: Engine, sentinel: Sentinel, eventually: Eventually
) -> None:
    engine.stream.events.put(event("oom", "m" * 64))
    eventually(lambda: bool(sentinel.losses()))
    assert (sentinel.losses()[0].service, "memory limit" in sentinel.losses()[0].how) == ("mongo", True)


def test_containers_of_others_are_no_loss(engine: Engine, sentinel: Sentinel, eventually: Eventually) -> None:
    engine.stream.events.put(event("die", "f" * 64, exitCode="0"))
    engine.stream.events.put(event("die", "b" * 64, exitCode="0"))
    eventually(lambda: bool(sentinel.losses()))
    assert [loss.service for loss in sentinel.losses()] == ["backend"]


def test_an_engine_that_goes_away_is_a_loss(engine: Engine, sentinel: Sentinel, eventually: Eventually) -> None:
    engine.stream.events.put(OSError("connection reset"))
    eventually(lambda: bool(sentinel.losses()))
    assert sentinel.losses()[0].service == "the Docker engine"


def test_listening_that_is_ended_on_purpose_is_none(engine: Engine) -> None:
    sentinel = Sentinel(engine, WATCHED)  # type: ignore[arg-type]  # a played client
    sentinel.close()
    assert sentinel.losses() == ()


def test_what_has_ended_before_is_found(engine: Engine) -> None:
    engine.stopped.add("m" * 64)
    sentinel = Sentinel(engine, WATCHED)  # type: ignore[arg-type]  # a played client
    try:
        assert [loss.service for loss in sentinel.losses()] == ["mongo"]
    finally:
        sentinel.close()


def a_state(**fields: Any) -> State:
    values: dict[str, Any] = {
        "id": "1", "name": "x", "service": "mongo", "running": False, "status": "exited", "health": "",
        "exit_code": 0, "oom_killed": False, "pid": 0, "started_at": 0.0, **fields,
    }  # fmt: skip
    return State(**values)


def test_data_of_another_version_of_mongodb_is_told_by_its_exit_code() -> None:
    assert "written by another version of MongoDB; `lab down` removes it" in ending(a_state(exit_code=62))
    assert "memory limit" in ending(a_state(exit_code=137, oom_killed=True))
    assert "another version" not in ending(a_state(service="backend", exit_code=62))
