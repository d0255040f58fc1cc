"""Load generators: what drives a phase of a plan, and leaves samples behind."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from lab.load.k6 import K6Load, find_k6
from lab.model import Phase, Progress, Scenario, Window


class LoadGenerator(Protocol):
    """Drives load, one phase at a time."""

    @property
    def version(self) -> str:
        """Which version of the generator it is."""
        ...

    def drive(
        self,
        phase: Phase,
        scenario: Scenario,
        *,
        base_url: str,
        seed: int,
        out: Path,
        marker: str,
        on_progress: Callable[[Progress], None],
        settings: Mapping[str, str] | None = None,
    ) -> Window:
        """Drive a phase and give its window; leaves its own output in `out`. Raises LoadError."""
        ...


def _k6() -> LoadGenerator:
    return K6Load(find_k6())


LOAD_GENERATORS: Mapping[str, Callable[[], LoadGenerator]] = {"k6": _k6}
"""What exists, by name; each gives a generator that works, or raises LoadError."""
