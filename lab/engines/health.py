"""How the services of an environment stand: seen from outside, and cheap enough to ask often."""

import contextlib
from urllib.parse import urlsplit

import psutil

from lab import processes
from lab.engines import readiness
from lab.engines.readiness import Readiness
from lab.model import Environment, ProcessId, RunningService, ServiceHealth


def check(service: RunningService, health_url: str, *, mongo_url: str = "") -> ServiceHealth:
    """Ask one service; `health_url` is "" for MongoDB, which is asked at `mongo_url`."""
    process = service.process
    if process is not None and not processes.is_running(process):
        code = processes.exit_code(process)
        return ServiceHealth(name=service.name, running=False, answering=False, exit_code=code, why=gone(process))
    answer = _ask(service, health_url, mongo_url)
    return ServiceHealth(
        name=service.name,
        running=process is not None or answer.ready,
        answering=answer.ready,
        rss_bytes=None if process is None else _rss_bytes(process),
        why=answer.why,
    )


def dead(environment: Environment) -> tuple[RunningService, ...]:
    """The services of the system whose process has ended; costs well under a millisecond, so ask it under load."""
    return tuple(s for s in environment.system if s.process is not None and not processes.is_running(s.process))


def gone(process: ProcessId) -> str:
    """What became of a process that does not run any more."""
    code = processes.exit_code(process)
    if code is not None:
        return f"process {process.pid} {ending(code)}"
    if psutil.pid_exists(process.pid) and not _is_zombie(process.pid):
        return f"process {process.pid} has ended, and its number belongs to another process by now"
    return f"process {process.pid} has ended"


def ending(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code == -9:
        return "was killed by SIGKILL (by hand, or by the kernel when memory ran out)"
    if exit_code < 0:
        return f"was ended by signal {-exit_code}"
    return f"ended with exit code {exit_code}"


def _ask(service: RunningService, health_url: str, mongo_url: str) -> Readiness:
    if health_url:
        return readiness.http_readiness(health_url)
    if mongo_url:
        return readiness.mongo_readiness(mongo_url)
    return Readiness(ready=readiness.listens(urlsplit(service.url).port or 0))


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _rss_bytes(process: ProcessId) -> int | None:
    try:
        leader = psutil.Process(process.pid)
        family = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return None
    total = 0
    for member in family:
        with contextlib.suppress(psutil.Error):
            total += member.memory_info().rss
    return total
