"""Packs of people who mean no good, or whose line broke: nothing of them is kept, and it is said what is wrong."""

import hashlib
import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab import rundir
from lab.conclude import conclude
from lab.errors import RunDirError
from lab.pack_places import Places
from lab.packing import pack
from lab.unpacking import is_pack, unpack
from tests.lab.recorded_run import a_recorded_run

RUN_ID = "20260102T120000Z-mixed-forged"


@dataclass
class Forged:
    """A pack that can be made wrong in any way."""

    files: dict[str, bytes] = field(default_factory=lambda: {"run.json": b'{"state":"finished"}', "a.md": b"a text"})
    told: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: list[tarfile.TarInfo] = field(default_factory=list)
    lists: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda files: files

    def write(self, path: Path) -> Path:
        listed = [
            {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in self.files.items()
        ]
        told = {
            "format": 1,
            "lab": "0.1.0",
            "run_id": RUN_ID,
            "state": "finished",
            "files": self.lists(listed),
            "left_out": [],
            "shortened": [],
            "cleaned": [],
            **self.told,
        }
        with lzma.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w|") as archive:
            for name, content in {"pack.json": orjson.dumps(told), **self.files}.items():
                header = tarfile.TarInfo(f"{RUN_ID}/{name}")
                header.size = len(content)
                for key, value in self.headers.get(name, {}).items():
                    setattr(header, key, value)
                archive.addfile(header, BytesIO(content))
            for header in self.extra:
                archive.addfile(header, BytesIO(b"x" * header.size))
        return path


def a_header(name: str, **changes: Any) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(header, key, value)
    return header


def sized(size: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda files: [*files[:-1], {**files[-1], "size_bytes": size}]


def also(name: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda files: [*files, {"name": name, "size_bytes": 1, "sha256": "0" * 64}]


WRONG = {
    "a path that leads up": (Forged(lists=also("../../evil")), "no plain name"),
    "a path from the root": (Forged(lists=also("/etc/passwd")), "no plain name"),
    "a path with an empty part": (Forged(lists=also("load//x")), "no plain name"),
    "a backslash": (Forged(lists=also("load\\..\\x")), "no plain name"),
    "a name with a zero byte": (Forged(lists=also("x\x00.md")), "no plain name"),
    "a name that moves the cursor": (Forged(lists=also("x\x9b2J.md")), "no plain name"),
    "a note that moves the cursor": (Forged(told={"left_out": ["\x1b[2J"]}), "no terminal should be sent"),
    "a hidden file": (Forged(lists=also(".bashrc")), "no plain name"),
    "a second manifest": (Forged(lists=also("pack.json")), "no plain name"),
    "a name twice": (Forged(lists=also("run.json")), "no plain name"),
    "a run's name that leads up": (Forged(told={"run_id": "../x"}), "that of another run"),
    "another run's name": (Forged(told={"run_id": "20260102T120000Z-other"}), "that of another run"),
    "no record": (Forged(files={"a.md": b"x"}), r"no run\.json"),
    "a file that is not listed": (Forged(extra=[a_header(f"{RUN_ID}/evil.sh")]), "does not list"),
    "a file beside the run": (Forged(extra=[a_header("../../evil.sh")]), "does not list"),
    "a file twice": (Forged(extra=[a_header(f"{RUN_ID}/a.md")]), "or twice"),
    "a symbolic link": (
        Forged(files={"run.json": b"{}", "a.md": b""}, headers={"a.md": {"type": tarfile.SYMTYPE, "linkname": "/etc"}}),
        "is a link",
    ),
    "a hard link": (
        Forged(
            files={"run.json": b"{}", "a.md": b""},
            headers={"a.md": {"type": tarfile.LNKTYPE, "linkname": f"{RUN_ID}/run.json"}},
        ),
        "is a link",
    ),
    "a device": (
        Forged(files={"run.json": b"{}", "a.md": b""}, headers={"a.md": {"type": tarfile.CHRTYPE}}),
        "a device",
    ),
    "a pipe": (
        Forged(files={"run.json": b"{}", "a.md": b""}, headers={"a.md": {"type": tarfile.FIFOTYPE}}),
        "a device",
    ),
    "a folder": (
        Forged(files={"run.json": b"{}", "a.md": b""}, headers={"a.md": {"type": tarfile.DIRTYPE}}),
        "a folder",
    ),
    "another digest": (Forged(lists=lambda files: [*files[:-1], {**files[-1], "sha256": "0" * 64}]), "sha256"),
    "another size": (Forged(lists=sized(5)), "6 bytes, and 5 are listed"),
    "a negative size": (Forged(lists=sized(-1)), "says that it holds"),
    "a file that is missing": (Forged(lists=also("b.md")), "lacks"),
    "a later format": (Forged(told={"format": 2}), "has format 2, and this lab reads 1"),
    "a manifest of another shape": (Forged(told={"files": "all of them"}), "damaged"),
    "a manifest that is no object": (Forged(headers={}, told={"state": "mad"}), "damaged"),
    "too much": (Forged(lists=sized(2**40)), "no more than"),
    "a file as a folder": (Forged(files={"run.json": b"{}", "a": b"x", "a/b": b"x"}), "nothing was unpacked"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_kept(tmp_path: Path, name: str) -> None:
    forged, says = WRONG[name]
    into = tmp_path / "runs"
    with pytest.raises(RunDirError, match=says):
        unpack(forged.write(tmp_path / "x.tar.xz"), into)
    assert list(into.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "x.tar.xz"}


def test_a_forged_pack_is_taken_where_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    unpacked = unpack(Forged().write(tmp_path / "x.tar.xz"), tmp_path / "runs")
    assert (unpacked.run.path / "a.md").read_bytes() == b"a text"
    assert unpacked.run.pack.is_file()


def test_more_bytes_than_are_listed_are_never_inflated(tmp_path: Path) -> None:
    bomb = a_header(f"{RUN_ID}/a.bin", size=50 * 2**20)
    forged = Forged(extra=[bomb], lists=lambda files: [*files, {"name": "a.bin", "size_bytes": 10, "sha256": "0" * 64}])
    with pytest.raises(RunDirError, match="bytes, and 10 are listed"):
        unpack(forged.write(tmp_path / "x.tar.xz"), tmp_path / "runs")


def test_a_header_of_many_megabytes_is_not_read_either(tmp_path: Path) -> None:
    inflated = lzma.decompress(Forged().write(tmp_path / "x.tar.xz").read_bytes())
    with tarfile.open(fileobj=BytesIO(inflated), mode="r:") as archive:
        end = archive.getmembers()[1].offset
    header = a_header(f"{RUN_ID}/b.md", pax_headers={"comment": "x" * (20 * 2**20)})
    with lzma.open(tmp_path / "x.tar.xz", "wb", preset=0) as file:
        file.write(inflated[:end] + header.tobuf(tarfile.PAX_FORMAT))
    with pytest.raises(RunDirError, match="holds more than it says"):
        unpack(tmp_path / "x.tar.xz", tmp_path / "runs")


def test_a_limit_can_be_lower(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="no more than"):
        unpack(Forged().write(tmp_path / "x.tar.xz"), tmp_path / "runs", most_bytes=10)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path: Path, part: float) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, Places(())).path
    whole = packed.read_bytes()
    packed.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(RunDirError, match=r"cut off|is no pack"):
        unpack(packed, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_bit_that_has_flipped_is_found(tmp_path: Path) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, Places(())).path
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 4
    packed.write_bytes(content)
    with pytest.raises(RunDirError, match=r"damaged|sha256"):
        unpack(packed, tmp_path / "runs")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", lzma.compress(b""), lzma.compress(b"no archive" * 100)])
def test_a_file_that_is_no_pack_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar.xz"
    path.write_bytes(content)
    with pytest.raises(RunDirError, match="is no pack"):
        unpack(path, tmp_path / "runs")


def test_any_other_archive_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "run.json").write_text("{}")
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "folder", "folder")
    with pytest.raises(RunDirError, match=r"does not begin with a pack\.json"):
        unpack(tmp_path / "x.tar.xz", tmp_path / "runs")


def test_a_file_that_is_missing_and_a_folder_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="No such file"):
        unpack(tmp_path / "none.tar.xz", tmp_path / "runs")
    forged = Forged().write(tmp_path / "x.tar.xz")
    with pytest.raises(RunDirError, match="nothing was unpacked"):
        unpack(forged, forged / "runs")


def test_the_same_run_may_be_there_already_and_reported_anew(tmp_path: Path) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, Places(())).path
    first = unpack(packed, tmp_path / "runs")
    conclude(first.run)
    first.run.summary.write_text("of a later version of the lab")
    again = unpack(packed, tmp_path / "runs")
    assert again.was_there
    assert again.run == first.run
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [first.run.run_id]


@pytest.mark.parametrize("changed", ["samples.parquet", "run.json", "pack.json"])
def test_another_run_of_that_name_is_left_alone(tmp_path: Path, changed: str) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, Places(())).path
    run = unpack(packed, tmp_path / "runs").run
    (run.path / changed).write_bytes(b"{}")
    with pytest.raises(RunDirError, match=f"is not what the pack holds \\({changed}\\).*--into"):
        unpack(packed, tmp_path / "runs")
    assert (run.path / changed).read_bytes() == b"{}"


def test_the_run_that_was_packed_is_itself_left_alone(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "runs")
    packed = pack(run, tmp_path, Places(())).path
    before = sorted(path.name for path in run.path.iterdir())
    with pytest.raises(RunDirError, match="is there and is not what the pack holds"):
        unpack(packed, tmp_path / "runs")
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_an_unpacked_run_is_a_run_like_others_and_not_the_latest_one(tmp_path: Path) -> None:
    own = a_recorded_run(tmp_path / "runs")
    forged = Forged(told={"run_id": RUN_ID}).write(tmp_path / "x.tar.xz")
    unpacked = unpack(forged, tmp_path / "runs")
    assert set(rundir.all_runs(tmp_path / "runs")) == {own, unpacked.run}
    assert rundir.find(tmp_path / "runs", "latest") == own
    assert rundir.find(tmp_path / "runs", RUN_ID) == unpacked.run


def test_a_pack_is_told_from_a_folder_and_from_other_files(tmp_path: Path) -> None:
    other = tmp_path / "x.txt"
    other.write_text("text")
    assert is_pack(Forged().write(tmp_path / "x.tar.xz"))
    assert not is_pack(other)
    assert not is_pack(tmp_path)
    assert not is_pack(tmp_path / "none")
