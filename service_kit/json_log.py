"""Log lines as JSON, one object a line, each with the ids of the work it belongs to."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

import orjson

from service_kit import trace


class JsonLog:
    """Writes a service's lines: time (UTC, ms), level, service, message, the three ids and what else is given.

    Nobody gives it tokens, passwords or bodies. A line that cannot be written (a full disk, a closed pipe) is dropped
    and counted in `dropped`, since a service must not fail because of its log.
    """

    def __init__(self, service: str, stream: BinaryIO | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.service = service
        self.dropped = 0
        self._stream = sys.stdout.buffer if stream is None else stream
        self._clock = clock
        self._lock = threading.Lock()
        self._second = -1
        self._second_text = ""

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write one line; `fields` may replace the ids of the current trace."""
        ids = trace.current()
        line = {
            "time": self._time(),
            "level": level,
            "service": self.service,
            "message": message,
            "requestId": ids.request_id,
            "analysisId": ids.analysis_id,
            "userId": ids.user_id,
            **fields,
        }
        self._put(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))

    def take_over_logging(self, level: int = logging.INFO) -> None:
        """Let what libraries log by `logging` come out as lines of this log too."""
        logging.basicConfig(handlers=[_Forward(self)], level=logging.WARNING, force=True)
        logging.getLogger("uvicorn").setLevel(level)

    def _time(self) -> str:
        # formatting a date costs more than the rest of a line, so it is done once a second
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"

    def _put(self, line: bytes) -> None:
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except (OSError, ValueError):  # ValueError: it was closed
            self.dropped += 1


class _Forward(logging.Handler):
    def __init__(self, log: JsonLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
        self._log.write(record.levelname.lower(), record.getMessage(), **fields)
