"""`docker compose` as a command: what it prints is kept and told, and what went wrong is said in words."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from lab import containers, processes
from lab.errors import EngineError, LabError
from lab.model import ComposeProject

_CONFIG_TIMEOUT_S = 30.0
_LONGEST_S = 3600.0
_PATIENCE_S = 10.0
_FULL = (
    "the disk of the Docker engine is full: `docker system df` shows by what, `docker builder prune` and "
    "`docker image prune` free some of it"
)
_NO_IMAGE = (
    "manifest unknown",
    "no such host",
    "dial tcp",
    "i/o timeout",
    "TLS handshake",
    "connection refused",
    "failed to resolve",
    "pull access denied",
    "failed to do request",
    ": EOF",
)
_NO_REGISTRY = (
    "no registry gave it: pull it where one is reached and bring it here (`docker save`, `docker load`), or name a "
    "mirror (docs/containers.md), or use local processes: --engine process"
)
_HINTS = (
    (r"no space left on device", _FULL),
    (r"port is already allocated|address already in use", "a port was taken meanwhile; `--ports auto` takes free ones"),
    (rf"({'|'.join(_NO_IMAGE)})", _NO_REGISTRY),
)


def config(project: ComposeProject) -> dict[str, Any]:
    """Give the project as compose understands it. Raises EngineError with compose's own words."""
    argv = containers.compose_argv(project, "--profile", "load", "config", "--format", "json")
    answer = processes.ask(argv, timeout_s=_CONFIG_TIMEOUT_S, env=containers.compose_environment(project))
    start = answer.output.find("{")
    if answer.exit_code != 0 or start < 0:
        raise EngineError(f"{project.files[0].name} cannot be used: {answer.output[-1000:] or 'compose said nothing'}")
    try:
        return cast("dict[str, Any]", orjson.loads(answer.output[start:]))
    except orjson.JSONDecodeError as error:
        raise EngineError(f"docker compose config printed no JSON: {answer.output[:500]!r}") from error


class Compose:
    """Runs commands on a project; each leaves what it printed in `<folder>/<command>.log`, without passwords in it.

    `marker` is what its processes carry, so that `lab down` finds one that a killed lab left.
    """

    def __init__(self, project: ComposeProject, folder: Path, *, marker: str) -> None:
        self._project = project
        self._folder = folder
        self._marker = marker

    def start(self, command: str, *arguments: str) -> "Running":
        """Start a command, such as `up`. Raises EngineError where it cannot be."""
        log = self._folder / f"{command}.log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
            child = processes.start(
                containers.compose_argv(self._project, command, *arguments),
                marker=self._marker,
                output=log,
                env=containers.compose_environment(self._project),
            )
            return Running(command, child.pid, log, child.poll)
        except OSError as error:
            raise EngineError(f"{log} cannot be written: {error.strerror}") from error

    def run(
        self, command: str, *arguments: str, on_line: Callable[[str], None], on_wait: Callable[[float], None]
    ) -> None:
        """Run a command to its end, telling each line as it comes, and every ten seconds how long it has taken.

        Raises EngineError with what to do about it.
        """
        begun = told = time.monotonic()

        def waited(running: Running) -> bool:
            nonlocal told
            if time.monotonic() - told >= _PATIENCE_S:
                told = time.monotonic()
                on_wait(told - begun)
            return running.told(on_line)

        running = self.start(command, *arguments)
        try:
            ended = processes.wait_until(lambda: waited(running), timeout_s=_LONGEST_S, interval_s=0.2)
        finally:
            running.stop()
        if not ended:
            raise EngineError(f"docker compose {command} has not ended after an hour; see {self._folder}")


class Running:
    """A command that goes on; whoever leaves it early must `stop` it."""

    def __init__(self, command: str, pid: int, log: Path, poll: Callable[[], int | None]) -> None:
        self._command = command
        self._process = processes.identify(pid)
        self._log = log
        self._poll = poll
        self._read = 0

    def lines(self) -> Sequence[str]:
        """Give the whole lines that it has printed since this was last asked."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return [line for line in whole.decode(errors="replace").splitlines() if line.strip()]

    def has_ended(self) -> bool:
        """Whether it has. Raises EngineError where it ended with an error."""
        code = self._poll()
        if code:
            raise EngineError(told(self._command, self._log.read_text(encoding="utf-8", errors="replace")))
        return code is not None

    def told(self, on_line: Callable[[str], None]) -> bool:
        """Tell the lines that are new; gives whether it has ended. Raises EngineError where that was with an error."""
        ended = self.has_ended()
        for line in self.lines():
            on_line(line)
        return ended

    def stop(self) -> None:
        """End it, if it goes on."""
        processes.stop_group(self._process, grace_s=10.0)


def told(command: str, output: str) -> str:
    """Say why a command failed: the end of its output, and what to do about it where that is known."""
    end = "\n".join([line for line in output.splitlines() if line.strip()][-15:])
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, output, re.IGNORECASE)), "")
    return "\n".join(part for part in (f"docker compose {command} failed:", end, hint) if part)


def ended(project: ComposeProject, *arguments: str, timeout_s: float) -> None:
    """Run a short command. Raises EngineError."""
    environment: Mapping[str, str] = containers.compose_environment(project)
    try:
        answer = processes.ask(containers.compose_argv(project, *arguments), timeout_s=timeout_s, env=environment)
    except LabError as error:
        raise EngineError(str(error)) from error
    if answer.exit_code != 0:
        raise EngineError(told(arguments[0], answer.output))
