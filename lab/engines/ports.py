"""Which port each service gets, and whether it is free."""

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from lab.errors import PortBusyError
from lab.model import Service

HOME = "LAB_ENVIRONMENT_HOME"
"""The environment variable by which a service says which lab it belongs to."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who listens on a port. `home` is the folder of the lab that it is an environment of, "" if of none.

    `pid` is None for a process of another user: the system tells only root of those.
    """

    pid: int | None
    program: str
    home: str = ""


def port_problems(services: Sequence[Service], asked: Mapping[str, int], *, auto: bool = False) -> list[str]:
    """What is wrong with the ports asked for, one sentence each."""
    names = [service.name for service in services]
    problems = [
        f"--ports {name}={port}: no service is named {name!r} (there are: {', '.join(names)})"
        for name, port in asked.items()
        if name not in names
    ]
    fixed = {s.name: asked.get(s.name, s.port) for s in services if s.name in asked or not auto}
    problems += [f"{name}: {port} is no port (1 to 65535)" for name, port in fixed.items() if not 1 <= port <= 65535]
    for port in sorted({port for port in fixed.values() if list(fixed.values()).count(port) > 1}):
        sharing = " and ".join(name for name in fixed if fixed[name] == port)
        problems.append(f"{sharing} cannot both have port {port}")
    return problems


def choose_ports(services: Sequence[Service], asked: Mapping[str, int], *, auto: bool = False) -> dict[str, int]:
    """The port of each service: the one asked for, else with `auto` a free one, else the target's."""
    needing = [service.name for service in services if auto and service.name not in asked]
    free = dict(zip(needing, free_ports(len(needing), avoid=asked.values()), strict=True))
    return {s.name: asked.get(s.name) or free.get(s.name) or s.port for s in services}


def free_ports(count: int, *, avoid: Iterable[int] = ()) -> list[int]:
    """So many different ports of 127.0.0.1 that nobody listens on now."""
    unwanted = set(avoid)
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            # kept open until all are found, so that none is given twice
            probe = stack.enter_context(socket.socket())
            probe.bind((HOST, 0))
            if probe.getsockname()[1] not in unwanted:
                found.append(probe.getsockname()[1])
    return found


def refuse_busy(ports: Mapping[str, int]) -> None:
    """Raise PortBusyError that names every port that cannot be had, the service that needs it, and who holds it."""
    reasons = {name: _why_not(port) for name, port in ports.items()}
    problems = [f"port {ports[name]} ({name}) {reason}" for name, reason in reasons.items() if reason]
    if problems:
        first = next(name for name, reason in reasons.items() if reason)
        problems.append(f"stop what holds it, or take other ports: `--ports auto`, or `--ports {first}=PORT`")
        raise PortBusyError("\n".join(problems))


def holder_of(port: int) -> Holder | None:
    """Who listens on this port; None when nobody does."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,):
            return _holder(connection.pid)
    return None


def _why_not(port: int) -> str:
    with socket.socket() as probe:
        # as servers do: without it, connections that ended in the last minute would make the port look busy
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return _reason(port, error)
    return ""


def _reason(port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"cannot be used: {error.strerror}"
    holder = holder_of(port)
    if holder is None:
        return "is not free yet, though nothing listens on it: its connections ended a moment ago"
    if holder.pid is None:
        return "is taken by a process of another user"
    lab = f", an environment of this lab in {holder.home}: `lab down` ends it" if holder.home else ""
    return f"is taken by pid {holder.pid} ({holder.program}{lab})"


def _holder(pid: int | None) -> Holder:
    if pid is None:
        return Holder(pid=None, program="")
    try:
        process = psutil.Process(pid)
        program = process.name()
    except psutil.Error:
        return Holder(pid=pid, program="already ended")
    try:
        return Holder(pid=pid, program=program, home=process.environ().get(HOME, ""))
    except (psutil.Error, OSError):
        return Holder(pid=pid, program=program)
