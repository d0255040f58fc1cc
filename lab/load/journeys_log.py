"""When journeys began and ended, from k6's output: what the window of a phase and its achieved rate follow from."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from lab.load.k6_points import ITERATION, KEY, METRICS, STARTED, take_apart

_POINT = b'","type":"Point","data":{"time":"'


def epoch_s(time: bytes) -> float:
    """Turn a time of k6's (RFC 3339) into epoch seconds. Raises ValueError."""
    return datetime.fromisoformat(time.decode()).timestamp()


@dataclass(slots=True)
class JourneysLog:
    """Journeys of one phase, as their lines come. Times are epoch seconds.

    `began_at` is when the first k6 scenario began its load (None before that); `last_at` is the time of the last line
    seen. `starts` holds when each journey that has ended began, in order.
    """

    began_at: float | None = None
    last_at: float | None = None
    starts: list[float] = field(default_factory=list)

    def read(self, lines: Iterable[bytes]) -> None:
        """Take note of what the lines say of journeys; damaged ones are passed over."""
        line = b""
        for line in lines:
            metric = METRICS.get(line[KEY])
            if metric in (ITERATION, STARTED):
                with suppress(ValueError):
                    self._take(metric, line)
        self._note_time(line)

    def _take(self, metric: bytes, line: bytes) -> None:
        time, value, _, _ = take_apart(metric, line)
        if metric == STARTED:
            self.began_at = min(value / 1000, self.began_at or float("inf"))
        else:
            insort(self.starts, epoch_s(time) - value / 1000)  # ends come in order, so it lands near the end

    def _note_time(self, line: bytes) -> None:
        _, is_point, rest = line.partition(_POINT)
        if is_point:
            try:
                self.last_at = epoch_s(rest[: rest.index(b'"')])
            except ValueError:
                return

    def started_between(self, begin: float, end: float) -> int:
        """How many of the journeys that have ended began in [begin, end)."""
        return bisect_left(self.starts, end) - bisect_left(self.starts, begin)
