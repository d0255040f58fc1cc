"""Engines bring a system under test up and take it down again; `ENGINES` says which there are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lab.engines import state
from lab.engines.compose import ComposeEngine
from lab.engines.external import ExternalEngine
from lab.engines.process import ProcessEngine
from lab.engines.stopped import Loss, Stopped
from lab.errors import ConfigError, EngineError
from lab.model import Environment, Limits, ServiceHealth, Target

__all__ = [
    "AUTO",
    "ENGINES",
    "ComposeEngine",
    "Engine",
    "ExternalEngine",
    "Loss",
    "ProcessEngine",
    "Stopped",
    "choose",
    "standing",
]


class Engine(Protocol):
    """A way of running a target. Each verb raises EngineError or ConfigError with what to do about it."""

    name: str

    def up(
        self,
        target: Target,
        *,
        ports: Mapping[str, int] | None = None,
        auto_ports: bool = False,
        without: Collection[str] = ...,
        limits: Sequence[Limits] = ...,
        on_event: Callable[[str], None] = ...,
    ) -> Environment:
        """Start the services and give them when all of them are ready; give those that already run, if they do.

        The observers that there are, but for those in `without`, are started beside them. `limits` are what services
        are held to.
        """

    def find(self) -> Environment | None:
        """What an earlier `up` left running; None when there is nothing."""

    def health(self, environment: Environment) -> tuple[ServiceHealth, ...]:
        """How each service stands now."""

    def watch(self, environment: Environment) -> AbstractContextManager[Callable[[], tuple[Loss, ...]]]:
        """Give what tells which services were lost since the block began; ask it often, it is cheap."""

    def bring_logs(self, environment: Environment) -> None:
        """Bring the files of `environment.log_files()` up to date; what cannot be had is left out."""

    def down(self, on_event: Callable[[str], None] = ..., *, keep_data: bool = False) -> Stopped:
        """Stop everything that an `up` started, also after a crash; says what there was."""


ENGINES: dict[str, Callable[[Path], Engine]] = {
    ProcessEngine.name: ProcessEngine,
    ComposeEngine.name: ComposeEngine,
    ExternalEngine.name: ExternalEngine,
}
"""The engines there are, each made with the folder that it keeps its things in."""

AUTO = "auto"


def standing(home: Path) -> Engine:
    """Give the engine of what runs in this home, or was left in it; the process engine where there is nothing.

    A damaged record is no reason to raise: then what else an engine leaves says whose it is.
    """
    try:
        record = state.read_record(home)
    except EngineError:
        record = None
    if record is not None and record.environment.engine in ENGINES:
        return ENGINES[record.environment.engine](home)
    return ComposeEngine(home) if ComposeEngine(home).has_traces() else ProcessEngine(home)


def choose(home: Path, asked: str, target: Target, *, default: str = AUTO) -> Engine:
    """Give the engine that is to bring `target` up: the one that is asked for, else that of what already runs.

    `auto` (or "") takes what runs already; else what fits the target: `external` where it only says where services
    are, then `default`, and where that is `auto` too `compose` if the target can be had as containers and a Docker
    engine answers, `process` otherwise. Raises ConfigError for an unknown engine, and where another one runs here.
    """
    for name in (asked or AUTO, default):
        if name not in {AUTO, *ENGINES}:
            raise ConfigError(f"no engine is named {name!r} (there are: {', '.join([AUTO, *ENGINES])})")
    now = standing(home)
    if now.find() is not None:
        if asked not in {"", AUTO, now.name}:
            raise ConfigError(f"an environment of the {now.name} engine runs; `lab down` ends it")
        return now
    if asked in {"", AUTO}:
        asked = _fitting(home, target, default)
    if target.is_external and asked != ExternalEngine.name:
        raise ConfigError(f"the services of target {target.name} already run; use --engine {ExternalEngine.name}")
    return ENGINES[asked](home)


def _fitting(home: Path, target: Target, default: str) -> str:
    if target.is_external:
        return ExternalEngine.name
    if default != AUTO:
        return default
    return ComposeEngine.name if ComposeEngine(home).can_run(target) else ProcessEngine.name
