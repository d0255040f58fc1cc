"""The embedded engine: a target's services as local processes on 127.0.0.1, without Docker and without root."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lab import processes
from lab.engines import health, observers, ports, scratch, state
from lab.engines.launcher import Launcher, death
from lab.engines.launches import Launch, launch_problems, plan_launches, plan_observers
from lab.engines.lock import held
from lab.engines.mongod import MongoChoice, find_mongod
from lab.engines.observers import Observer
from lab.engines.state import Record
from lab.engines.stopped import Loss, Stopped, silent
from lab.errors import ConfigError, EngineError
from lab.model import Environment, Limits, RunningService, ServiceHealth, Target
from lab.target_guard import directly


class ProcessEngine:
    """Runs a target's services as processes; `home` is where its record, its logs and its databases are.

    `environ` is asked for MONGO_URL and PATH, `mongo` chooses the MongoDB from it; `lock_wait_s` is how long a command
    waits for another one, `grace_s` how long a service may take to end before it is killed.
    """

    name = "process"

    def __init__(
        self,
        home: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        mongo: Callable[[Mapping[str, str]], MongoChoice] = find_mongod,
        lock_wait_s: float = 15.0,
        grace_s: float = 10.0,
    ) -> None:
        self.home = home.resolve()
        self._environ = environ
        self._find_mongo = mongo
        self._lock_wait_s = lock_wait_s
        self._grace_s = grace_s
        self._marker = state.home_marker(self.home)
        self._scratch = scratch.scratch_of(self._marker)

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
        """Start a target's services and wait until all are ready; gives the environment that already runs, if one does.

        Prometheus and Grafana are started beside them where they are on PATH, but for those named in `without`.
        `ports` maps services to ports other than the target's; with `auto_ports` the others get free ones. Whatever
        ends this early, a Ctrl-C included, ends everything that was started.

        Raises ConfigError when the target, the ports or limits cannot be used or differ from what runs, PortBusyError
        (before anything is started) when ports are taken, EngineError when a service cannot be started or has died.
        """
        if limits:
            raise ConfigError(f"{limits[0].service} can be held to a limit in a container alone; use --engine compose")
        asked = ports or {}
        with held(self.home, "lab up", wait_s=self._lock_wait_s):
            standing = self._standing(target, asked, on_event)
            if standing is not None:
                return standing
            found, missing = observers.find(self._environ, without=without)
            launches = self._plan(target, found, asked, auto_ports)
            if missing:
                on_event(f"left out: {', '.join(missing)}")
            return self._bring_up(target, launches, on_event)

    def find(self) -> Environment | None:
        """The environment that an `up` completed and no `down` has ended; `health` tells how it stands.

        Raises EngineError when the record of it is damaged.
        """
        return state.standing(self.home)

    def health(self, environment: Environment) -> tuple[ServiceHealth, ...]:
        """How each service stands now: running, answering, exit code where it was seen, memory."""
        record = state.read_record(self.home)
        known = record is not None and record.environment.id == environment.id
        urls = dict(record.health_urls) if record and known else {}
        return tuple(
            health.check(
                s, urls.get(s.name, ""), mongo_url=environment.mongo_url if s.url.startswith("mongodb") else ""
            )
            for s in environment.services
        )

    @contextmanager
    def watch(self, environment: Environment) -> Iterator[Callable[[], tuple[Loss, ...]]]:
        """Give what tells which services have been lost, for as long as the block lasts; asking takes a millisecond."""

        def losses() -> tuple[Loss, ...]:
            return tuple(_loss(service) for service in health.dead(environment))

        yield losses

    def bring_logs(self, environment: Environment) -> None:
        """Do nothing: the services write into the files of `environment.log_files()` themselves."""

    def down(self, on_event: Callable[[str], None] = silent, *, keep_data: bool = False) -> Stopped:
        """End everything that runs for this home, in reverse order, and remove its databases unless `keep_data`.

        Works without a record, or with a damaged one, by the marker that the processes carry. Logs stay. A Ctrl-C
        meanwhile kills what is left at once.

        Raises EngineError when a process cannot be ended.
        """
        with held(self.home, "lab down", wait_s=self._lock_wait_s):
            record = state.left(self.home, on_event)
            stopped = self._end_surely(record, on_event, keep_data=keep_data)
            if stopped.nothing:
                on_event("nothing was running")
            return stopped

    # ------------------------------------------------------------------------------------------------ what stands

    def _standing(
        self, target: Target, asked: Mapping[str, int], on_event: Callable[[str], None]
    ) -> Environment | None:
        record = state.read_record(self.home)
        if record and record.complete and not state.is_of_earlier_boot(record):
            self._refuse_other(record, target, asked)
            _refuse_dead(record, target)
            return record.environment
        if record or processes.marked(self._marker):
            on_event("ending what an earlier `lab up` left unfinished")
            self._end_surely(record, on_event, keep_data=record is None or record.data_existed)
        return None

    def _refuse_other(self, record: Record, target: Target, asked: Mapping[str, int]) -> None:
        environment = record.environment
        differences = []
        if record.target_digest != state.target_digest(target):
            changed = "as it was before its file changed" if environment.target == target.name else f"not {target.name}"
            differences.append(f"it is of target {environment.target}, {changed}")
        running = {service.name: service.url for service in environment.services}
        differences += [
            f"its {name} is at {running.get(name, 'no port')}, not on port {port}"
            for name, port in asked.items()
            if not running.get(name, "").endswith(f":{port}")
        ]
        asked_url = self._environ.get("MONGO_URL")
        if asked_url and environment.mongo_url not in {"", asked_url, directly(asked_url)}:
            differences.append("it uses another MongoDB than MONGO_URL names")
        if differences:
            raise ConfigError(
                f"an environment runs already, and {'; '.join(differences)}. Use it as it is, or end it: `lab down`"
            )

    # ----------------------------------------------------------------------------------------------------- coming up

    def _bring_up(self, target: Target, launches: Sequence[Launch], on_event: Callable[[str], None]) -> Environment:
        record = self._first_record(target, launches)
        state.write_record(self.home, record)
        try:
            scratch.make(self._scratch)
            services = self._launch(launches, record, on_event)
            environment = replace(record.environment, services=services)
            state.write_record(self.home, replace(record, environment=environment, complete=True))
        except BaseException:
            # the record on disk names what has been started
            self._end_surely(state.read_record(self.home), silent, keep_data=record.data_existed)
            raise
        return environment

    def _plan(
        self, target: Target, found: Sequence[Observer], asked: Mapping[str, int], auto_ports: bool
    ) -> tuple[Launch, ...]:
        services = (*target.services, *(observer.service for observer in found))
        problems = launch_problems(target) + ports.port_problems(services, asked, auto=auto_ports)
        if problems:
            raise ConfigError([f"{target.name}: {problem}" for problem in problems])
        has_mongo = any(service.kind == "mongod" for service in target.services)
        mongo = self._find_mongo(self._environ) if has_mongo else None
        chosen = ports.choose_ports(services, asked, auto=auto_ports)
        secret = secrets.token_hex(32)
        system = plan_launches(target, ports=chosen, mongo=mongo, secret=secret, home=self.home)
        launches = (*system, *plan_observers(found, system, ports=chosen, home=self.home))
        ports.refuse_busy({launch.service.name: launch.port for launch in launches if launch.argv})
        return launches

    def _first_record(self, target: Target, launches: Sequence[Launch]) -> Record:
        urls = {launch.service.name: launch.url for launch in launches}
        environment = Environment(
            id=f"{self._marker}.{secrets.token_hex(4)}",
            engine=self.name,
            target=target.name,
            entry_url=urls[target.entry],
            mongo_url=next((launch.url for launch in launches if launch.service.kind == "mongod"), ""),
            started_at=time.time(),
            services=(),
            prometheus_folder=next(
                (launch.data for launch in launches if launch.service.name == observers.PROMETHEUS), None
            ),
            overrides=target.overrides,
        )
        return Record(
            environment=environment,
            target_digest=state.target_digest(target),
            health_urls=tuple((launch.service.name, launch.health_url) for launch in launches),
            data_existed=(self.home / "data").exists(),
        )

    def _launch(
        self, launches: Sequence[Launch], record: Record, on_event: Callable[[str], None]
    ) -> tuple[RunningService, ...]:
        def remember(services: tuple[RunningService, ...]) -> None:
            started = replace(record.environment, services=services)
            state.write_record(self.home, replace(record, environment=started))

        launcher = Launcher(
            launches,
            marker=record.environment.id,
            home=self.home,
            scratch=self._scratch,
            on_start=remember,
            on_event=on_event,
        )
        return launcher.run()

    # ---------------------------------------------------------------------------------------------------- going down

    def _end_surely(self, record: Record | None, on_event: Callable[[str], None], *, keep_data: bool) -> Stopped:
        try:
            return self._end(record, on_event, keep_data=keep_data, grace_s=self._grace_s)
        except KeyboardInterrupt:
            self._end(record, silent, keep_data=keep_data, grace_s=0)
            raise

    def _end(
        self, record: Record | None, on_event: Callable[[str], None], *, keep_data: bool, grace_s: float
    ) -> Stopped:
        ended = []
        for service in reversed(record.environment.services if record else ()):
            if service.process and processes.stop_group(service.process, grace_s=grace_s):
                ended.append(service.name)
                on_event(f"{service.name}: ended")
        strays = processes.stop_marked(self._marker, grace_s=min(grace_s, 5.0))
        if strays:
            on_event(f"ended {strays} more process{'es' if strays > 1 else ''} of this lab")
        left = processes.marked(self._marker)
        if left:
            raise EngineError(f"cannot end pid {', '.join(str(process.pid) for process in left)}; try `lab down` again")
        scratch.remove(self._scratch)
        if not keep_data:
            self._remove_data()
        state.remove_record(self.home)
        return Stopped(services=tuple(ended), strays=strays)

    def _remove_data(self) -> None:
        try:
            shutil.rmtree(self.home / "data")
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError(f"{self.home / 'data'} cannot be removed: {error}") from error


def _refuse_dead(record: Record, target: Target) -> None:
    dead = health.dead(record.environment)
    if dead:
        kinds = {service.name: service.kind for service in target.services}
        deaths = [death(service, kinds.get(service.name, "")) for service in dead]
        raise EngineError("\n".join([*deaths, "the environment is not whole; start it anew: `lab down && lab up`"]))


def _loss(service: RunningService) -> Loss:
    how = health.gone(service.process) if service.process else "it does not answer"
    return Loss(service=service.name, how=how, log=processes.tail(service.log) if service.log else "")
