"""k6 in a container of the environment's own project, on the network that the services share.

The scripts are mounted, and so is the folder of the results: k6 writes there as this user, through the same named pipe
as on this machine.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient

from lab import containers, processes
from lab.errors import LabError, LoadError
from lab.load.k6 import SCRIPTS, Command
from lab.model import ComposeProject

SERVICE = "k6"
_SCRIPTS, _RESULTS = "/scripts", "/results"
_VERSION_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainedK6:
    """k6 in a container. `urls` maps the URL of a service on this machine to the one that containers have of it.

    `version` is what the image's k6 says of itself.
    """

    project: ComposeProject
    version: str
    urls: tuple[tuple[str, str], ...]

    def seen(self, place: str) -> str:
        """Give a URL, or the path of a script or a result, as it is inside. Raises LoadError for one that is not."""
        for outside, inside in self.urls:
            if place == outside or place.startswith(f"{outside}/"):
                return inside + place.removeprefix(outside)
        path = Path(place)
        if path.is_relative_to(SCRIPTS):
            return f"{_SCRIPTS}/{path.relative_to(SCRIPTS)}"
        if path.is_absolute():
            return f"{_RESULTS}/{path.name}"
        raise LoadError(f"{place}: load goes to the lab's own containers only")

    @contextmanager
    def command(self, out: Path, own: Sequence[str]) -> Iterator[Command]:
        """Give the `docker compose run` that k6's arguments follow; the container is gone when the block ends."""
        name = f"{self.project.name}-{SERVICE}-{secrets.token_hex(4)}"
        variables = (text for variable in own for text in ("-e", variable))
        environment = containers.compose_environment(self.project)
        options = ("--rm", "--no-deps", "--no-TTY", "--name", name, "--user", environment["LAB_USER"])
        volume = ("--volume", f"{out.absolute()}:{_RESULTS}")
        with containers.connected() as client:
            remove_left(client, self.project.name)
            generator = _Generator(client, name)
            try:
                yield Command(
                    argv=containers.compose_argv(self.project, "run", *options, *volume, *variables, SERVICE),
                    pid=generator.pid,
                    env=environment,
                    interrupt=generator.interrupt,
                )
            finally:
                generator.remove()


class _Generator:
    """The container of one run of k6."""

    def __init__(self, client: DockerClient, name: str) -> None:
        self._client = client
        self._name = name
        self._pid: int | None = None

    def pid(self, _child: int) -> int | None:
        """Give its first process; None before it runs, and where this machine does not see it."""
        if self._pid is None:
            with suppress(*containers.FAILURES):  # whatever the engine says of a container that is only coming up
                state = containers.state_of(self._client.containers.get(self._name))
                self._pid = state.pid if containers.is_seen_here(state) else None
        return self._pid

    def interrupt(self) -> None:
        """Have k6 end its load and write what it has, as Ctrl-C does, and wait for it."""
        with suppress(*containers.FAILURES):  # it has ended already, or never began
            container = self._client.containers.get(self._name)
            container.kill("SIGINT")
            container.wait(timeout=10)

    def remove(self) -> None:
        """Remove the container, if it is still there."""
        with suppress(*containers.FAILURES):  # `--rm` has done so
            self._client.containers.get(self._name).remove(force=True)


def find(project: ComposeProject, urls: Mapping[str, str]) -> ContainedK6:
    """Give the k6 of the project's image, which has been asked for its version. Raises LoadError."""
    argv = containers.compose_argv(project, "run", "--rm", "--no-deps", "--no-TTY", SERVICE, "version")
    try:
        answer = processes.ask(argv, timeout_s=_VERSION_TIMEOUT_S, env=containers.compose_environment(project))
    except LabError as error:
        raise LoadError(f"k6 in a container does not answer: {error}; or run it on this machine: --k6 host") from error
    words = [word for line in answer.output.splitlines() if line.startswith("k6") for word in line.split()]
    version = next((word[1:] for word in words if word[:1] == "v" and word[1:2].isdigit()), "")
    if answer.exit_code != 0 or not version:
        raise LoadError(f"k6 in a container does not say its version: {answer.output[-500:]!r}; or use --k6 host")
    return ContainedK6(project=project, version=version, urls=tuple(urls.items()))


def remove_left(client: DockerClient, project: str) -> None:
    """Remove the generators that a killed lab left running: they would put load on what is measured next."""
    for container in containers.of_project(client, project, one_off=True):
        with suppress(*containers.FAILURES):  # gone in the meantime
            container.remove(force=True)
