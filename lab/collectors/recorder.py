"""Runs the collectors, each in a thread of its own, and keeps what they read under `series/`.

While a run goes on, a series is an Arrow IPC stream that is flushed every few seconds: whatever kills the controller,
all but the last seconds can be read. `finish` turns the streams into Parquet.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from lab.collectors import Collector, Reading

INTERVAL_S = 1.0
_FLUSH_TICKS = 5
_TIME = pa.timestamp("us", tz="UTC")
_STREAM = pa.schema([("time", _TIME), ("metric", pa.string()), ("labels", pa.string()), ("value", pa.float64())])
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")  # a tenth: what is named in each row is always the same
_CODES = pa.dictionary(pa.int32(), pa.string())
SERIES = pa.schema([("time", _TIME), ("metric", _CODES), ("labels", _CODES), ("value", pa.float64())])
_Pending = list[tuple[int, Reading]]  # time in microseconds, reading
OnReadings = Callable[[str, Sequence[Reading]], None]
_log = logging.getLogger(__name__)


def _nobody(_: str, __: Sequence[Reading]) -> None:
    """Nobody else is told."""


class Recorder:
    """Samples while it is open (`with`): every collector once a second, written to `<folder>/<name>.arrows`.

    `on_readings` gets the name of a collector and what it has just read, in that collector's thread.
    """

    def __init__(self, collectors: Sequence[Collector], folder: Path, *, on_readings: OnReadings = _nobody) -> None:
        self._beats = [_Beat() for _ in collectors]
        self._threads = [
            threading.Thread(target=_record, args=(c, folder, beat, on_readings), name=f"collect-{c.name}", daemon=True)
            for c, beat in zip(collectors, self._beats, strict=True)
        ]
        self._folder = folder

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for beat in self._beats:
            beat.end()
        for thread in self._threads:
            thread.join(timeout=10.0)
        try:
            finish(self._folder)
        except OSError as error:  # the streams stay, and whoever concludes the run tries again
            _log.warning("series cannot be finished: %s", error)

    def flush(self, *, timeout_s: float = 2.0) -> None:
        """Have every collector put what it has read on disk: a kill loses nothing of it.

        One that is slower than `timeout_s`, or has ended, is not waited for.
        """
        asked = [beat for beat, thread in zip(self._beats, self._threads, strict=True) if thread.is_alive()]
        for beat in asked:
            beat.ask()
        deadline = time.monotonic() + timeout_s
        for beat in asked:
            beat.flushed.wait(max(0.0, deadline - time.monotonic()))


class _Beat:
    """When one collector reads, once a second, and when it puts on disk what it has read."""

    def __init__(self) -> None:
        self.flushed = threading.Event()
        self._wake = threading.Event()
        self._is_asked = False
        self._has_ended = False

    def ask(self) -> None:
        """Have it flush now."""
        self.flushed.clear()
        self._is_asked = True
        self._wake.set()

    def end(self) -> None:
        """Have it read for the last time, now."""
        self._has_ended = True
        self._wake.set()

    def ticks(self) -> Iterator[int | None]:
        """Give the number of each reading when it is due, and between them None where a flush was asked for."""
        begun, tick = time.monotonic(), 0
        while not self._has_ended:
            yield tick
            tick = max(tick + 1, int((time.monotonic() - begun) / INTERVAL_S))  # a slow tick skips, it piles up nothing
            while not self._has_ended and self._wake.wait(max(0.0, begun + tick * INTERVAL_S - time.monotonic())):
                self._wake.clear()
                if self._is_asked:
                    self._is_asked = False
                    yield None
        yield tick  # the state at the end, so that counters cover the last window


def _record(collector: Collector, folder: Path, beat: _Beat, on_readings: OnReadings) -> None:
    try:
        _keep(collector, folder, beat, on_readings)
    except OSError as error:  # a full disk: what is there can be read, and the gap that follows is found
        _log.warning("collector %s keeps no more: %s", collector.name, error)


def _keep(collector: Collector, folder: Path, beat: _Beat, on_readings: OnReadings) -> None:
    with (
        (folder / f"{collector.name}.arrows").open("wb") as file,
        pa.ipc.new_stream(file, _STREAM, options=_OPTIONS) as stream,
    ):
        pending: _Pending = []
        for tick in beat.ticks():
            if tick is None:
                _flush(pending, stream, file.flush)
                beat.flushed.set()
                continue
            now_us = time.time_ns() // 1000
            try:
                readings = list(collector.sample())
                on_readings(collector.name, readings)
                pending += [(now_us, reading) for reading in readings]
            except (OSError, ValueError, psutil.Error) as error:
                _log.warning("collector %s missed a tick: %s", collector.name, error)
            if tick % _FLUSH_TICKS == 0:
                _flush(pending, stream, file.flush)
        _flush(pending, stream, file.flush)


def _flush(
    pending: list[tuple[int, Reading]], stream: pa.ipc.RecordBatchStreamWriter, sync: Callable[[], None]
) -> None:
    if not pending:
        return
    times = pa.array([now for now, _ in pending], type=pa.int64()).cast(_TIME)
    metrics = [reading.metric for _, reading in pending]
    labels = [reading.labels for _, reading in pending]
    values = [float(reading.value) for _, reading in pending]
    stream.write_batch(pa.record_batch([times, pa.array(metrics), pa.array(labels), pa.array(values)], schema=_STREAM))
    sync()
    pending.clear()


def finish(folder: Path) -> None:
    """Turn every stream left in `folder` into `<name>.parquet`, as far as it can be read; does nothing without any.

    What an earlier attempt at the run has left in that file stays before it.
    """
    for path in sorted(folder.glob("*.arrows")):
        draft, earlier = path.with_suffix(".parquet.part"), path.with_suffix(".parquet")
        with pq.ParquetWriter(draft, SERIES, compression="zstd") as writer:
            if earlier.exists():
                writer.write_table(pq.read_table(earlier, schema=SERIES))
            for batches in _grouped(_readable(path)):
                writer.write_table(pa.Table.from_batches(batches).cast(SERIES))
        draft.replace(earlier)
        path.unlink()


def _readable(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream
    except (pa.ArrowInvalid, OSError) as error:  # cut off in the middle of a batch, or before the first one
        _log.warning("%s ends early: %s", path.name, error)


def _grouped(batches: Iterator[pa.RecordBatch], *, rows: int = 200_000) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(part.num_rows for part in group) >= rows:
            yield group
            group = []
    if group:
        yield group
