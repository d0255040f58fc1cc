"""Starts the services of one `up` in their order, side by side where none waits for the other."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lab import processes
from lab.engines import health, mongod, readiness
from lab.engines.launches import Launch
from lab.engines.mongod_log import end_of_log
from lab.engines.ports import HOME
from lab.engines.readiness import Readiness
from lab.errors import EngineError, LabError
from lab.model import ProcessId, RunningService


class Launcher:
    """One attempt to start services; whoever makes it takes down what it has started when it fails.

    `on_start` is called with everything started so far each time that something has been started.
    """

    def __init__(
        self,
        launches: Sequence[Launch],
        *,
        marker: str,
        home: Path,
        scratch: Path,
        on_start: Callable[[tuple[RunningService, ...]], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._launches = tuple(launches)
        self._marker = marker
        self._home = home
        self._scratch = scratch
        self._on_start = on_start
        self._on_event = on_event
        self._started: dict[str, RunningService] = {}
        self._started_at: dict[str, float] = {}
        self._ready: set[str] = set()

    def run(self) -> tuple[RunningService, ...]:
        """Start everything; gives the services in the target's order when all of them are ready.

        Raises EngineError with the end of the log of a service that cannot be started, dies or does not get ready.
        """
        for launch in self._launches:
            for other in self._launches:
                if other.service.name not in self._started and other.needs <= self._ready:
                    self._start(other)
            self._await(launch)
        return tuple(self._started[launch.service.name] for launch in self._launches)

    def _start(self, launch: Launch) -> None:
        name = launch.service.name
        process = self._spawn(launch) if launch.argv else None
        self._started_at[name] = time.monotonic()
        self._started[name] = RunningService(
            name=name,
            url=mongod.without_password(launch.url),
            version="",
            process=process,
            metrics_url=launch.metrics_url,
            log=launch.log if process else None,
        )
        self._on_start(tuple(self._started.values()))
        if process:
            self._on_event(f"{name}: started on port {launch.port} (pid {process.pid})")

    def _spawn(self, launch: Launch) -> ProcessId:
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        launch.log.write_bytes(b"")
        if launch.data:
            launch.data.mkdir(parents=True, exist_ok=True)
        _write_files(launch)
        env = {**dict(launch.env), HOME: str(self._home), "TMPDIR": str(self._scratch)}
        try:
            child = processes.start(launch.argv, marker=self._marker, output=launch.log, env=env, cwd=launch.cwd)
            return processes.identify(child.pid)
        except LabError as error:
            raise EngineError(f"{launch.service.name}: {error}") from error

    def _await(self, launch: Launch) -> None:
        name, timeout_s = launch.service.name, launch.service.ready_timeout_s
        answer = Readiness(ready=False)

        def ready() -> bool:
            nonlocal answer
            self._refuse_dead()
            answer = ask(launch)
            return answer.ready

        left_s = self._started_at[name] + timeout_s - time.monotonic()
        if not processes.wait_until(ready, timeout_s=max(left_s, 0)):
            raise EngineError(
                f"{name} is not ready after {timeout_s:g} s: {answer.why}\n{_end_of(launch.log, launch.service.kind)}"
            )
        self._ready.add(name)
        version = answer.version or launch.version or _version(launch)
        self._started[name] = replace(self._started[name], version=version)
        took_s = time.monotonic() - self._started_at[name]
        self._on_event(f"{name}: ready after {took_s:.1f} s{version and f', version {version}'}")

    def _refuse_dead(self) -> None:
        for launch in self._launches:
            service = self._started.get(launch.service.name)
            if service and service.process and not processes.is_running(service.process):
                raise EngineError(death(service, launch.service.kind))


def _write_files(launch: Launch) -> None:
    try:
        for path, text in launch.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # there may be a password in it
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EngineError(f"{launch.service.name}: {error.filename} cannot be written: {error.strerror}") from error


def ask(launch: Launch) -> Readiness:
    """Whether a service is ready now."""
    if launch.health_url:
        return readiness.http_readiness(launch.health_url)
    if launch.argv and not readiness.listens(launch.port):
        return Readiness(ready=False, why=f"nothing listens on port {launch.port}")
    return readiness.mongo_readiness(launch.url)


def death(service: RunningService, kind: str) -> str:
    """What to say of a service whose process has ended: how, what that means, and the end of its log."""
    code = processes.exit_code(service.process) if service.process else None
    meaning = mongod.explain_exit(code) if kind == "mongod" and code is not None else ""
    how = health.gone(service.process) if service.process else "it does not answer"
    end = f"\n{_end_of(service.log, kind)}" if service.log else ""
    return f"{service.name} has died: {how}{meaning and f': {meaning}'}{end}"


def _end_of(log: Path, kind: str) -> str:
    end = end_of_log(log) if kind == "mongod" else processes.tail(log)
    return f"the end of {log}:\n{end}"


def _version(launch: Launch) -> str:
    return readiness.http_readiness(f"{launch.url}/healthz").version if launch.health_url else ""
