"""Node processes of a service, and their inspectors: which are open, opening one by a signal, closing it again.

A Node process opens its inspector when it is sent SIGUSR1, and no signal closes it: the lab has the process close it by
a timer of its own once the last client has left. Any other program that is sent SIGUSR1 ends, so that none is sent it
that is not Node and does not handle it.
"""

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from lab.errors import ProfileError
from lab.profilers.inspector import ANSWER_TIMEOUT_S, connected

DEFAULT_PORT = 9229
_NAMES = ("node", "nodejs")
_LAUNCHERS = re.compile(r"(npm|npx|pnpm|yarn|yarnpkg|corepack)([ .-].*)?")
_PORT_OPTION = re.compile(r"--(?:inspect(?:-brk|-wait|-port)?=|inspect-port )(?:\S*:)?(\d{1,5})(?=\s|$)")
_HERE = ("127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1")  # noqa: S104  # compared with, not bound to
_LOOK_S = 0.1
# the connection has to be gone by then: closed under it, older releases crashed (nodejs/node#18761)
_CLOSE = (
    "(() => { const inspector = require('node:inspector');"
    " setTimeout(() => { try { inspector.close(); } catch {} }, 100).unref(); return true; })()"
)


def family(pid: int) -> list[psutil.Process]:
    """Give the Node processes among `pid` and those below it, the youngest generation first; launchers are left out.

    Raises ProfileError where there is no such process, or none of them is Node.
    """
    try:
        first = psutil.Process(pid)
        members = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess as error:
        raise _ended(pid) from error
    if not _lives(first):
        raise _ended(pid)
    found = [member for member in members if is_node(member)]
    if not found:
        raise ProfileError(
            f"process {pid} ({_command(first)}) is not Node, nor is one below it; "
            "where Node is inside another program, start it with --inspect and name its URL"
        )
    working = [member for member in found if not _is_launcher(member)]
    return list(reversed(working or found))


def is_node(process: psutil.Process) -> bool:
    """Whether a process runs Node by its own name."""
    try:
        return Path(process.exe()).name in _NAMES
    except psutil.AccessDenied:
        return process.name() in _NAMES
    except psutil.Error:
        return False


def is_below(process: psutil.Process, pid: int) -> bool:
    """Whether a process is `pid`, or was started by it or by one below it."""
    try:
        return pid in {process.pid, *(parent.pid for parent in process.parents())}
    except psutil.Error:
        return False


def _is_launcher(process: psutil.Process) -> bool:
    """Whether it is npm or its like, which only waits for the service that it has started."""
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        # npm rewrites its command line to "npm run start"; the others keep "node /usr/lib/.../yarn.js start"
        scripts = [words[0], *[word for word in words[1:2] if not word.startswith("-")]] if words else []
        return any(_LAUNCHERS.fullmatch(Path(script).name) for script in scripts)
    return False


def owner_of(port: int) -> psutil.Process | None:
    """Give the process that listens on a port of this machine; None where there is none, or it cannot be seen."""
    for connection in psutil.net_connections("tcp"):
        if _listens(connection, port) and connection.pid:
            with contextlib.suppress(psutil.Error):
                return psutil.Process(connection.pid)
    return None


def is_taken(port: int) -> bool:
    """Whether anyone listens on a port of this machine, seen or unseen."""
    return any(_listens(connection, port) for connection in psutil.net_connections("tcp"))


def _listens(connection: Any, port: int) -> bool:
    here = connection.status == psutil.CONN_LISTEN and connection.laddr
    return bool(here) and connection.laddr.port == port and connection.laddr.ip in _HERE


def inspector_port(process: psutil.Process) -> int:
    """Give the port that a Node process is told to open its inspector on: by its options, else 9229; 0 for any."""
    with contextlib.suppress(psutil.Error):
        told = " ".join([process.environ().get("NODE_OPTIONS", ""), *process.cmdline()])
        if ports := _PORT_OPTION.findall(told):
            return int(ports[-1])
    return DEFAULT_PORT


@asynccontextmanager
async def opened(
    process: psutil.Process,
    members: Sequence[psutil.Process],
    notes: list[str],
    *,
    patience_s: float = ANSWER_TIMEOUT_S,
) -> AsyncIterator[str]:
    """Give the URL of a process's inspector, which is left open or closed as it was found.

    `members` are the Node processes of the same service. Where it cannot be closed again, `notes` says so. Raises
    ProfileError where it cannot be opened.
    """
    port = inspector_port(process)
    if port == 0:
        raise ProfileError(f"{named(process)} inspects on a port of its own choice; name it: http://127.0.0.1:PORT")
    url = f"http://127.0.0.1:{port}"
    if _owns(process, port):
        yield url
        return
    _require_free(process, port)
    _signal(process)
    try:
        await _wait_until_open(process, port, patience_s)
        yield url
    finally:
        # in a cluster the signal is passed on, and another member may have been the first to take the port
        owner = owner_of(port)
        if owner is not None and owner.pid in {member.pid for member in (process, *members)}:
            await _closed_again(owner, url, port, notes, patience_s)


def _owns(process: psutil.Process, port: int) -> bool:
    try:
        return any(_listens(connection, port) for connection in process.net_connections("tcp"))
    except psutil.Error:
        return False


def _require_free(process: psutil.Process, port: int) -> None:
    if not is_taken(port):
        return
    owner = owner_of(port)
    whose = "a process of another user or container" if owner is None else named(owner)
    raise ProfileError(
        f"{named(process)} cannot open its inspector: port {port} is taken by {whose}; "
        "end that one, or start the service with --inspect-port=PORT"
    )


def _signal(process: psutil.Process) -> None:
    if not _shares_network(process.pid):
        raise ProfileError(
            f"{named(process)} runs in a container, whose inspector is not reached from here: start it with "
            "--inspect=0.0.0.0:9229, publish the port on 127.0.0.1, and name the URL"
        )
    if not handles_usr1(process.pid):
        raise ProfileError(
            f"{named(process)} does not handle SIGUSR1, which would end it: it is still starting, or was started with "
            "--disable-sigusr1; start it with --inspect and name its URL"
        )
    try:
        process.send_signal(signal.SIGUSR1)
    except psutil.AccessDenied as error:
        raise ProfileError(f"{named(process)} belongs to another user: run the lab as that one") from error
    except psutil.NoSuchProcess as error:
        raise _ended(process.pid) from error


def _shares_network(pid: int) -> bool:
    own, other = Path("/proc/self/ns/net"), Path(f"/proc/{pid}/ns/net")
    with contextlib.suppress(OSError):
        return own.readlink() == other.readlink()
    return True


def handles_usr1(pid: int) -> bool:
    """Whether a process catches SIGUSR1, which ends it otherwise; False where that cannot be seen."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, mask = line.partition(":")
            if name == "SigCgt":
                return bool(int(mask, 16) & 1 << signal.SIGUSR1 - 1)
    return False


async def _wait_until_open(process: psutil.Process, port: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not _owns(process, port):
        if not _lives(process):
            raise _ended(process.pid)
        if time.monotonic() > deadline or is_taken(port):
            if _owns(process, port):
                return
            _require_free(process, port)
            raise ProfileError(
                f"{named(process)} has not opened its inspector {patience_s:g} s after SIGUSR1: it hangs, or has a "
                "handler of its own for that signal (if it opens one later, only a restart closes it); start it with "
                "--inspect and name its URL"
            )
        await asyncio.sleep(_LOOK_S)


async def _closed_again(process: psutil.Process, url: str, port: int, notes: list[str], patience_s: float) -> None:
    try:
        async with connected(url, answer_timeout_s=patience_s) as session:
            await session.evaluate(_CLOSE)
    except ProfileError as error:
        if _owns(process, port):
            notes.append(_left_open(process, url, str(error)))
        return
    deadline = time.monotonic() + patience_s
    while _owns(process, port):
        if time.monotonic() > deadline:
            notes.append(_left_open(process, url, "its event loop does not get to it"))
            return
        await asyncio.sleep(_LOOK_S)


def _left_open(process: psutil.Process, url: str, why: str) -> str:
    return f"the inspector of process {process.pid} stays open at {url} until it is restarted ({why})"


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _ended(pid: int) -> ProfileError:
    return ProfileError(f"process {pid} has ended: nothing can be profiled; `lab status` shows what runs")


def named(process: psutil.Process) -> str:
    """Give a process as messages name it: its pid and the begin of its command."""
    return f"process {process.pid} ({_command(process)})"


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80] or process.name()
    except psutil.Error:
        return "ended"
