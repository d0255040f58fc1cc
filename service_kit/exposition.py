"""The text of /metrics, for one process or, in prometheus-client's multiprocess mode, for all that share a folder."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from service_kit.process_family import ProcessFamily

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Exposition:
    """A registry to put metrics into, and the text that a scrape gets.

    Where PROMETHEUS_MULTIPROC_DIR is set, the text is the sum over every process that uses that folder, which whoever
    starts them empties before; gauges of processes that have ended are left out.
    """

    def __init__(self, pids: Callable[[], Iterable[int]] = lambda: (os.getpid(),)) -> None:
        """Have `process_*` cover `pids`, this service's own processes."""
        # they double the series, and nothing reads them
        disable_created_metrics()  # type: ignore[no-untyped-call]  # of prometheus-client
        self.registry = CollectorRegistry()
        folder = os.environ.get(_FOLDER)
        self._folder = Path(folder) if folder else None
        self._processes = ProcessFamily(self._sharing if self._folder else pids)

    def text(self) -> bytes:
        """Give Prometheus text."""
        if self._folder is None:
            return generate_latest(self.registry) + self._process_text()
        together = CollectorRegistry()
        self._forget_the_dead()
        MultiProcessCollector(together, str(self._folder))  # type: ignore[no-untyped-call]  # likewise
        return generate_latest(together) + self._process_text()

    def _process_text(self) -> bytes:
        own = CollectorRegistry()
        own.register(self._processes)
        return generate_latest(own)

    def _sharing(self) -> set[int]:
        return {pid for pid in self._known() if _lives(pid)}

    def _known(self) -> set[int]:
        # files are named counter_<pid>.db, gauge_livesum_<pid>.db and so on
        assert self._folder is not None
        return {int(pid) for path in self._folder.glob("*.db") if (pid := path.stem.rpartition("_")[2]).isdigit()}

    def _forget_the_dead(self) -> None:
        for pid in self._known():
            if not _lives(pid):
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]  # likewise


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
