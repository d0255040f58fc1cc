"""What samples while a run is driven: one collector a file, each giving readings that the recorder writes down."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Reading(NamedTuple):
    """One value of a series at one time; `labels` is `k=v,k=v`, sorted by key."""

    metric: str
    labels: str
    value: float


class Collector(Protocol):
    """A source of readings. `name` is that of its file under `series/`."""

    name: str

    def sample(self) -> Iterable[Reading]:
        """Read everything once. May raise OSError, ValueError or psutil.Error: then this tick is a gap."""
        ...


class Processes(Collector, Protocol):
    """What watches what services use, and the generator's process, which is another one in each phase."""

    def watch(self, service: str, pid: int | None) -> None:
        """Watch this process under this name from now on; None ends it."""
        ...
