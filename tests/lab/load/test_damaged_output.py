"""Output that was cut or damaged: what is whole is read, in order, and nothing is made up."""

import gzip
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.load.k6_lines import GzipLines
from lab.load.k6_window import measure_window
from tests.lab.load.recorded import GZ, MIXED, TEXT, Rows, a_phase, converted

LINES = TEXT.splitlines(keepends=True)
FIRST_JOURNEY = next(i for i, line in enumerate(LINES) if b"scenario_started" in line and b'"Point"' in line)
SMALL = b"".join(LINES[FIRST_JOURNEY : FIRST_JOURNEY + 60])

MORE = settings(deadline=None, max_examples=60)


def flushed(text: bytes) -> bytes:
    """Gzip as the lab writes it: flushed now and then."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [deflate.compress(text[i : i + 2000]) + deflate.flush(zlib.Z_SYNC_FLUSH) for i in range(0, len(text), 2000)]
    return b"".join(parts) + deflate.flush()


def rows_of(content: bytes) -> tuple[bool, int, Rows, Rows]:
    """Whether the phase ended early, its damaged lines, its samples and its points."""
    with TemporaryDirectory() as folder:
        conversion, samples, points = converted(Path(folder), content)
    return bool(conversion.truncated), conversion.damaged_lines, samples, points


def test_cut_at_any_byte_the_rows_before_the_cut_are_read_and_the_cut_is_told() -> None:
    content = flushed(SMALL)
    _, _, all_samples, all_points = rows_of(content)
    assert len(all_samples) >= 2
    seen = set()
    for end in range(len(content)):
        is_truncated, damaged, samples, points = rows_of(content[:end])
        assert is_truncated
        assert damaged == 0
        assert samples == all_samples[: len(samples)]
        assert points == all_points[: len(points)]
        seen.add(len(samples))
    assert seen == set(range(len(all_samples) + 1))


def test_what_was_flushed_before_a_cut_is_all_read() -> None:
    whole = flushed(SMALL)
    first = flushed(SMALL[:2000])[:-10]  # without the gzip's end: an empty last block, a checksum and a length
    assert whole.startswith(first)
    _, _, samples, points = rows_of(first)
    _, _, expected_samples, expected_points = rows_of(gzip.compress(SMALL[:2000]))
    assert (samples, points) == (expected_samples, expected_points)


@MORE
@given(end=st.integers(0, len(GZ) - 1))
def test_any_cut_of_a_phase_leaves_whole_lines_in_order(end: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "main.json.gz"
        path.write_bytes(GZ[:end])
        lines = GzipLines(path)
        read = [line for batch in lines for line in batch]
        assert lines.is_truncated
        assert read == TEXT.split(b"\n")[: len(read)]
        window = measure_window(a_phase(), MIXED, Path(folder))
    assert window is None or window.note == "interrupted"


@MORE
@given(at=st.integers(0, len(LINES)), garbage=st.binary(min_size=1, max_size=200))
def test_lines_that_are_not_k6s_are_counted_and_change_nothing_else(at: int, garbage: bytes) -> None:
    garbage = b"!" + garbage.replace(b"\n", b" ") + b"\n"
    _, damaged, samples, points = rows_of(gzip.compress(b"".join([*LINES[:at], garbage, *LINES[at:]]), 1))
    assert damaged == 1
    assert (len(samples), len(points)) == (302, 755)


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255))
def test_one_wrong_byte_costs_what_stands_on_its_line_alone(at: int, byte: int) -> None:
    _, damaged, samples, points = rows_of(gzip.compress(SMALL[:at] + bytes([byte]) + SMALL[at + 1 :], 1))
    _, _, all_samples, all_points = rows_of(gzip.compress(SMALL, 1))
    # a check that passed may say by one byte that it did not
    assert len(all_samples) - 1 <= len(samples) <= len(all_samples)
    assert len(all_points) - 1 <= len(points) <= len(all_points) + 1
    assert damaged <= 3  # a duration cut in two lines, and the waiting time that it leaves alone


@MORE
@given(at=st.integers(10, len(GZ) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_gzip_is_survived(at: int, bit: int) -> None:
    damaged = bytearray(GZ)
    damaged[at] ^= 1 << bit
    _, _, samples, _ = rows_of(bytes(damaged))
    assert len(samples) <= 302


@pytest.mark.parametrize(
    ("true", "wrong"),
    [
        (b'"time":"2026', b'"time":"20x6'),
        (b'{"request_id":"rec', b'{"request_id":"r\xffc'),
        (b'"status":"201"', b'"status":"99999"'),
        (b'"status":"201"', b'"status":201'),
        (b'"status":"201"', b'"status":"ok"'),
        (b'"value":', b'"value":x'),
        (b',"tags":{', b',"tags":[{'),
    ],
)
def test_a_request_whose_line_makes_no_sense_is_left_out_and_counted(true: bytes, wrong: bytes) -> None:
    at = next(i for i, line in enumerate(LINES) if b'_waiting","type":"Point"' in line and b'"scenario"' in line)
    is_of_it = (b"http_req_duration", b"http_req_waiting")
    changed = [
        line.replace(true, wrong) if any(name in line for name in is_of_it) and at - 8 < i <= at else line
        for i, line in enumerate(LINES)
    ]
    assert changed != LINES
    _, damaged, samples, points = rows_of(gzip.compress(b"".join(changed), 1))
    assert (len(samples), len(points)) == (301, 755)
    assert damaged >= 1
