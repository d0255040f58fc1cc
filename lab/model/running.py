"""What is running, or could be: services, environments, and the parts of this machine."""

from dataclasses import dataclass
from pathlib import Path

OBSERVERS = ("prometheus", "grafana")
"""Services that watch the system and are no part of it: it works without them, and is not judged by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number. Times are epoch seconds."""

    pid: int
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a service may use, at most: how much of how many cores, memory, and which cores (`cpuset`, such as `0-1,3`).

    None and "" are no limit.
    """

    service: str
    cpus: float | None = None
    memory_bytes: int | None = None
    cpuset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container that cannot be mistaken for a later one of its name: its id, and the image that it really runs.

    `image_id` is the digest of the image's content. `digest` is what a registry knows it by, "" where it was made here.
    """

    id: str
    name: str
    image: str
    image_id: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A service that answers, at `url` from this machine; `inside_url` is where other containers find it.

    `process` and `container` say what the lab started; both are None where it started nothing.
    """

    name: str
    url: str
    version: str
    process: ProcessId | None
    metrics_url: str = ""
    log: Path | None = None
    container: Container | None = None
    inside_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeProject:
    """A Docker Compose project, as its command line names it: files in their order, and the folder they are of.

    `variables` is a file (JSON) of the variables that they ask for, secrets among them. `network` is the one that its
    containers share. `facts` says which engine runs it: versions, storage, cgroups.
    """

    name: str
    files: tuple[Path, ...]
    variables: Path
    folder: Path
    network: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an engine brought up: services in the order of their start, those that only observe among them.

    `prometheus_folder` is where its Prometheus server has what it scrapes (`targets/`) and what it keeps (`tsdb/`), and
    `lab_hosts` are the addresses at which that server may find the lab: each to listen on, and how the server names it.
    `limits` holds for the services that it names. `project` is that of an environment in containers.

    `overrides` says what was set against the target's file, as `key=value`, without secrets.

    `allowed_hosts` are the hosts beside this machine that it may be at, and `unwatched` says what cannot be collected
    of a service, a sentence each; both are empty where the lab has started the services.
    """

    id: str
    engine: str
    target: str
    entry_url: str
    mongo_url: str
    started_at: float
    services: tuple[RunningService, ...]
    prometheus_folder: Path | None = None
    lab_hosts: tuple[tuple[str, str], ...] = (("127.0.0.1", "127.0.0.1"),)
    limits: tuple[Limits, ...] = ()
    project: ComposeProject | None = None
    allowed_hosts: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def system(self) -> tuple[RunningService, ...]:
        """The services that are measured."""
        return tuple(service for service in self.services if service.name not in OBSERVERS)

    def url_of(self, name: str) -> str:
        """Give the URL of a service; "" where there is none of this name."""
        return next((service.url for service in self.services if service.name == name), "")

    def containers(self) -> dict[str, Container]:
        """Give the container of each service that has one."""
        return {service.name: service.container for service in self.services if service.container is not None}

    def log_files(self) -> dict[str, Path]:
        """Give the log file of each service of the system that has one."""
        return {service.name: service.log for service in self.system if service.log is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How one service stands.

    `running`: the very process that was started still runs (of a service that the lab did not start: it answers).
    `answering`: it is ready for requests. `exit_code`: how it ended, where that was seen (negative: by which signal).
    `rss_bytes`: resident memory with all its children; None where unknown. `why` says what is wrong, "" if nothing.
    """

    name: str
    running: bool
    answering: bool
    exit_code: int | None = None
    rss_bytes: int | None = None
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing wrong."""
        return self.running and self.answering


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part that the lab may use, as it was found on this machine.

    `found` is where it is ("" where it is not), `used` whether the lab would use it and `why` the reason of either.
    `lost` is what cannot be done without it and `get` how to get it, both "" for an extra that is here. `needed` parts
    are those that the main job, `lab up` and `lab run` on local processes, cannot do without.
    """

    name: str
    found: str = ""
    version: str = ""
    used: bool = False
    why: str = ""
    lost: str = ""
    get: str = ""
    needed: bool = False
