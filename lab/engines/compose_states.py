"""How the containers of an environment stand: waited for while they come up, and watched while a run goes on."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docker import DockerClient

from lab import containers
from lab.containers import State
from lab.engines import health, mongod
from lab.engines.stopped import Loss
from lab.errors import EngineError
from lab.model import Container

_FATAL = ("die", "oom")


class UnhealthyError(EngineError):
    """A container has ended, or is not healthy in time; all of them are left as they are, for inspection."""


class Progress:
    """Tells of each container that is started, and of each that is ready; and raises where one never will be.

    `patience` is how many seconds each service may take from its start to being healthy.
    """

    def __init__(
        self, client: DockerClient, project: str, *, patience: Mapping[str, float], on_event: Callable[[str], None]
    ) -> None:
        self._client = client
        self._project = project
        self._patience = patience
        self._on_event = on_event
        self._begun_at: dict[str, float] = {}
        self._ready: set[str] = set()

    def look(self) -> bool:
        """Look once; gives whether every service that is waited for is ready. Raises UnhealthyError."""
        found = containers.states(self._client, self._project)
        for name in self._patience:
            if name in found:
                self._look_at(found[name])
        return self._ready >= set(self._patience)

    def _look_at(self, state: State) -> None:
        name = state.service
        if state.status == "created":
            return
        if name not in self._begun_at:
            self._begun_at[name] = time.monotonic()
            self._on_event(f"{name}: container {state.name} started")
        if not state.running:
            raise UnhealthyError(self._told(state, f"has ended: {ending(state)}"))
        if state.health == "unhealthy":
            raise UnhealthyError(self._told(state, "is not healthy"))
        waited_s = time.monotonic() - self._begun_at[name]
        if name in self._ready:
            return
        if state.health in {"", "healthy"}:
            self._ready.add(name)
            self._on_event(f"{name}: healthy after {waited_s:.1f} s")
        elif waited_s > self._patience[name]:
            raise UnhealthyError(self._told(state, f"is not healthy after {self._patience[name]:g} s"))

    def _told(self, state: State, what: str) -> str:
        log = containers.tail(self._client, state.id)
        return (
            f"{state.service} {what}\nthe end of its log:\n{log}\n"
            f"everything is left as it is: `docker inspect {state.name}` and `docker logs {state.name}` say more, "
            "`lab down` removes it"
        )


def ending(state: State) -> str:
    """How a container ended, in words, with what MongoDB means by its exit codes."""
    if state.oom_killed:
        return "the kernel killed it, since its memory limit was reached"
    meaning = mongod.explain_exit(state.exit_code) if state.service == "mongo" else ""
    return exit_of(state.exit_code) + (f": {meaning}" if meaning else "")


def exit_of(code: int) -> str:
    """An exit code of a container in words."""
    return f"it {health.ending(128 - code if code > 128 else code)}"


class Sentinel:
    """Listens to the engine's events of some containers: one that ends, restarts or runs out of memory is lost.

    Asking it for `losses` costs nothing; what it tells stays told.
    """

    def __init__(self, client: DockerClient, watched: Mapping[str, Container]) -> None:
        self._client = client
        self._services = {container.id: name for name, container in watched.items()}
        self._losses: list[Loss] = []
        self._has_ended = False
        self._stream = client.api.events(
            filters={"type": "container", "event": list(_FATAL), "container": list(self._services)}, decode=True
        )
        self._thread = threading.Thread(target=self._listen, name="docker-events", daemon=True)
        self._thread.start()
        self._look()

    def losses(self) -> tuple[Loss, ...]:
        """Which services have been lost so far."""
        return tuple(self._losses)

    def close(self) -> None:
        """Listen no more."""
        self._has_ended = True
        with contextlib.suppress(Exception):  # whatever a half-closed connection says
            self._stream.close()
        self._thread.join(timeout=5.0)

    def _look(self) -> None:
        """Find what ended before there was anybody to listen."""
        for id_, name in self._services.items():
            try:
                state = containers.state_of(self._client.containers.get(id_))
            except containers.FAILURES as error:
                self._losses.append(Loss(service=name, how=f"its container cannot be found ({error})", log=""))
                continue
            if not state.running:
                self._losses.append(Loss(service=name, how=ending(state), log=containers.tail(self._client, id_)))

    def _listen(self) -> None:
        try:
            for event in self._stream:
                self._take(event)
        except Exception as error:  # noqa: BLE001  # of docker-py, requests or the socket: the engine is gone
            if not self._has_ended:
                self._losses.append(Loss(service="the Docker engine", how=f"it does not answer ({error})", log=""))
            return
        if not self._has_ended:
            self._losses.append(Loss(service="the Docker engine", how="it ended the stream of its events", log=""))

    def _take(self, event: Mapping[str, Any]) -> None:
        actor = event.get("Actor") or {}
        id_ = str(actor.get("ID", ""))
        name = self._services.get(id_)
        if name is None:
            return
        how = "a process of it was killed, since its memory limit was reached"
        if event.get("Action") == "die":
            how = exit_of(int((actor.get("Attributes") or {}).get("exitCode", 0)))
        self._losses.append(Loss(service=name, how=how, log=containers.tail(self._client, id_)))


@contextlib.contextmanager
def sentinel(watched: Mapping[str, Container]) -> Iterator[Callable[[], tuple[Loss, ...]]]:
    """Listen for as long as the block lasts; gives what tells which services were lost."""
    with containers.connected() as client:
        listening = Sentinel(client, watched)
        try:
            yield listening.losses
        finally:
            listening.close()
