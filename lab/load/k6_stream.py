"""k6's output as it comes, by way of a named pipe: kept as gzip, and handed on line by line.

k6 can write gzip itself, but never flushes it: at 5 requests per second a reader would see nothing for more than ten
seconds, and a killed run would lose as much. Through a pipe the lines come within k6's own 0.2 s, k6 saves the
compression, and what the lab has read is on disk a second later.
"""

import fcntl
import os
import sys
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from lab.errors import LoadError

_PIPE_BYTES = 1024 * 1024
_PAUSE_S = 0.05
_FLUSH_EVERY_S = 1.0
_GZIP = 31  # zlib's window bits for a gzip header


class Stream:
    """A named pipe beside `path` that a thread reads into `path` (gzip), while the block of the context manager runs.

    `pipe` is what k6 writes to, `on_lines` gets the lines (in that thread). At the end of the block k6 must have ended;
    what the pipe still holds is read, and the pipe is removed. Raises LoadError where a file cannot be made or, at the
    end, where reading failed (a full disk).
    """

    def __init__(self, path: Path, on_lines: Callable[[Sequence[bytes]], None]) -> None:
        self.path = path
        self.pipe = path.with_name(path.name + ".pipe")
        self._on_lines = on_lines
        self._rest = b""
        self._has_ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="k6-output", daemon=True)

    @property
    def error(self) -> Exception | None:
        """Why reading stopped early, if it did."""
        return self._error

    def __enter__(self) -> Self:
        try:
            self.pipe.unlink(missing_ok=True)
            os.mkfifo(self.pipe)
            self._file = self.path.open("wb")
            self._reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            self.pipe.unlink(missing_ok=True)
            raise LoadError(f"{self.path}: cannot be written: {error.strerror}") from error
        if sys.platform == "linux":  # elsewhere it holds 64 KiB, and k6 waits for the reader more often
            fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._has_ended.set()
        self._thread.join()
        os.close(self._reader)
        self.pipe.unlink(missing_ok=True)
        if self._error is not None and error is None:
            raise LoadError(f"{self.path}: k6's output could not be kept: {self._error}") from self._error

    def _run(self) -> None:
        try:
            with self._file as file:
                self._pump(file)
        except Exception as error:  # noqa: BLE001  # told to the thread that drives
            self._error = error

    def _pump(self, file: IO[bytes]) -> None:
        deflate = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        flushed_at = time.monotonic()
        while True:
            is_last = self._has_ended.is_set()
            while text := self._read():
                file.write(deflate.compress(text))
                self._hand_on(text)
            if is_last:
                break
            if time.monotonic() - flushed_at >= _FLUSH_EVERY_S:
                file.write(deflate.flush(zlib.Z_SYNC_FLUSH))
                file.flush()
                flushed_at = time.monotonic()
            self._has_ended.wait(_PAUSE_S)
        file.write(deflate.flush())

    def _read(self) -> bytes:
        try:
            return os.read(self._reader, _PIPE_BYTES)
        except BlockingIOError:
            return b""

    def _hand_on(self, text: bytes) -> None:
        *lines, self._rest = (self._rest + text).split(b"\n")
        self._on_lines(lines)
