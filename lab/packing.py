"""A run as one file to hand on: which files of its directory go into it, and how it is written."""

import gzip
import hashlib
import lzma
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lab import __version__
from lab.collectors import logs
from lab.conclude import conclude
from lab.errors import RunDirError
from lab.model import Environment, Pack, PackedFile, Report
from lab.pack_places import Places
from lab.rundir import RunDir

FORMAT = 1
"""Of what is written here; a reader of another one refuses it."""

SUFFIX = ".tar.xz"
MOST_BYTES = 4 * 2**30
"""What a pack may come to once unpacked, so that a reader can refuse what would fill its disk."""

_KEPT = (
    *("run.json", "windows.json", "steps.json", "samples.parquet", "points.parquet", "analysis.json", "verdict.json"),
    *("summary.md", "playbooks.md", "report.html", "junit.xml", "capacity.json", "capacity_plan.md"),
    *("load/*.summary.json", "load/*.log", "load/conversion.json", "series/*.parquet", "profiles/**/*"),
    *("logs/slow_queries.jsonl", "logs/index.parquet"),
)
_RAW = ("load/*.json.gz", "openmetrics.txt.gz", "logs/*.jsonl.gz")
_LOGS = "logs/*.jsonl.gz"
_NEVER = ("*.heapsnapshot", "*.part", ".*")
"""A snapshot of a heap holds every text that the service had in memory, tokens among them."""

_BINARY = (".parquet", ".gz")
_MOST_COMPLAINTS = 1000
"""Of each log; its index counts all of them."""

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack that was written: where, how large it is, how large its run's directory, and what it says of itself."""

    path: Path
    size_bytes: int
    run_bytes: int
    pack: Pack


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A file that is to be packed: `content` where it is not as it is on disk."""

    name: str
    path: Path
    content: bytes | None = None
    is_shortened: bool = False

    def opened(self) -> IO[bytes]:
        return self.path.open("rb") if self.content is None else BytesIO(self.content)


def pack(
    run: RunDir, out: Path, places: Places, *, with_raw: bool = False, environment: Environment | None = None
) -> Packed:
    """Write a run into one file, `out`, or into that folder under the run's name; the same run gives the same bytes.

    What k6, the services and Prometheus wrote is left out but for log lines that the report is about; `with_raw` takes
    k6's and the services' own output along. The run is concluded first. Raises RunDirError where it still goes on, is
    damaged or too large, or the file cannot be written; then there is none.
    """
    report = conclude(run, environment)
    if out.is_dir():
        out /= f"{run.run_id}{SUFFIX}"
    try:
        with tempfile.TemporaryDirectory(prefix="lab-pack-") as folder:
            clean = _clean(run, Path(folder) / run.run_id, places, with_raw=with_raw)
            if clean != run:
                report = conclude(clean)
            members = tuple(_members(clean, report, places, with_raw=with_raw))
            content = _pack_of(run, report, members)
            _write(content, members, out)
        return Packed(path=out, size_bytes=out.stat().st_size, run_bytes=_size(run), pack=content)
    except OSError as error:
        raise RunDirError(
            f"{out}: cannot be written: {error.strerror or error}; name another file with --out"
        ) from error


def _size(run: RunDir) -> int:
    return sum(path.stat().st_size for path in run.path.rglob("*") if _is_file(path))


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


# ------------------------------------------------------------------------------------------------------ what is packed


def _clean(run: RunDir, folder: Path, places: Places, *, with_raw: bool) -> RunDir:
    """Give the run, or where what it is judged from names places of this machine a copy without them, not concluded.

    To clean the figures alone would not do: they must be those that a report from the cleaned files gives.
    """
    paths = tuple(_chosen(run, with_raw=with_raw))
    judged = [path for path in paths if path == run.log_index or run.profiles in path.parents]
    if all(_cleaned(path, places) is None for path in judged):
        return run
    for path in paths:
        to = folder / path.relative_to(run.path)
        to.parent.mkdir(parents=True, exist_ok=True)
        content = _cleaned(path, places)
        to.write_bytes(path.read_bytes() if content is None else content)
    return RunDir(folder)


def _cleaned(path: Path, places: Places) -> bytes | None:
    """Give a file without the places that it names; None where it names none."""
    if path.name == "index.parquet":
        return places.cleaned_index(path)
    if path.suffix in _BINARY:
        return None
    before = path.read_bytes()
    after = places.cleaned(before)
    return None if after == before else after


def _members(run: RunDir, report: Report, places: Places, *, with_raw: bool) -> Iterator[_Member]:
    """Give the members, by name."""
    paths = {path.relative_to(run.path).as_posix(): path for path in _chosen(run, with_raw=with_raw)}
    for name, path in sorted(paths.items()):
        if path.match(_LOGS):
            wanted = None if with_raw else _lines_wanted(run, path.name, report)
            content, is_shortened = _log(path, wanted, places)
            yield _Member(name=name, path=path, content=content, is_shortened=is_shortened)
        elif path == run.log_index:
            index = None if with_raw else _short_index(path, report)
            yield _Member(name=name, path=path, content=index, is_shortened=index is not None)
        else:
            yield _Member(name=name, path=path, content=_cleaned(path, places))


def _chosen(run: RunDir, *, with_raw: bool) -> Iterator[Path]:
    for pattern in (*_KEPT, *(_RAW if with_raw else (_LOGS,))):
        for path in run.path.glob(pattern):
            if _is_file(path) and not any(path.match(each) for each in _NEVER):
                yield path


def _lines_wanted(run: RunDir, file: str, report: Report) -> Collection[int]:
    """Give which lines of a log the report is about: those of the slowest requests, and complaints."""
    if not run.log_index.exists():
        return ()
    index = _told_of(pq.read_table(run.log_index, filters=pc.field("file") == file), report)
    is_complaint = pc.is_valid(index["complaint"])
    others = index.filter(pc.invert(is_complaint))["line"].to_pylist()
    return {*others, *islice(index.filter(is_complaint)["line"].to_pylist(), _MOST_COMPLAINTS)}


def _told_of(index: pa.Table, report: Report) -> pa.Table:
    """Give the rows of a log index that the report is about."""
    requests = [slow.request_id for slow in report.analysis.slowest if slow.request_id]
    of_requests = pc.is_in(index["request_id"], value_set=pa.array(requests, pa.string()))
    return index.filter(pc.or_(of_requests, pc.is_valid(index["complaint"])))


def _short_index(path: Path, report: Report) -> bytes | None:
    """Give an index of the lines that the report is about; None where it holds no other."""
    index = pq.read_table(path)
    short = _told_of(index, report)
    if len(short) == len(index):
        return None
    sink = pa.BufferOutputStream()
    pq.write_table(short, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _log(path: Path, wanted: Collection[int] | None, places: Places) -> tuple[bytes, bool]:
    """Give a log with the lines that are wanted (None: all); the others are empty, so that the index still fits."""
    is_shortened, sink = False, BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0, filename="") as writer:
        for number, line in enumerate(logs.raw_lines(path)):
            is_kept = wanted is None or number in wanted
            is_shortened = is_shortened or not is_kept
            writer.write((places.cleaned(line) if is_kept else b"") + b"\n")
    return sink.getvalue(), is_shortened


def _pack_of(run: RunDir, report: Report, members: Sequence[_Member]) -> Pack:
    files = tuple(_packed_file(member) for member in members)
    content = Pack(
        format=FORMAT,
        lab=__version__,
        run_id=run.run_id,
        state=report.state,
        files=files,
        left_out=_left_out(run, {member.name for member in members}),
        shortened=tuple(member.name for member in members if member.is_shortened),
        cleaned=tuple(member.name for member in members if _is_cleaned(member, run)),
    )
    if content.size_bytes > MOST_BYTES:
        raise RunDirError(
            f"{run.path}: {content.size_bytes / 1e9:.1f} GB are too much for one pack ({MOST_BYTES / 1e9:.1f} GB); "
            "leave --with-raw out"
        )
    return content


def _is_cleaned(member: _Member, run: RunDir) -> bool:
    if member.path.match(_LOGS):
        return False
    original = run.path / member.name
    is_a_copy = original != member.path and original.read_bytes() != member.path.read_bytes()
    return is_a_copy or (member.content is not None and not member.is_shortened)


def _left_out(run: RunDir, packed: Collection[str]) -> tuple[str, ...]:
    """Give what is not packed: files of the run, folders as one, and what an earlier pack has left out already."""
    earlier = _earlier(run)
    found = {path.relative_to(run.path) for path in run.path.rglob("*") if _is_file(path) and path != run.pack}
    missing = [path for path in found if path.as_posix() not in packed]
    names = {"prometheus/" if path.parts[0] == "prometheus" else path.as_posix() for path in missing}
    return tuple(sorted((names | earlier) - set(packed)))


def _earlier(run: RunDir) -> set[str]:
    try:
        return {str(name) for name in orjson.loads(run.pack.read_bytes())["left_out"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _packed_file(member: _Member) -> PackedFile:
    digest, size = hashlib.sha256(), 0
    with member.opened() as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return PackedFile(name=member.name, size_bytes=size, sha256=digest.hexdigest())


# --------------------------------------------------------------------------------------------------- how it is written


class _Watched:
    """A file that is read once, with the digest of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._digest.update(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _write(content: Pack, members: Sequence[_Member], out: Path) -> None:
    draft = out.with_name(f"{out.name}.part")
    try:
        with (
            lzma.open(draft, "wb", preset=6) as compressed,
            tarfile.open(fileobj=compressed, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
        ):
            told = orjson.dumps(asdict(content), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
            archive.addfile(_header(content, "pack.json", len(told)), BytesIO(told))
            for member, file in zip(members, content.files, strict=True):
                _add(archive, _header(content, file.name, file.size_bytes), member, file)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, header: tarfile.TarInfo, member: _Member, file: PackedFile) -> None:
    with member.opened() as opened:
        watched = _Watched(opened)
        archive.addfile(header, watched)
    if watched.sha256 != file.sha256:
        raise RunDirError(f"{member.path}: was changed while it was packed; pack it again")


def _header(content: Pack, name: str, size: int) -> tarfile.TarInfo:
    """Give the header of a file: nothing in it hangs on when, where and by whom it is written."""
    header = tarfile.TarInfo(f"{content.run_id}/{name}")
    header.size, header.mode, header.mtime = size, 0o644, 0
    return header
