"""The recorder: every collector in its own file, each second, readable after any end."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab.collectors import Reading
from lab.collectors.recorder import Recorder, finish


class Counting:
    """A collector that counts its samples, and fails at those it is told to."""

    name = "counting"

    def __init__(self, *, fails_at: tuple[int, ...] = ()) -> None:
        self.samples = 0
        self.enough = threading.Event()
        self._fails_at = fails_at

    def sample(self) -> Iterable[Reading]:
        self.samples += 1
        if self.samples >= 2:
            self.enough.set()
        if self.samples in self._fails_at:
            raise OSError("no such thing now")
        return [Reading("count", "service=a", self.samples)]


def values(folder: Path) -> list[float]:
    return list(pq.read_table(folder / "counting.parquet").column("value").to_pylist())


def test_what_was_sampled_is_parquet_when_the_recorder_closes(tmp_path: Path) -> None:
    collector = Counting()
    with Recorder([collector], tmp_path):
        assert collector.enough.wait(30)
    assert values(tmp_path) == [float(n + 1) for n in range(collector.samples)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["counting.parquet"]


def test_what_was_read_is_on_disk_when_a_flush_has_been_asked_for(tmp_path: Path) -> None:
    collector = Counting()
    with Recorder([collector], tmp_path) as recorder:
        assert collector.enough.wait(30)
        read = collector.samples - 1
        recorder.flush(timeout_s=30)
        with pa.OSFile(str(tmp_path / "counting.arrows")) as file, pa.ipc.open_stream(file) as stream:
            kept = sum(batch.num_rows for batch in _so_far(stream))
    assert kept >= read


def _so_far(stream: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with contextlib.suppress(pa.ArrowInvalid, OSError):  # it goes on
        yield from stream


def test_a_flush_is_no_reading(tmp_path: Path) -> None:
    collector = Counting()
    with Recorder([collector], tmp_path) as recorder:
        assert collector.enough.wait(30)
        for _ in range(50):
            recorder.flush(timeout_s=30)
    assert collector.samples < 40  # one a second, on a machine however slow
    assert values(tmp_path) == [float(n + 1) for n in range(collector.samples)]


def test_a_collector_that_fails_once_leaves_a_gap_and_goes_on(tmp_path: Path) -> None:
    collector = Counting(fails_at=(1,))
    with Recorder([collector], tmp_path):
        assert collector.enough.wait(30)
    assert values(tmp_path) == [float(n + 1) for n in range(1, collector.samples)]


_KILLED = """
import os, sys, time
from pathlib import Path
from lab.collectors import Reading
from lab.collectors.recorder import Recorder

class Once:
    name = "counting"
    n = 0
    def sample(self):
        self.n += 1
        return [Reading("count", "", self.n)]

with Recorder([Once()], Path(sys.argv[1])):
    deadline = time.monotonic() + 60
    file = Path(sys.argv[1]) / "counting.arrows"
    while not (file.exists() and file.stat().st_size > 700) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(os.getpid(), 9)
"""


def test_after_kill_9_all_but_the_last_seconds_can_be_read(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], timeout=90, check=False)
    assert (tmp_path / "counting.arrows").exists()
    finish(tmp_path)
    assert values(tmp_path)[0] == 1.0


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_stream_cut_anywhere_becomes_a_valid_file(tmp_path: Path, cut: int) -> None:
    collector = Counting()
    recorder = Recorder([collector], tmp_path)
    (tmp_path / "kept").mkdir()
    with recorder:
        assert collector.enough.wait(30)
        whole = (tmp_path / "counting.arrows").read_bytes()
    cut_folder = tmp_path / "kept"
    (cut_folder / "counting.arrows").write_bytes(whole[:cut])
    finish(cut_folder)
    assert values(cut_folder) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to fill a disk with")
def test_a_full_disk_ends_one_series_and_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "counting.arrows").symlink_to("/dev/full")
    other = Counting()
    other.name = "other"
    full = Counting()
    with Recorder([full, other], tmp_path):
        assert full.enough.wait(30) or full.samples
        assert other.enough.wait(30)
    assert "counting keeps no more: [Errno 28]" in caplog.text
    assert pq.read_table(tmp_path / "other.parquet").num_rows == other.samples


def test_series_that_cannot_be_finished_stay_for_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    collector = Counting()
    with monkeypatch.context() as patch:
        patch.setattr("lab.collectors.recorder.finish", full)
        with Recorder([collector], tmp_path):
            assert collector.enough.wait(30)
    assert "series cannot be finished" in caplog.text
    finish(tmp_path)
    assert len(values(tmp_path)) == collector.samples


def test_who_listens_gets_what_is_recorded(tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    collector = Counting()
    with Recorder([collector], tmp_path, on_readings=lambda name, read: heard.append((name, read[0].value))):
        assert collector.enough.wait(30)
    assert heard == [("counting", value) for value in values(tmp_path)]
