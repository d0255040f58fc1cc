"""The Docker engine: whether it can be used, and what it says of containers. Nothing else of the lab talks to it.

`docker compose` brings containers up and down, through `compose_argv`; everything that is asked of them goes over the
engine's API.
"""

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import docker
import orjson
import requests
from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container as DockerContainer
from docker.utils import kwargs_from_env

from lab import processes
from lab.errors import EngineError, LabError
from lab.model import ComposeProject, Container
from lab.processes import Answer

OLDEST_ENGINE = (20, 10)
OLDEST_COMPOSE = (2, 26)
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
FAILURES = (DockerException, requests.RequestException, OSError)
"""What docker-py raises, by itself or from beneath, where the engine does not do what is asked."""

_VERSION_TIMEOUT_S = 10.0
_INSTEAD = "or use local processes: --engine process"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What a Docker engine says of itself; `root` is where it keeps images and volumes, on its own machine."""

    version: str
    compose: str
    cgroup: str
    storage: str
    system: str
    root: str
    is_rootless: bool
    is_desktop: bool

    def told(self) -> tuple[tuple[str, str], ...]:
        """Give what a run keeps of it."""
        return (
            ("docker", self.version),
            ("docker compose", self.compose),
            ("cgroup", self.cgroup),
            ("storage driver", self.storage),
            ("docker host", self.system),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a container stands. `health` is "" where it has no check, else starting, healthy or unhealthy.

    `started_at` is epoch seconds; `pid` is that of its first process on the engine's machine, 0 when it does not run.
    """

    id: str
    name: str
    service: str
    running: bool
    status: str
    health: str
    exit_code: int
    oom_killed: bool
    pid: int
    started_at: float


# ------------------------------------------------------------------------------------------------- whether it is there


@contextmanager
def connected(*, timeout_s: float = 60.0) -> Iterator[DockerClient]:
    """Connect to the engine that the `docker` command would use, for as long as the block lasts.

    Raises EngineError that says what keeps it from being used, and what to do; also for whatever docker-py raises in
    the block.
    """
    with closing(_connect(timeout_s)) as client:
        try:
            yield client
        except (DockerException, requests.RequestException) as error:
            raise EngineError(
                f"the Docker engine does not do what is asked of it: {error}; see `docker version`"
            ) from error


def _connect(timeout_s: float) -> DockerClient:
    host = _host()
    try:
        _probe(host)
        return DockerClient(base_url=host, version="auto", timeout=int(timeout_s), tls=_tls(host))
    except FAILURES as error:
        raise EngineError(_why_not(error, host)) from error


def _probe(host: str) -> None:
    """Raise OSError where a socket of this machine cannot be connected to: docker-py would leave it open then."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5.0)
            probe.connect(host.removeprefix("unix://"))


def _host() -> str:
    """Where the `docker` command finds its engine: DOCKER_HOST, else its current context."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    try:
        context = docker.ContextAPI.get_current_context()
    except FAILURES:
        context = None
    return str((context.Host if context is not None else "") or "unix:///var/run/docker.sock")


def _tls(host: str) -> Any:
    if host.startswith("tcp://") and os.environ.get("DOCKER_TLS_VERIFY"):
        return kwargs_from_env().get("tls", False)
    return False


def _why_not(error: Exception, host: str) -> str:
    text = str(error)
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return (
            f"this user may not use the Docker engine at {host}; add it to the group docker and log in anew "
            f"(`sudo usermod -aG docker $USER`), or run Docker rootless, {_INSTEAD}"
        )
    if isinstance(error, FileNotFoundError | ConnectionRefusedError) or "Connection refused" in text:
        return f"no Docker engine answers at {host}; start it (`sudo systemctl start docker`), {_INSTEAD}"
    return f"the Docker engine at {host} cannot be used: {text[:300]}; see `docker version`, {_INSTEAD}"


def facts(client: DockerClient) -> EngineFacts:
    """Give what the engine and compose say of themselves.

    Raises EngineError where either is missing, too old, or does not answer.
    """
    info = client.info()
    version = str(info.get("ServerVersion", ""))
    if _numbers(version) < OLDEST_ENGINE:
        raise EngineError(f"the Docker engine is {version}, and 20.10 is the oldest that can be used; {_INSTEAD}")
    return EngineFacts(
        version=version,
        compose=compose_version(),
        cgroup=f"v{info.get('CgroupVersion', '1')}",
        storage=str(info.get("Driver", "")),
        system=str(info.get("OperatingSystem", "")),
        root=str(info.get("DockerRootDir", "")),
        is_rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or ()),
        is_desktop="Docker Desktop" in str(info.get("OperatingSystem", "")),
    )


def compose_version() -> str:
    """Give the version of `docker compose`. Raises EngineError where there is none, or it is too old."""
    get = "https://docs.docker.com/compose/install/"
    try:
        answer = processes.ask(["docker", "compose", "version", "--short"], timeout_s=_VERSION_TIMEOUT_S)
    except LabError as error:
        raise EngineError(f"{error}; the compose engine needs the docker command with its compose plug-in") from error
    found = re.search(r"\d+\.\d+[\w.+-]*", answer.output)
    if answer.exit_code != 0 or found is None:
        raise EngineError(f"the docker command has no compose plug-in; install it ({get}), {_INSTEAD}")
    if _numbers(found[0]) < OLDEST_COMPOSE:
        raise EngineError(
            f"docker compose is {found[0]}, and 2.26 is the oldest that can be used; renew it ({get}), {_INSTEAD}"
        )
    return found[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


# ----------------------------------------------------------------------------------------------------------- projects


def compose_argv(project: ComposeProject, *arguments: str) -> tuple[str, ...]:
    """Give the command line of `docker compose` for a project; `compose_environment` goes with it."""
    files = (text for path in project.files for text in ("--file", str(path)))
    folder = ("--project-directory", str(project.folder))
    # no .env of the folder: what is not said here is not meant
    return ("docker", "compose", "--project-name", project.name, *folder, "--env-file", os.devnull, *files, *arguments)


def compose_environment(project: ComposeProject) -> dict[str, str]:
    """Give the variables that a project's files ask for; they go before those of the shell. Raises EngineError."""
    try:
        variables = orjson.loads(project.variables.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise EngineError(
            f"{project.variables} cannot be read: {error}; `lab down` clears away what it is of"
        ) from error
    return {**variables, "COMPOSE_PROFILES": "", "COMPOSE_ANSI": "never", "COMPOSE_PROGRESS": "plain"}


def of_project(client: DockerClient, project: str, *, one_off: bool | None = None) -> tuple[DockerContainer, ...]:
    """Give the containers of a project, stopped ones too; `one_off` chooses those of `compose run`, or the others."""
    labels = [f"{PROJECT_LABEL}={project}"]
    if one_off is not None:
        labels.append(f"{ONE_OFF_LABEL}={one_off}")
    return tuple(client.containers.list(all=True, filters={"label": labels}, ignore_removed=True))


def states(client: DockerClient, project: str) -> dict[str, State]:
    """Give how each service of a project stands, by its name."""
    found = (state_of(container) for container in of_project(client, project, one_off=False))
    return {state.service: state for state in found}


def state_of(container: DockerContainer) -> State:
    """Give how a container stood when it was asked for."""
    of = container.attrs.get("State", {})
    return State(
        id=str(container.id),
        name=str(container.name),
        service=str(container.labels.get(SERVICE_LABEL, "")),
        running=bool(of.get("Running")),
        status=str(of.get("Status", "")),
        health=str((of.get("Health") or {}).get("Status", "")),
        exit_code=int(of.get("ExitCode", 0)),
        oom_killed=bool(of.get("OOMKilled")),
        pid=int(of.get("Pid", 0)),
        started_at=epoch_s(str(of.get("StartedAt", ""))),
    )


def identity(client: DockerClient, state: State) -> Container:
    """Give what a container is, for a record: the image that it runs, by content and as a registry knows it."""
    attributes = client.containers.get(state.id).attrs
    image, image_id = str(attributes["Config"]["Image"]), str(attributes["Image"])
    try:
        digests = client.images.get(image_id).attrs.get("RepoDigests") or []
    except FAILURES:
        digests = []
    digest = str(digests[0]).partition("@")[2] if digests else ""
    return Container(id=state.id, name=state.name, image=image, image_id=image_id, digest=digest)


def has_image(client: DockerClient, name: str) -> bool:
    """Whether an image is here."""
    try:
        client.images.get(name)
    except NotFound:
        return False
    return True


def tail(client: DockerClient, container: str, *, lines: int = 15) -> str:
    """Give the end of a container's log, or a sentence that says that there is none."""
    try:
        text = client.api.logs(container, tail=lines).decode(errors="replace")
    except FAILURES as error:
        return f"(its log cannot be read: {error})"
    return text.strip() or "(its log is empty)"


def execute(container: str, argv: Sequence[str], *, timeout_s: float = 1800.0) -> Answer:
    """Run a program in a container, and give what it says. Raises EngineError."""
    with connected(timeout_s=timeout_s) as client:
        done = client.containers.get(container).exec_run(list(argv))
    output = cast("bytes", done.output or b"")
    return Answer(
        exit_code=-1 if done.exit_code is None else done.exit_code, output=output.decode(errors="replace").strip()
    )


def log_chunks(client: DockerClient, container: str, *, since: float | None) -> Iterator[bytes]:
    """Give what a container logged since a time (epoch seconds), each line after its time."""
    yield from client.api.logs(container, stream=True, follow=False, timestamps=True, since=since)


def remove_project(client: DockerClient, project: str, *, with_volumes: bool) -> None:
    """Remove what a project has left: containers, networks, and volumes where they are meant."""
    label = {"label": f"{PROJECT_LABEL}={project}"}
    for container in of_project(client, project):
        with suppress(NotFound):
            _remove(container)
    for network in client.networks.list(filters=label):
        with suppress(NotFound):
            network.remove()
    for volume in client.volumes.list(filters=label) if with_volumes else ():
        with suppress(NotFound):
            volume.remove(force=True)


def _remove(container: DockerContainer) -> None:
    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code != requests.codes.conflict:  # its removal goes on already
            raise


def remove_images(client: DockerClient, names: Sequence[str]) -> None:
    """Remove the names of images; what is built from stays in the engine's build cache."""
    for name in names:
        try:
            client.images.remove(name, noprune=False)
        except FAILURES:  # not there, or in use by somebody else
            continue


def gateway(client: DockerClient, network: str) -> str:
    """Give the address of this machine on a network of containers; "" where it has none."""
    try:
        configs = client.networks.get(network).attrs["IPAM"]["Config"] or []
    except (*FAILURES, KeyError):
        return ""
    return next((str(config["Gateway"]) for config in configs if config.get("Gateway")), "")


def epoch_s(text: str) -> float:
    """Read a time of the engine's, such as 2026-11-24T18:00:00.123456789Z; 0 for one that never was."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    except ValueError:
        return 0.0
    digits = re.match(r"\d+", fraction)
    return max(moment, 0.0) + (float(f"0.{digits[0]}") if digits and moment > 0 else 0.0)


def is_seen_here(state: State) -> bool:
    """Whether a container's first process is one of this machine, with everything that /proc tells of it."""
    cgroup = Path(f"/proc/{state.pid}/cgroup")
    try:
        os.listdir(f"/proc/{state.pid}/fd")  # noqa: PTH208  # whether it may be read is what is asked
        return state.id[:12] in cgroup.read_text(encoding="ascii")  # an engine elsewhere has the same numbers
    except OSError:
        return False


def stats(client: DockerClient, container: str) -> Mapping[str, Any]:
    """Give one reading of a container's counters. Raises OSError where the engine has none."""
    try:
        found = client.api.stats(container, stream=False, one_shot=True)
    except FAILURES as error:
        raise OSError(f"no figures of container {container[:12]}: {error}") from error
    return cast("Mapping[str, Any]", found)
