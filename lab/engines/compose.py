"""The compose engine: a target's services as containers of one Docker Compose project, one project per lab's home."""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from docker import DockerClient

from lab import containers, processes
from lab.engines import compose_command, compose_files, compose_logs, compose_states, state
from lab.engines.compose_up import ENGINE_NAME, ComposeUp
from lab.engines.lock import held
from lab.engines.readiness import http_readiness, mongo_readiness
from lab.engines.state import Record
from lab.engines.stopped import Loss, Stopped, silent
from lab.errors import ConfigError, EngineError, LabError
from lab.model import Environment, Limits, RunningService, ServiceHealth, Target

_DOWN_S = 120.0
_STOP_S = "10"


class ComposeEngine:
    """Runs a target's services as containers; `home` is where its record, its logs and Prometheus' data are.

    `lock_wait_s` is how long a command waits for another one.
    """

    name = ENGINE_NAME

    def __init__(self, home: Path, *, lock_wait_s: float = 15.0) -> None:
        self.home = home.resolve()
        self._folder = self.home / compose_files.FOLDER
        self._lock_wait_s = lock_wait_s
        self._marker = state.home_marker(self.home)

    # ----------------------------------------------------------------------------------------------------- the verbs

    def can_run(self, target: Target) -> bool:
        """Whether a target can be had in containers, and a Docker engine that can be used answers."""
        if target.compose is None or not target.compose.is_file():
            return False
        try:
            with containers.connected(timeout_s=5.0) as client:
                containers.facts(client)
        except LabError:
            return False
        return True

    def has_traces(self) -> bool:
        """Whether an `up` of this engine has left anything here that a `down` has not cleared away."""
        return (self._folder / compose_files.VARIABLES).exists()

    def up(
        self,
        target: Target,
        *,
        ports: Mapping[str, int] | None = None,
        auto_ports: bool = False,
        without: Collection[str] = (),
        limits: Sequence[Limits] = (),
        on_event: Callable[[str], None] = silent,
    ) -> Environment:
        """Pull and build what is missing, start a target's services and wait until all of them are healthy.

        Gives the environment that already runs, if one does. Prometheus and Grafana are among them, but for those
        named in `without`. A service that ends or does not get healthy leaves everything as it is, for inspection;
        whatever else ends this early, a Ctrl-C included, removes all that was started.

        Raises ConfigError when target, ports or limits cannot be used or differ from what runs, PortBusyError (before
        anything is started) when ports are taken, EngineError when there is no engine, no image, or no health.
        """
        asked = ports or {}
        with held(self.home, "lab up", wait_s=self._lock_wait_s):
            standing = self._standing(target, asked, limits, on_event)
            if standing is not None:
                return standing
            with containers.connected() as client:
                coming_up = ComposeUp(client, self.home, self._marker, undo=self._undo)
                try:
                    plan = coming_up.plan(target, asked=asked, auto_ports=auto_ports, without=without, limits=limits)
                except BaseException:
                    self._forget(keep_data=True)
                    raise
                return coming_up.bring_up(plan, limits, on_event)

    def find(self) -> Environment | None:
        """The environment that an `up` completed and no `down` has ended; `health` tells how it stands.

        Raises EngineError when the record of it is damaged.
        """
        return state.standing(self.home)

    def health(self, environment: Environment) -> tuple[ServiceHealth, ...]:
        """How each service stands now: running, answering at its published port, exit code, memory."""
        record = state.read_record(self.home)
        urls = dict(record.health_urls) if record and record.environment.id == environment.id else {}
        with containers.connected() as client, ThreadPoolExecutor() as pool:  # an engine may take a second for each
            found = {of.id: of for of in containers.states(client, self._marker).values()}
            return tuple(
                pool.map(lambda s: _health(client, s, found, urls.get(s.name, ""), environment), environment.services)
            )

    @contextmanager
    def watch(self, environment: Environment) -> Iterator[Callable[[], tuple[Loss, ...]]]:
        """Give what tells which containers ended, restarted or ran out of memory since the block began."""
        system = {service.name for service in environment.system}
        watched = {name: of for name, of in environment.containers().items() if name in system}
        with compose_states.sentinel(watched) as losses:
            yield losses

    def bring_logs(self, environment: Environment) -> None:
        """Append what containers have logged since this was last asked to the files of `environment.log_files()`."""
        compose_logs.bring(environment)

    def down(self, on_event: Callable[[str], None] = silent, *, keep_data: bool = False) -> Stopped:
        """Remove the containers and networks of this home's project, and its volumes unless `keep_data`.

        Works without a record, or with a damaged one, by the labels that containers carry, and ends what a killed lab
        left running. Logs stay. Raises EngineError when the engine does not answer, or something cannot be removed.
        """
        with held(self.home, "lab down", wait_s=self._lock_wait_s):
            record = state.left(self.home, on_event)
            stopped = self._end(record, on_event, keep_data=keep_data)
            if stopped.nothing:
                on_event("nothing was running")
            return stopped

    # ------------------------------------------------------------------------------------------------ what stands

    def _standing(
        self, target: Target, asked: Mapping[str, int], limits: Sequence[Limits], on_event: Callable[[str], None]
    ) -> Environment | None:
        record = state.read_record(self.home)
        if record and record.complete and not state.is_of_earlier_boot(record):
            self._refuse_other(record, target, asked, limits)
            dead = [h for h in self.health(record.environment) if not h.running]
            if dead:
                told = [f"{h.name} has died: {h.why}" for h in dead]
                raise EngineError(
                    "\n".join([*told, "the environment is not whole; start it anew: `lab down && lab up`"])
                )
            return record.environment
        if record or self.has_traces():
            on_event("removing what an earlier `lab up` left unfinished")
            self._end(record, silent, keep_data=record is None or record.data_existed)
        return None

    def _refuse_other(self, record: Record, target: Target, asked: Mapping[str, int], limits: Sequence[Limits]) -> None:
        environment = record.environment
        differences = []
        if record.target_digest != state.target_digest(target):
            changed = "as it was before its file changed" if environment.target == target.name else f"not {target.name}"
            differences.append(f"it is of target {environment.target}, {changed}")
        running = {service.name: urlsplit(service.url).port for service in environment.services}
        differences += [
            f"its {name} is at port {running.get(name, 'none')}, not {port}"
            for name, port in asked.items()
            if running.get(name) != port
        ]
        differences += [f"{of.service} is held to other limits" for of in limits if of not in environment.limits]
        if differences:
            raise ConfigError(
                f"an environment runs already, and {'; '.join(differences)}. Use it as it is, or end it: `lab down`"
            )

    # ---------------------------------------------------------------------------------------------------- going down

    def _undo(self, record: Record) -> None:
        self._end(record, silent, keep_data=record.data_existed)

    def _end(self, record: Record | None, on_event: Callable[[str], None], *, keep_data: bool) -> Stopped:
        strays = processes.stop_marked(self._marker, grace_s=5.0)
        with containers.connected() as client:
            names = [
                str(container.labels.get(containers.SERVICE_LABEL))
                for container in containers.of_project(client, self._marker)
            ]
            project = record.environment.project if record else None
            if project is not None and names:
                arguments = ["--profile", "load", "down", "--timeout", _STOP_S, "--remove-orphans"]
                with suppress(EngineError):  # what it leaves is removed below, whose error is told
                    compose_command.ended(project, *arguments, timeout_s=_DOWN_S)
            containers.remove_project(client, self._marker, with_volumes=not keep_data)
            containers.remove_images(client, _own_images(client, self._marker))
        for name in names:
            on_event(f"{name}: removed")
        if strays:
            on_event(f"ended {strays} more process{'es' if strays > 1 else ''} of this lab")
        self._forget(keep_data=keep_data)
        return Stopped(services=tuple(names), strays=strays)

    def _forget(self, *, keep_data: bool) -> None:
        (self._folder / compose_files.VARIABLES).unlink(missing_ok=True)
        (self._folder / compose_files.OVERRIDE).unlink(missing_ok=True)
        try:
            if not keep_data:
                shutil.rmtree(self._folder, ignore_errors=True)
                shutil.rmtree(self.home / "data")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise EngineError(f"{self.home / 'data'} cannot be removed: {error}") from error
        state.remove_record(self.home)


def _health(
    client: DockerClient,
    service: RunningService,
    found: Mapping[str, containers.State],
    health_url: str,
    environment: Environment,
) -> ServiceHealth:
    now = found.get(service.container.id) if service.container else None
    if now is None:
        return ServiceHealth(name=service.name, running=False, answering=False, why="its container is gone")
    if not now.running:
        why = f"container {now.name}: {compose_states.ending(now)}"
        return ServiceHealth(name=service.name, running=False, answering=False, exit_code=now.exit_code, why=why)
    answer = http_readiness(health_url) if health_url else mongo_readiness(environment.mongo_url)
    memory = None
    with suppress(OSError):
        memory = int(containers.stats(client, now.id).get("memory_stats", {}).get("usage", 0)) or None
    return ServiceHealth(name=service.name, running=True, answering=answer.ready, rss_bytes=memory, why=answer.why)


def _own_images(client: DockerClient, project: str) -> list[str]:
    return [
        tag
        for image in client.images.list(filters={"reference": f"*/*:{project}"})
        for tag in image.tags
        if tag.endswith(project)
    ]
