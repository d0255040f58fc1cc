"""Where py-spy runs: on this machine, or in a container beside the service that shares its processes.

From outside of a container native frames cannot be read, since py-spy looks for a process' files at the paths that
these have inside; and the processes may belong to someone else, or be on another machine. So a container of the
service's own image is started, by `compose.profiling.yaml`, which alone gives the right to look.
"""

import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lab import containers, processes
from lab.errors import LabError, ProfileError
from lab.model import ComposeProject, ProcessId, Subject
from lab.profilers import python_process

OVERRIDE = "compose.profiling.yaml"
_INSIDE = "/profiles"
_END_TIMEOUT_S = 10


class Started(Protocol):
    """One py-spy that was started, and the process on this machine that ends with it."""

    @property
    def process(self) -> ProcessId:
        """Give that process."""

    def stop(self, grace_s: float) -> None:
        """Ask it to write what it saw, as Ctrl-C does; end it when it has not done so in `grace_s`."""


class Place(Protocol):
    """Where py-spies for one subject run."""

    def why_not(self, program: Path) -> str:
        """Why it cannot look from there, with what to do about it; "" where it can."""

    def names(self) -> dict[int, str]:
        """Give the names of the processes that it looks into, by pid; {} where py-spy alone sees them."""

    def lives(self) -> bool:
        """Whether the subject's first process is there."""

    def start(self, program: Path, arguments: Sequence[str], *, raw: Path, log: Path, longest_s: float) -> Started:
        """Start `py-spy record` for `longest_s` at most; `raw` is what it writes, `log` what it prints."""


@dataclass(frozen=True, slots=True)
class _Here:
    process: ProcessId

    def stop(self, grace_s: float) -> None:
        processes.stop_group(self.process, grace_s=grace_s, first=signal.SIGINT)


@dataclass(frozen=True, slots=True)
class OnThisMachine:
    """Beside the processes of the subject."""

    subject: Subject

    def why_not(self, program: Path) -> str:
        """Why this user may not look, or what the subject is that is no Python."""
        if not Path("/proc/self/status").exists():
            return "the lab uses py-spy on Linux only; profile a service that runs in a container or on Linux"
        try:
            found = python_process.family(self.subject.pid)
        except ProfileError as error:
            return str(error)
        rights = python_process.own_rights(program)
        reasons = (
            python_process.why_not_allowed(each.pid, owner_uid=python_process.owner_of(each), rights=rights)
            for each in found
        )
        return next((reason for reason in reasons if reason), "")

    def names(self) -> dict[int, str]:
        """Give the names of the subject's Python processes."""
        return {each.pid: python_process.name_of(each) for each in python_process.family(self.subject.pid)}

    def lives(self) -> bool:
        """Whether the first process is there."""
        return python_process.lives(self.subject.pid)

    def start(self, program: Path, arguments: Sequence[str], *, raw: Path, log: Path, longest_s: float) -> Started:
        """Start it as a child that dies with the lab, so that it needs no end of its own."""
        del longest_s
        own = [str(program), "record", "--pid", str(self.subject.pid), "--duration", "unlimited", *arguments]
        child = processes.start(
            [*own, "--output", str(raw)], marker=self.subject.marker, output=log, dies_with_parent=True
        )
        return _Here(processes.identify(child.pid))


@dataclass(frozen=True, slots=True)
class _Beside:
    process: ProcessId
    container: str

    def stop(self, grace_s: float) -> None:
        with (
            suppress(LabError, *containers.FAILURES),
            containers.connected(timeout_s=grace_s + _END_TIMEOUT_S) as client,
        ):
            found = client.containers.get(self.container)
            with suppress(*containers.FAILURES):  # it has ended already
                if grace_s:
                    found.kill("SIGINT")
                    found.wait(timeout=grace_s)
            found.remove(force=True)
        processes.stop_group(self.process, grace_s=min(grace_s, _END_TIMEOUT_S))


@dataclass(frozen=True, slots=True)
class BesideContainer:
    """In a container of the service's image, among its processes, where its first one is number 1."""

    subject: Subject
    project: ComposeProject

    @property
    def service(self) -> str:
        """Give the name that the compose file gives to what looks into the service."""
        return f"profile-{self.subject.service}"

    def why_not(self, program: Path) -> str:
        """Say that py-spy is not one for containers, or that no compose file lets it look into the service."""
        if not sys.platform.startswith("linux"):
            return f"{program} is not for Linux, where containers run: profile from a Linux machine"
        override = self._override
        if not override.is_file():
            return f"{override.name} is missing beside {self.project.files[0].name}: nothing may look into containers"
        if f"\n  {self.service}:\n" not in override.read_text(encoding="utf-8"):
            return f"{override.name} has no service {self.service}, which may look into it"
        return ""

    def names(self) -> dict[int, str]:
        """Give none: py-spy itself sees the command lines, and pids are those inside."""
        return {}

    def lives(self) -> bool:
        """Whether the container's first process is there, as far as this machine sees it."""
        return self.subject.pid == 0 or python_process.lives(self.subject.pid)

    def start(self, program: Path, arguments: Sequence[str], *, raw: Path, log: Path, longest_s: float) -> Started:
        """Start it in a container that ends by itself, since it would outlive a lab that is killed."""
        name = f"{self.project.name}-{self.service}-{secrets.token_hex(4)}"
        options = ("--rm", "--no-deps", "--no-TTY", "--name", name, "--volume", f"{raw.parent.absolute()}:{_INSIDE}")
        own = (
            "record",
            "--pid",
            "1",
            "--duration",
            f"{longest_s:.0f}",
            *arguments,
            "--output",
            f"{_INSIDE}/{raw.name}",
        )
        project = replace(self.project, files=(*self.project.files, self._override))
        child = processes.start(
            containers.compose_argv(project, "run", *options, self.service, *own),
            marker=self.subject.marker,
            output=log,
            env={**containers.compose_environment(project), "LAB_PYSPY": str(program)},
            dies_with_parent=True,
        )
        return _Beside(processes.identify(child.pid), name)

    @property
    def _override(self) -> Path:
        return self.project.files[0].with_name(OVERRIDE)


def place_of(subject: Subject) -> Place:
    """Give where a subject is looked at from."""
    return OnThisMachine(subject) if subject.project is None else BesideContainer(subject, subject.project)
