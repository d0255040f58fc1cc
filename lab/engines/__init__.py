"""Engines bring a system under test up and take it down again; `ENGINES` says which there are."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from lab.engines.process import ProcessEngine, Stopped
from lab.model import Environment, ServiceHealth, Target

__all__ = ["ENGINES", "Engine", "ProcessEngine", "Stopped"]


class Engine(Protocol):
    """A way of running a target. Each verb raises EngineError or ConfigError with what to do about it."""

    def up(
        self,
        target: Target,
        *,
        ports: Mapping[str, int] | None = None,
        auto_ports: bool = False,
        without: Collection[str] = ...,
        on_event: Callable[[str], None] = ...,
    ) -> Environment:
        """Start the services and give them when all of them are ready; give those that already run, if they do.

        The observers that there are, but for those in `without`, are started beside them.
        """

    def find(self) -> Environment | None:
        """What an earlier `up` left running; None when there is nothing."""

    def health(self, environment: Environment) -> tuple[ServiceHealth, ...]:
        """How each service stands now."""

    def down(self, on_event: Callable[[str], None] = ..., *, keep_data: bool = False) -> Stopped:
        """Stop everything that an `up` started, also after a crash; says what there was."""


ENGINES: dict[str, Callable[[Path], Engine]] = {"process": ProcessEngine}
"""The engines there are, each made with the folder that it keeps its things in."""
