"""What containers log, brought into files as services that are processes write them.

Nothing follows the logs while load is driven: the engine keeps them, and what is new is fetched between phases.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from docker import DockerClient
from filelock import FileLock

from lab import containers
from lab.errors import LabError
from lab.model import Environment

_log = logging.getLogger(__name__)
_SINCE = ".since"
_MARGIN_S = 0.01


def bring(environment: Environment) -> None:
    """Append to each service's log file what its container has logged since; what cannot be had is a warning."""
    try:
        with containers.connected() as client:
            for service in environment.services:
                if service.container is not None and service.log is not None:
                    with FileLock(service.log.with_name(f"{service.log.name}.lock")):  # a run and `lab logs` at once
                        _append(client, service.container.id, service.log)
    except (LabError, OSError) as error:
        _log.warning("logs of containers cannot be brought: %s", error)


def begin(log: Path) -> None:
    """Begin a log file anew."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    _position(log).unlink(missing_ok=True)


def _append(client: DockerClient, container: str, log: Path) -> None:
    last = _last(log)
    # a float has no room for nanoseconds: what comes twice is left out by its stamp, whose texts sort as their times
    since = containers.epoch_s(last) - _MARGIN_S if last else None
    newest = last
    with log.open("ab") as file:
        for stamp, line in _lines(client, container, since):
            if stamp > last:
                file.write(line + b"\n")
                newest = max(newest, stamp)
    if newest:
        _position(log).write_text(newest, encoding="ascii")


def _lines(client: DockerClient, container: str, since: float | None) -> Iterator[tuple[str, bytes]]:
    """Give what was logged since, each line with its time."""
    rest = b""
    for chunk in containers.log_chunks(client, container, since=since):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _stamped(line)
    if rest:
        yield _stamped(rest)


def _stamped(line: bytes) -> tuple[str, bytes]:
    stamp, _, text = line.partition(b" ")
    return stamp.decode(errors="replace"), text


def _last(log: Path) -> str:
    try:
        return _position(log).read_text(encoding="ascii")
    except OSError:
        return ""


def _position(log: Path) -> Path:
    return log.with_name(log.name + _SINCE)
