"""One `up` of the compose engine: what it is going to do, images, containers, health."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docker import DockerClient

from lab import containers, processes
from lab.containers import EngineFacts
from lab.engines import compose_command, compose_files, compose_logs, ports, state
from lab.engines.compose_command import Compose
from lab.engines.compose_files import Described
from lab.engines.compose_states import Progress, UnhealthyError
from lab.engines.observers import PROMETHEUS, SERVICES, scrape_targets
from lab.engines.readiness import http_readiness, mongo_readiness
from lab.engines.state import Record
from lab.engines.stopped import silent
from lab.errors import ConfigError, EngineError
from lab.model import OBSERVERS, ComposeProject, Environment, Limits, RunningService, Service, Target

ENGINE_NAME = "compose"
_WAIT_S = 0.3
_LONGEST_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposePlan:
    """What an `up` is to do: `wanted` are the services to start, `ports` where they are published."""

    target: Target
    described: Mapping[str, Described]
    ports: Mapping[str, int]
    wanted: tuple[str, ...]
    passwords: Mapping[str, str]
    facts: EngineFacts
    project: ComposeProject


class ComposeUp:
    """Brings containers up for the lab in `home`, as the project `marker`; `undo` removes what was begun."""

    def __init__(self, client: DockerClient, home: Path, marker: str, *, undo: Callable[[Record], object]) -> None:
        self._client = client
        self._home = home
        self._marker = marker
        self._undo = undo
        self._folder = home / compose_files.FOLDER
        self._prometheus = home / "data" / PROMETHEUS

    def plan(
        self,
        target: Target,
        *,
        asked: Mapping[str, int],
        auto_ports: bool,
        without: Collection[str],
        limits: Sequence[Limits],
    ) -> ComposePlan:
        """Settle what is to be done, and write compose's files for it; nothing is started.

        Raises ConfigError, PortBusyError and EngineError.
        """
        facts = containers.facts(self._client)
        passwords = compose_files.kept_secrets(self._folder)
        project = self._project(target, facts)
        self._write_variables(project, passwords, {}, facts)
        described = compose_files.replaced(compose_files.described(compose_command.config(project)), target.images)
        observers = compose_files.observers(described, without)
        services = (*target.services, *(service for service in SERVICES if service.name in observers))
        problems = compose_files.target_problems(target, described, limits)
        problems += ports.port_problems(services, asked, auto=auto_ports)
        if problems:
            raise ConfigError([f"{target.name}: {problem}" for problem in problems])
        chosen = ports.choose_ports(services, asked, auto=auto_ports)
        ports.refuse_busy(chosen)
        self._write_variables(project, passwords, chosen, facts)
        override = self._folder / compose_files.OVERRIDE
        compose_files.write_private(override, compose_files.override(target, described, limits, passwords))
        return ComposePlan(
            target=target,
            described=described,
            ports=chosen,
            wanted=tuple(service.name for service in services),
            passwords=passwords,
            facts=facts,
            project=replace(project, files=(*project.files, override)),
        )

    def _project(self, target: Target, facts: EngineFacts) -> ComposeProject:
        file = compose_files.require_compose_file(target)
        return ComposeProject(
            name=self._marker,
            files=(file,),
            variables=self._folder / compose_files.VARIABLES,
            folder=file.parent,
            network=f"{self._marker}_default",
            facts=facts.told(),
        )

    def _write_variables(
        self, project: ComposeProject, passwords: Mapping[str, str], chosen: Mapping[str, int], facts: EngineFacts
    ) -> None:
        user = compose_files.user_of(is_rootless=facts.is_rootless)
        content = compose_files.variables(
            passwords, project=project.name, ports=chosen, user=user, prometheus=self._prometheus
        )
        compose_files.write_private(project.variables, content)

    def bring_up(self, plan: ComposePlan, limits: Sequence[Limits], on_event: Callable[[str], None]) -> Environment:
        """Bring it up, and give the environment when every service is healthy.

        Raises UnhealthyError, which leaves everything as it is; what else ends it early undoes it.
        """
        record = self._first_record(plan, limits)
        state.write_record(self._home, record)
        try:
            self._prepare_prometheus(plan)
            self._get_images(plan, record.environment.id, on_event)
            services = self._start(plan, record.environment.id, on_event)
            environment = self._completed(plan, record.environment, services)
            state.write_record(self._home, replace(record, environment=environment, complete=True))
        except UnhealthyError:
            raise  # left for inspection; the record says that it is incomplete, so that the next command clears it away
        except BaseException:
            self._undo(record)
            raise
        return environment

    def _first_record(self, plan: ComposePlan, limits: Sequence[Limits]) -> Record:
        target = plan.target
        urls = {
            s.name: compose_files.outside_url(s, plan.ports[s.name], plan.passwords["LAB_MONGO_PASSWORD"])
            for s in target.services
        }
        environment = Environment(
            id=f"{self._marker}.{secrets.token_hex(4)}",
            engine=ENGINE_NAME,
            target=target.name,
            entry_url=urls[target.entry],
            mongo_url=next((urls[s.name] for s in target.services if s.kind == "mongod"), ""),
            started_at=time.time(),
            services=(),
            limits=tuple(limits),
            project=plan.project,
            overrides=target.overrides,
        )
        volumes = self._client.volumes.list(filters={"label": f"{containers.PROJECT_LABEL}={self._marker}"})
        paths = {s.name: s.health_path for s in (*target.services, *SERVICES)}
        health_urls = {
            name: f"http://{ports.HOST}:{plan.ports[name]}{paths[name]}" for name in plan.wanted if paths[name]
        }
        return Record(
            environment=environment,
            target_digest=state.target_digest(target),
            health_urls=tuple(health_urls.items()),
            data_existed=bool(volumes),
        )

    def _prepare_prometheus(self, plan: ComposePlan) -> None:
        metrics = {
            s.name: f"{compose_files.inside_url(s, plan.described[s.name].port)}{s.metrics_path}"
            for s in plan.target.services
            if s.metrics_path
        }
        try:
            for folder in (self._prometheus / "targets", self._prometheus / "tsdb"):
                folder.mkdir(parents=True, exist_ok=True)
            (self._prometheus / "targets" / "services.json").write_text(scrape_targets(metrics), encoding="ascii")
            (self._prometheus / "targets" / "lab.json").write_text("[]\n", encoding="ascii")
        except OSError as error:
            raise EngineError(f"{error.filename} cannot be written: {error.strerror}") from error

    def _get_images(self, plan: ComposePlan, marker: str, on_event: Callable[[str], None]) -> None:
        """Pull what is not here, and build what is built here: with a build cache, that takes a second."""
        compose = Compose(plan.project, self._folder, marker=marker)
        wanted = [plan.described[name] for name in (*plan.wanted, compose_files.GENERATOR) if name in plan.described]
        for service in wanted:
            if service.is_built or containers.has_image(self._client, service.image):
                continue
            on_event(f"{service.name}: pulling {service.image}")
            try:
                compose.run("pull", service.name, on_line=silent, on_wait=_still(on_event, service.name, "pulling"))
            except EngineError as error:
                raise EngineError(
                    f"image {service.image} ({service.name}) is not here and cannot be pulled:\n{error}"
                ) from error
        built = [service.name for service in wanted if service.is_built]
        if built:
            begun = time.monotonic()
            on_event(f"building the images of {' and '.join(built)}")
            compose.run("build", *built, on_line=_building(on_event), on_wait=_still(on_event, "images", "building"))
            on_event(f"images built in {time.monotonic() - begun:.1f} s")

    def _start(self, plan: ComposePlan, marker: str, on_event: Callable[[str], None]) -> tuple[RunningService, ...]:
        services = (*plan.target.services, *SERVICES)
        patience = {s.name: s.ready_timeout_s for s in services if s.name in plan.wanted}
        progress = Progress(self._client, plan.project.name, patience=patience, on_event=on_event)
        compose = Compose(plan.project, self._folder, marker=marker)
        running = compose.start("up", "--detach", "--no-build", *plan.wanted)
        try:
            ready = processes.wait_until(
                lambda: _has_come_up(running, progress), timeout_s=_LONGEST_S, interval_s=_WAIT_S
            )
        finally:
            running.stop()
        if not ready:
            raise EngineError(f"the containers are not up after {_LONGEST_S:g} s; see {self._folder / 'up.log'}")
        found = containers.states(self._client, plan.project.name)
        kinds = {service.name: service for service in services}
        return tuple(self._service(plan, kinds[name], found[name]) for name in plan.wanted)

    def _service(self, plan: ComposePlan, service: Service, found: containers.State) -> RunningService:
        described = plan.described[service.name]
        log = self._home / "logs" / f"{service.name}.log"
        compose_logs.begin(log)
        url = compose_files.outside_url(service, plan.ports[service.name])
        of = containers.identity(self._client, found)
        return RunningService(
            name=service.name,
            url=url,
            version=_version(service, url, plan) or of.image.rpartition(":")[2].removeprefix("v"),
            process=None,
            metrics_url=f"{url}{service.metrics_path}" if service.metrics_path else "",
            log=log,
            container=of,
            inside_url=compose_files.inside_url(service, described.port),
        )

    def _completed(self, plan: ComposePlan, begun: Environment, services: tuple[RunningService, ...]) -> Environment:
        gateway = containers.gateway(self._client, plan.project.network)
        own = ((gateway, gateway),) if gateway and not plan.facts.is_desktop else ()
        has_prometheus = any(service.name == PROMETHEUS for service in services)
        return replace(
            begun,
            services=services,
            prometheus_folder=self._prometheus if has_prometheus else None,
            lab_hosts=(*own, (ports.HOST, "host.docker.internal")),
            limits=_limits(self._client, services, begun.limits),
        )


def _has_come_up(running: compose_command.Running, progress: Progress) -> bool:
    try:
        has_ended = running.has_ended()
    except EngineError:
        progress.look()  # a service that is not healthy is the better reason
        raise
    return progress.look() and has_ended


def _still(on_event: Callable[[str], None], what: str, doing: str) -> Callable[[float], None]:
    return lambda seconds: on_event(f"{what}: still {doing} after {seconds:.0f} s")


def _building(on_event: Callable[[str], None]) -> Callable[[str], None]:
    """Tell the steps that really are made, such as `#9 [backend packages 4/4] RUN python -m venv`, once each."""
    told: set[str] = set()

    def tell(line: str) -> None:
        _, _, step = line.partition(" [")
        if line.startswith("#") and "] RUN " in line and step not in told:
            told.add(step)
            on_event(f"  [{step[:100]}")

    return tell


def _version(service: Service, url: str, plan: ComposePlan) -> str:
    if service.kind == "mongod":
        login = compose_files.outside_url(service, plan.ports[service.name], plan.passwords["LAB_MONGO_PASSWORD"])
        return mongo_readiness(login).version
    return http_readiness(f"{url}/healthz" if service.name not in OBSERVERS else f"{url}{service.health_path}").version


def _limits(client: DockerClient, services: Sequence[RunningService], asked: Sequence[Limits]) -> tuple[Limits, ...]:
    """What containers are really held to, by the engine; k6's as they were asked for, since it does not run yet."""
    real = []
    for service in services:
        if service.container is None:
            continue
        host = client.containers.get(service.container.id).attrs["HostConfig"]
        real.append(
            Limits(
                service=service.name,
                cpus=host["NanoCpus"] / 1e9 if host.get("NanoCpus") else None,
                memory_bytes=host.get("Memory") or None,
                cpuset=host.get("CpusetCpus") or "",
            )
        )
    return (*real, *(of for of in asked if of.service == compose_files.GENERATOR))
