"""k6's `--out json` in gzip, as batches of whole lines, as far as the file goes."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from lab.errors import LoadError

_CHUNK_BYTES = 64 * 1024
_BATCHES_AHEAD = 2
_GZIP = 31  # window bits for a gzip header
_MAGIC = b"\x1f\x8b"


class GzipLines:
    """The lines of one gzip file, inflated in a thread of its own (isal releases the GIL), with flat memory.

    Several members in a row are read as one. `is_truncated` says, after the last batch, whether the file ended early
    (the writer was killed), was damaged, empty or missing; what comes before that point is given all the same, without
    the last, unfinished line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_truncated = False

    def __iter__(self) -> Iterator[list[bytes]]:
        """Give batches of lines without their ends. Raises LoadError where the file is no gzip or cannot be read."""
        batches: queue.Queue[list[bytes] | BaseException | None] = queue.Queue(maxsize=_BATCHES_AHEAD)
        is_wanted = threading.Event()
        is_wanted.set()
        reader = threading.Thread(target=self._read, args=(batches, is_wanted), name="inflate", daemon=True)
        reader.start()
        try:
            while (batch := batches.get()) is not None:
                if isinstance(batch, BaseException):
                    raise batch
                yield batch
        finally:
            is_wanted.clear()
            while reader.is_alive():
                _drain(batches)
                reader.join(timeout=0.01)

    def _read(self, batches: "queue.Queue[list[bytes] | BaseException | None]", is_wanted: threading.Event) -> None:
        try:
            for batch in self._batches():
                batches.put(batch)
                if not is_wanted.is_set():
                    return
            batches.put(None)
        except BaseException as error:  # noqa: BLE001  # raised again by the thread that asked
            batches.put(error)

    def _batches(self) -> Iterator[list[bytes]]:
        rest = b""
        for text in self._inflated():
            lines = (rest + text).split(b"\n")
            rest = lines.pop()
            yield lines
        if rest:
            self.is_truncated = True

    def _inflated(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from self._members(file)
        except FileNotFoundError:
            self.is_truncated = True
        except OSError as error:
            raise LoadError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _members(self, file: IO[bytes]) -> Iterator[bytes]:
        compressed = file.read(_CHUNK_BYTES)
        if compressed and not compressed.startswith(_MAGIC[: len(compressed)]):
            raise LoadError(f"{self.path}: is no gzip file; was it written by another program?")
        inflater = isal_zlib.decompressobj(wbits=_GZIP)
        while compressed:
            try:
                text = inflater.decompress(compressed)
            except IsalError:  # type: ignore[misc]  # its stub forgets that it is an exception
                break
            if text:
                yield text
            compressed = inflater.unused_data or file.read(_CHUNK_BYTES)
            if inflater.eof and compressed:
                inflater = isal_zlib.decompressobj(wbits=_GZIP)
        self.is_truncated = not inflater.eof


def _drain(batches: "queue.Queue[list[bytes] | BaseException | None]") -> None:
    while True:
        try:
            batches.get_nowait()
        except queue.Empty:
            return
