"""A pack becomes a run directory again, all of it or nothing; what is in the file is believed in nothing.

A reader of a pack does not know who made it: names, kinds, sizes and digests are checked before a byte is kept.
"""

import hashlib
import lzma
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import IO

import orjson
from pydantic import TypeAdapter, ValidationError

from lab.errors import RunDirError
from lab.model import Pack, PackedFile
from lab.packing import FORMAT, MOST_BYTES
from lab.rundir import RunDir, read_json, write_json

_PACK = TypeAdapter(Pack)
_MANIFEST = "pack.json"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9_-]{1,100}")
_NAME = re.compile(r"[^\\:/]{1,255}")
_MOST_FILES = 20_000
_MANIFEST_BYTES = 16 * 2**20
_CHUNK = 1024 * 1024
_DERIVED = re.compile(
    r"(analysis|verdict|capacity|windows|load/conversion)\.json|(summary|playbooks|capacity_plan)\.md|report\.html|junit\.xml"
)
"""What `lab report` writes anew: it may differ from what was packed, by another version of the lab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The run that a pack held, and what it says of itself. `was_there`: the same run had been unpacked before."""

    run: RunDir
    pack: Pack
    was_there: bool = False


def is_pack(path: Path) -> bool:
    """Whether a path is a file that could be a pack."""
    try:
        with path.open("rb") as file:
            return file.read(6) == b"\xfd7zXZ\x00"
    except OSError:
        return False


def unpack(file: Path, into: Path, *, most_bytes: int = MOST_BYTES) -> Unpacked:
    """Make the run directory that a pack holds, under `into`.

    Raises RunDirError where the file is no pack, is cut off or damaged, is of another format, holds anything but the
    plain files that it lists, or more than `most_bytes`; where another run of that name is there; and where it cannot
    be written. Then nothing is left of it.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into, ignore_cleanup_errors=True) as folder:
            found = _extracted(file, Path(folder), most_bytes)
            return _put(found, Path(folder) / found.run_id, into / found.run_id)
    except (lzma.LZMAError, EOFError, tarfile.TarError) as error:
        raise RunDirError(f"{file}: is no pack, or is cut off or damaged ({error}); have it sent again") from error
    except OSError as error:
        raise RunDirError(f"{error.filename or file}: {error.strerror or error}; nothing was unpacked") from error


def _put(found: Pack, draft: Path, path: Path) -> Unpacked:
    """Give the draft its place, unless the same run is there."""
    if not path.exists():
        draft.rename(path)
        return Unpacked(run=RunDir(path), pack=found)
    differing = [_MANIFEST] if read_json(path / _MANIFEST) != read_json(draft / _MANIFEST) else []
    differing += [f.name for f in found.files if not _DERIVED.fullmatch(f.name) and not _is_same(path / f.name, f)]
    if differing:
        raise RunDirError(
            f"{path}: is there and is not what the pack holds ({', '.join(differing[:3])}); "
            "unpack into another folder with --into"
        )
    return Unpacked(run=RunDir(path), pack=found, was_there=True)


def _is_same(path: Path, file: PackedFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256


# ------------------------------------------------------------------------------------------- reading what others made


class _Bounded(BufferedIOBase):
    """A stream of which no more than `most` bytes are read: what is compressed can be a thousand times as large."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self.most = file, most

    def read(self, size: int | None = -1) -> bytes:
        chunk = self._file.read(self.most + 1 if size is None or size < 0 else min(size, self.most + 1))
        self.most -= len(chunk)
        if self.most < 0:
            raise RunDirError("the pack holds more than it says; it is damaged, or was made to fill this disk")
        return chunk


def _extracted(file: Path, folder: Path, most_bytes: int) -> Pack:
    """Unpack into a folder, checking everything, and give what the pack says of itself."""
    with lzma.open(file) as inflated:
        bounded = _Bounded(inflated, _MANIFEST_BYTES)
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            members = iter(archive)
            found = _manifest(archive, next(members, None), file)
            _require_sound(found, most_bytes)
            # padding and headers beside the files' own bytes
            bounded.most = found.size_bytes + 2048 * len(found.files) + 64 * 1024
            target = folder / found.run_id
            _extract(archive, members, found, target)
    write_json(target / _MANIFEST, asdict(found))
    return found


def _manifest(archive: tarfile.TarFile, first: tarfile.TarInfo | None, file: Path) -> Pack:
    """Read what a pack says of itself, which comes first."""
    opened = archive.extractfile(first) if first is not None and first.isreg() else None
    if first is None or opened is None or not first.name.endswith(f"/{_MANIFEST}") or first.size > _MANIFEST_BYTES:
        raise RunDirError(f"{file}: is no pack of the lab: it does not begin with a {_MANIFEST}")
    try:
        content = orjson.loads(opened.read())
        version = content["format"]
        if version != FORMAT:
            raise RunDirError(f"{file}: has format {version}, and this lab reads {FORMAT}; use the lab that packed it")
        found = _PACK.validate_python(content)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
        raise RunDirError(f"{file}: its {_MANIFEST} is damaged: {error}") from error
    if first.name != f"{found.run_id}/{_MANIFEST}":
        raise RunDirError(f"{file}: its {_MANIFEST} is that of another run, {found.run_id!r}")
    return found


def _require_sound(found: Pack, most_bytes: int) -> None:
    """Refuse names that lead elsewhere, files without a sensible size, and more than a pack may hold."""
    names = [file.name for file in found.files]
    bad = [name for name in names if not _is_plain(name)] + [n for n, count in Counter(names).items() if count > 1]
    if not _RUN_ID.fullmatch(found.run_id):
        raise RunDirError(f"the pack is of {found.run_id!r}, which is no name of a run")
    if bad:
        raise RunDirError(f"the pack lists {bad[0]!r}, which is no plain name of a file in a run directory")
    if not all(text.isprintable() for text in (found.lab, *found.left_out, *found.shortened, *found.cleaned)):
        raise RunDirError(f"the pack's {_MANIFEST} holds what no terminal should be sent; it is damaged, or forged")
    if "run.json" not in names:
        raise RunDirError("the pack lists no run.json, so it holds no run")
    if any(file.size_bytes < 0 for file in found.files) or len(names) > _MOST_FILES or found.size_bytes > most_bytes:
        raise RunDirError(
            f"the pack says that it holds {len(names)} files of {found.size_bytes / 1e6:.0f} MB; "
            f"no more than {_MOST_FILES} of {most_bytes / 1e6:.0f} MB are unpacked"
        )


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    is_inside = name.isprintable() and all(_NAME.fullmatch(part) and not part.startswith(".") for part in parts)
    return is_inside and len(parts) <= 8 and name != _MANIFEST and PurePosixPath(name).as_posix() == name


def _extract(archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], found: Pack, target: Path) -> None:
    wanted = {f"{found.run_id}/{file.name}": file for file in found.files}
    target.mkdir()
    for member in members:
        file = wanted.pop(member.name, None)
        if file is None:
            raise RunDirError(f"the pack holds {member.name!r}, which it does not list, or twice")
        if not member.isreg() or member.issparse():
            raise RunDirError(f"{member.name}: is a link, a device or a folder; a pack holds plain files only")
        if member.size != file.size_bytes:
            raise RunDirError(
                f"{member.name}: has {member.size} bytes, and {file.size_bytes} are listed; it is damaged"
            )
        if hasattr(tarfile, "data_filter"):  # Python's own opinion of it, from 3.11.4 on, beside the lab's
            tarfile.data_filter(member, str(target.parent))
        opened = archive.extractfile(member)
        assert opened is not None  # of a plain file
        _copy(opened, target / file.name, file)
    if wanted:
        raise RunDirError(f"the pack lacks {min(wanted)}; it is cut off or damaged, have it sent again")


def _copy(source: IO[bytes], path: Path, file: PackedFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as to:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            to.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise RunDirError(f"{file.name}: is not what was packed (its sha256 is another); have the pack sent again")
