"""A run in one file: what goes in, what does not, and that nothing of this machine goes with it."""

import gzip
import os
import resource
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import packing, processes, request_trail
from lab.collectors import log_index, logs
from lab.conclude import conclude
from lab.config.settings import Settings
from lab.errors import RunDirError
from lab.pack_places import Places, places_of
from lab.packing import pack
from lab.resume import interrupted
from lab.rundir import RunDir
from lab.unpacking import unpack
from tests.lab.recorded_run import a_recorded_run

NO_PLACES = Places(())
JUDGED = ("analysis.json", "verdict.json", "summary.md", "playbooks.md", "junit.xml", "report.html", "capacity.json")


def contents(file: Path) -> dict[str, bytes]:
    """Give what an archive holds, by name inside the run."""
    found = {}
    with tarfile.open(file, "r:xz") as archive:
        for member in archive:
            opened = archive.extractfile(member)
            assert opened is not None
            found[member.name.partition("/")[2]] = opened.read()
    return found


def write_log(run: RunDir, service: str, lines: list[dict[str, object]]) -> None:
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    (run.logs / f"{service}{logs.SUFFIX}").write_bytes(gzip.compress(text, mtime=0))
    log_index.build(run.log_files(), run.log_index)


def slowest_request(run: RunDir) -> str:
    slowest = orjson.loads(run.analysis.read_bytes())["slowest"]
    return str(next(each["request_id"] for each in slowest if each["request_id"]))


def test_a_report_elsewhere_is_the_same_to_the_byte_without_k6s_own_output(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    packed = pack(run, tmp_path, NO_PLACES)
    before = {name: (run.path / name).read_bytes() for name in JUDGED}
    there = unpack(packed.path, tmp_path / "there").run
    assert not list(there.load.glob("*.json.gz"))
    for name in JUDGED:
        (there.path / name).unlink()
    conclude(there)
    assert {name: (there.path / name).read_bytes() for name in JUDGED} == before


def test_the_same_run_gives_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    first = pack(run, tmp_path / "one.tar.xz", NO_PLACES).path.read_bytes()
    for path in run.path.rglob("*"):
        os.utime(path, (1, 1))
    (run.path / "run.json").chmod(0o600)
    assert pack(run, tmp_path / "two.tar.xz", NO_PLACES).path.read_bytes() == first


def test_an_archive_says_nothing_of_who_wrote_it_and_when(tmp_path: Path) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, NO_PLACES)
    with tarfile.open(packed.path) as archive:
        headers = [(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode, m.isreg()) for m in archive]
    assert set(headers) == {(0, 0, "", "", 0, 0o644, True)}


def test_it_says_what_it_holds_with_digests_and_what_is_left_out(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    (run.prometheus / "chunks").mkdir(parents=True)
    (run.prometheus / "chunks" / "000001").write_bytes(b"a snapshot")
    (run.path / "notes.txt").write_text("of the user's own")
    packed = pack(run, tmp_path, NO_PLACES)
    files = contents(packed.path)
    told = orjson.loads(files["pack.json"])
    assert told["format"] == packing.FORMAT
    assert told["run_id"] == run.run_id
    assert [file["name"] for file in told["files"]] == sorted(files.keys() - {"pack.json"})
    assert told["left_out"] == ["load/mixed.json.gz", "notes.txt", "openmetrics.txt.gz", "prometheus/"]
    assert all(len(files[file["name"]]) == file["size_bytes"] for file in told["files"])


def test_with_raw_k6s_output_and_all_log_lines_are_there(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    write_log(run, "backend", [{"time": "2026-01-02T12:00:00Z", "message": f"line {n}"} for n in range(5)])
    packed = pack(run, tmp_path, NO_PLACES, with_raw=True)
    files = contents(packed.path)
    assert files["load/mixed.json.gz"] == (run.load / "mixed.json.gz").read_bytes()
    assert gzip.decompress(files["logs/backend.jsonl.gz"]).count(b"line") == 5
    assert packed.pack.left_out == ()
    assert packed.pack.shortened == ()


def test_of_a_log_the_lines_stay_that_the_report_is_about_in_their_places(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    conclude(run)
    slow = slowest_request(run)
    write_log(
        run,
        "backend",
        [
            {"time": "2026-01-02T12:00:00Z", "message": "of another request", "requestId": "x"},
            {"time": "2026-01-02T12:00:01Z", "message": "of a slow one", "requestId": slow},
            {"time": "2026-01-02T12:00:02Z", "message": "of another one", "requestId": "y"},
            {"time": "2026-01-02T12:00:03Z", "message": "complains", "level": "error"},
        ],
    )
    packed = pack(run, tmp_path, NO_PLACES)
    lines = gzip.decompress(contents(packed.path)["logs/backend.jsonl.gz"]).splitlines()
    assert [b"" if not line else orjson.loads(line)["message"] for line in lines] == [
        b"",
        "of a slow one",
        b"",
        "complains",
    ]
    assert packed.pack.shortened == ("logs/backend.jsonl.gz", "logs/index.parquet")
    index = pq.read_table(pa.BufferReader(contents(packed.path)["logs/index.parquet"]))
    assert index["line"].to_pylist() == [1, 3]


def test_complaints_beyond_the_most_are_counted_and_not_shown_as_empty_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_MOST_COMPLAINTS", 1)
    run = a_recorded_run(tmp_path / "here")
    complaint = {"time": "2026-01-02T12:00:00Z", "level": "error", "message": "complains"}
    write_log(run, "backend", [complaint, complaint, complaint])
    there = unpack(pack(run, tmp_path, NO_PLACES).path, tmp_path / "there").run
    settings = Settings(home=tmp_path / "home", artifacts=tmp_path / "there")
    found = request_trail.find(settings, None, request_trail.Asked(bad=True, service="backend"), run_name=there.run_id)
    assert [line.fields["message"] for line in found.lines] == ["complains"]
    assert [each.count for each in found.complaints] == [3]


def test_no_place_of_this_machine_leaves_it(tmp_path: Path) -> None:
    home = tmp_path / "home of a user"
    run = a_recorded_run(home / "runs")
    (run.load / "mixed.log").write_text(f'cannot open "{home}/x.js", nor {home}-of-another/y', encoding="utf-8")
    write_log(
        run,
        "mongo",
        [{"time": "2026-01-02T12:00:00Z", "level": "error", "message": f"no {home}/db", "host": "alices-laptop"}],
    )
    packed = pack(run, tmp_path, Places([(home, "~"), (home / "runs", "LAB_ARTIFACTS")], host="alices-laptop"))
    files = contents(packed.path)
    assert files["load/mixed.log"] == f'cannot open "~/x.js", nor {home}-of-another/y'.encode()
    assert b"alices-laptop" not in gzip.decompress(files["logs/mongo.jsonl.gz"])
    index = pq.read_table(pa.BufferReader(files["logs/index.parquet"]))
    assert index["complaint"].to_pylist() == ["no ~/db"]
    assert {"load/mixed.log", "logs/index.parquet", "analysis.json"} <= set(packed.pack.cleaned)
    text = [content for name, content in files.items() if not name.endswith((".parquet", ".gz", "mixed.log"))]
    assert not [content for content in text if str(home).encode() in content]


def test_places_are_found_by_either_name_where_a_link_leads_there(tmp_path: Path) -> None:
    (tmp_path / "disk" / "alice").mkdir(parents=True)
    (tmp_path / "alice").symlink_to(tmp_path / "disk" / "alice")
    home = tmp_path / "alice"
    run = RunDir(home / "runs" / "one")
    settings = Settings(home=home / ".lab", artifacts=home / "runs")
    places = places_of(settings, run, user_home=home, host="")
    text = f"{home}/x {tmp_path}/disk/alice/y {run.path}/load {home}/.lab/z {home}/runs/two"
    assert places.cleaned(text.encode()) == b"~/x ~/y RUN/load LAB_HOME/z LAB_ARTIFACTS/two"


def test_a_report_of_what_was_cleaned_is_the_cleaned_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = a_recorded_run(home / "runs")
    write_log(
        run, "backend", [{"time": "2026-01-02T12:00:00Z", "level": "error", "message": f"{home}/sut/app.py is gone"}]
    )
    packed = pack(run, tmp_path, Places([(home, "~")]))
    there = unpack(packed.path, tmp_path / "there").run
    before = there.analysis.read_bytes()
    conclude(there)
    assert b"~/sut/app.py" in before
    assert there.analysis.read_bytes() == before


def test_no_link_is_followed_and_no_snapshot_of_a_heap_leaves(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    secret = tmp_path / "id_rsa"
    secret.write_text("a key")
    run.profiles.mkdir()
    (run.profiles / "link.folded").symlink_to(secret)
    (run.profiles / "a.heapsnapshot").write_text("a token")
    (run.profiles / "a.folded").write_text("main;work 3\n")
    assert [name for name in contents(pack(run, tmp_path, NO_PLACES).path) if name.startswith("profiles/")] == [
        "profiles/a.folded"
    ]


def test_a_run_that_goes_on_is_refused(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here", state="running", controller=asdict(processes.identify(os.getpid())))
    with pytest.raises(RunDirError, match="still goes on"):
        pack(run, tmp_path / "x.tar.xz", NO_PLACES)
    assert not (tmp_path / "x.tar.xz").exists()


def test_an_interrupted_run_is_packed_and_says_so(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here", state="interrupted")
    assert pack(run, tmp_path, NO_PLACES).pack.state == "interrupted"


def test_an_interrupted_run_does_not_go_on_without_the_output_of_its_first_phases(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here", state="interrupted")
    there = unpack(pack(run, tmp_path, NO_PLACES).path, tmp_path / "there").run
    with pytest.raises(RunDirError, match="lab run --like"):
        interrupted(there, None)


def test_what_came_in_a_pack_can_be_packed_again_and_still_says_what_it_lacks(tmp_path: Path) -> None:
    first = pack(a_recorded_run(tmp_path / "here"), tmp_path, NO_PLACES)
    there = unpack(first.path, tmp_path / "there").run
    second = pack(there, tmp_path / "second.tar.xz", NO_PLACES)
    assert second.pack.left_out == first.pack.left_out
    assert second.pack.files == first.pack.files


def test_tables_that_are_missing_beside_missing_output_are_said(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    conclude(run)
    (run.load / "mixed.json.gz").unlink()
    run.samples.unlink()
    with pytest.raises(RunDirError, match=r"neither is samples\.parquet"):
        conclude(run)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_neither_half_a_pack_nor_the_loss_of_an_earlier_one(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    report = conclude(run)
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "x.tar.xz").write_bytes(b"an earlier one")
    members = tuple(packing._members(run, report, NO_PLACES, with_raw=True))
    content = packing._pack_of(run, report, members)
    with files_no_larger_than(20_000), pytest.raises(OSError, match="too large"):
        packing._write(content, members, folder / "x.tar.xz")
    assert [path.read_bytes() for path in folder.iterdir()] == [b"an earlier one"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="--out"):
        pack(a_recorded_run(tmp_path / "here"), tmp_path / "nowhere" / "x.tar.xz", NO_PLACES)


def test_a_file_that_changes_meanwhile_is_found(tmp_path: Path) -> None:
    run = a_recorded_run(tmp_path / "here")
    report = conclude(run)
    members = tuple(packing._members(run, report, NO_PLACES, with_raw=False))
    content = packing._pack_of(run, report, members)
    changed = bytearray(run.samples.read_bytes())
    changed[100] ^= 1
    run.samples.write_bytes(changed)
    with pytest.raises(RunDirError, match="was changed while it was packed"):
        packing._write(content, members, tmp_path / "x.tar.xz")
    assert not list(tmp_path.glob("x.tar.xz*"))


def test_more_than_a_pack_may_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_BYTES", 1000)
    with pytest.raises(RunDirError, match="too much for one pack"):
        pack(a_recorded_run(tmp_path / "here"), tmp_path, NO_PLACES)


def test_a_pack_is_an_archive_that_other_programs_open(tmp_path: Path) -> None:
    packed = pack(a_recorded_run(tmp_path / "here"), tmp_path, NO_PLACES)
    with tarfile.open(packed.path) as archive:
        names = archive.getnames()
    assert names[0] == f"{packed.pack.run_id}/pack.json"
    assert f"{packed.pack.run_id}/run.json" in names
