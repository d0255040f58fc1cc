"""Services that already run, as a target file says where: nothing is started, and nothing is stopped."""

import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import processes
from lab.engines import health, readiness, state
from lab.engines.lock import held
from lab.engines.mongod import without_password
from lab.engines.state import Record
from lab.engines.stopped import Loss, Stopped, silent
from lab.errors import ConfigError, EngineError
from lab.model import Environment, Limits, RunningService, Service, ServiceHealth, Target
from lab.target_guard import directly, require_allowed

_FIGURES = {
    "process_cpu_seconds_total": "CPU",
    "process_resident_memory_bytes": "memory",
    "process_open_fds": "open files",
    "process_start_time_seconds": "restarts",
}
"""What a service may tell of its process on its own /metrics, by the names of Prometheus' client libraries."""


class ExternalEngine:
    """Finds a target's services where they run; `home` is where its record is.

    `lock_wait_s` is how long a command waits for another one.
    """

    name = "external"

    def __init__(self, home: Path, *, lock_wait_s: float = 15.0) -> None:
        self.home = home.resolve()
        self._lock_wait_s = lock_wait_s
        self._marker = state.home_marker(self.home)

    def up(
        self,
        target: Target,
        *,
        ports: Mapping[str, int] | None = None,
        auto_ports: bool = False,
        without: Collection[str] = (),  # noqa: ARG002  # nothing is started beside them either
        limits: Sequence[Limits] = (),
        on_event: Callable[[str], None] = silent,
    ) -> Environment:
        """See that every service answers, and remember where; gives the environment that is remembered, if one is.

        What cannot be collected of a service is said, and stands in `unwatched`. Raises ConfigError where the target
        names no URLs, or one that leads to a host that is not granted (before anything is sent there), where ports or
        limits are asked for, and where another target is remembered; EngineError where a service does not answer.
        """
        _refuse(target, ports_asked=bool(ports) or auto_ports, limits=limits)
        with held(self.home, "lab up", wait_s=self._lock_wait_s):
            environment = self._standing(target)
            if environment is None:
                environment = self._found(target)
                urls = tuple((service.name, _health_url(service)) for service in target.services)
                record = Record(
                    environment=environment,
                    target_digest=state.target_digest(target),
                    complete=True,
                    health_urls=urls,
                    data_existed=True,
                )
                state.write_record(self.home, record)
            for sentence in environment.unwatched:
                on_event(f"not collected: {sentence}")
            return environment

    def find(self) -> Environment | None:
        """The environment that an `up` remembered and no `down` has forgotten; `health` tells how it stands.

        Raises EngineError when the record of it is damaged.
        """
        return state.standing(self.home)

    def health(self, environment: Environment) -> tuple[ServiceHealth, ...]:
        """Whether each service answers now: of a process that the lab has not started, nothing else is known."""
        record = state.read_record(self.home)
        known = record is not None and record.environment.id == environment.id
        urls = dict(record.health_urls) if record and known else {}
        return tuple(
            health.check(s, urls.get(s.name, ""), mongo_url=environment.mongo_url if _is_mongo(s.url) else "")
            for s in environment.services
        )

    @contextmanager
    def watch(self, environment: Environment) -> Iterator[Callable[[], tuple[Loss, ...]]]:  # noqa: ARG002
        """Give what tells of no loss: a service that does not answer may be dead or busy, and the load will say."""
        yield tuple

    def bring_logs(self, environment: Environment) -> None:
        """Do nothing: where services that already run write their logs, nobody knows."""

    def down(self, on_event: Callable[[str], None] = silent, *, keep_data: bool = False) -> Stopped:  # noqa: ARG002
        """Forget the environment. Of its services nothing is stopped or removed; a k6 that a killed run left is ended.

        Raises EngineError when such a process cannot be ended.
        """
        with held(self.home, "lab down", wait_s=self._lock_wait_s):
            record = state.left(self.home, on_event)
            strays = processes.stop_marked(self._marker, grace_s=5.0)
            left = processes.marked(self._marker)
            if left:
                pids = ", ".join(str(process.pid) for process in left)
                raise EngineError(f"cannot end pid {pids}; try `lab down` again")
            if strays:
                on_event(f"ended {strays} process{'es' if strays > 1 else ''} of this lab")
            state.remove_record(self.home)
            if record is not None:
                names = ", ".join(service.name for service in record.environment.services)
                on_event(f"forgotten; nothing was stopped: {names}")
            elif not strays:
                on_event("nothing was running")
            return Stopped(strays=strays)

    def _standing(self, target: Target) -> Environment | None:
        record = state.read_record(self.home)
        if record is None or not record.complete or state.is_of_earlier_boot(record):
            return None
        if record.target_digest != state.target_digest(target):
            name = record.environment.target
            changed = "as it was before its file, or what is allowed, changed" if name == target.name else "another one"
            raise ConfigError(
                f"services of target {name}, {changed}, are in use already; `lab down` forgets them and stops none"
            )
        return record.environment

    def _found(self, target: Target) -> Environment:
        answers = [_ask(service) for service in target.services]
        silent_ones = [
            f"{service.name}: {answer.why}"
            for service, answer in zip(target.services, answers, strict=True)
            if not answer.ready
        ]
        if silent_ones:
            remedy = f"the lab starts none of them: start them, or correct the file of target {target.name}"
            raise EngineError("\n".join(["services do not answer", *silent_ones, remedy]))
        return Environment(
            id=f"{self._marker}.{secrets.token_hex(4)}",
            engine=self.name,
            target=target.name,
            entry_url=next(_base(service) for service in target.services if service.name == target.entry),
            mongo_url=next((directly(s.url) for s in target.services if s.kind == "mongod"), ""),
            started_at=time.time(),
            services=tuple(
                _running(service, answer.version) for service, answer in zip(target.services, answers, strict=True)
            ),
            allowed_hosts=target.granted_hosts,
            unwatched=tuple(_unwatched(target)),
            overrides=target.overrides,
        )


def _refuse(target: Target, *, ports_asked: bool, limits: Sequence[Limits]) -> None:
    problems = [
        f"{target.name}: {service.name} has no url, and the external engine starts nothing; give it one, or use "
        "another engine"
        for service in target.services
        if not service.url
    ]
    if ports_asked:
        problems.append(
            "--ports is for services that the lab starts; where these are says their url in the target file"
        )
    if limits:
        problems.append(f"{limits[0].service} already runs, and cannot be held to a limit; use --engine compose")
    if problems:
        raise ConfigError(problems)
    require_allowed(target.urls, target.granted_hosts)


def _ask(service: Service) -> readiness.Readiness:
    if service.kind == "mongod":
        return readiness.mongo_readiness(directly(service.url))
    return readiness.http_readiness(_health_url(service))


def _running(service: Service, version: str) -> RunningService:
    return RunningService(
        name=service.name,
        url=without_password(service.url) if service.kind == "mongod" else _base(service),
        version=version,
        process=None,
        metrics_url=f"{_base(service)}{service.metrics_path}" if service.metrics_path else "",
    )


def _base(service: Service) -> str:
    return service.url.rstrip("/")


def _health_url(service: Service) -> str:
    return "" if service.kind == "mongod" else f"{_base(service)}{service.health_path}"


def _is_mongo(url: str) -> bool:
    return url.startswith("mongodb")


def _unwatched(target: Target) -> Iterator[str]:
    own = dict(target.metrics)
    for service in target.services:
        if service.kind == "mongod":
            yield f"{service.name}: CPU, open files and restarts of its process; its log"
        else:
            lacking = _lacking(service, own)
            yield f"{service.name}: {', '.join([*lacking, 'threads and sockets of its process'])}; its log"
    if not any(service.kind == "mongod" for service in target.services):
        yield "the database: its figures and slow queries, since the target names no service of kind mongod"
    if not target.database:
        yield "the database is not emptied, since the target names none: what earlier runs left is in it"


def _lacking(service: Service, own: Mapping[str, str]) -> list[str]:
    """Give what a service does not tell of its process on its own /metrics."""
    if not service.metrics_path:
        return ["everything that a /metrics would tell", *_FIGURES.values()]
    told = readiness.text_of(f"{_base(service)}{service.metrics_path}")
    if told is None:
        return [f"{service.metrics_path} (it does not answer)", *_FIGURES.values()]
    names = set(re.findall(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)", told, flags=re.MULTILINE))
    return [word for metric, word in _FIGURES.items() if own.get(metric, metric) not in names]
