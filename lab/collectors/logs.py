"""The services' log lines: what of them belongs to a run, without its secrets, and how a line is read."""

import contextlib
import gzip
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
from isal import igzip

from lab.collectors.redaction import redacted

SUFFIX = ".jsonl.gz"
_CHUNK = 1024 * 1024
_MONGODS_LEVELS = {"F": "critical", "E": "error", "W": "warning", "I": "info"}
_BAD = ("warning", "error", "critical", "fatal")
_TOLD = ("message", "msg", "kind", "detail", "command", "collection", "method", "route")
_BROKEN = 500  # the first status that is the service's fault


class LogLine(NamedTuple):
    """One line: UTC epoch seconds (None where it has none), the service that wrote it, its fields and its text."""

    time: float | None
    service: str
    fields: Mapping[str, Any]
    text: str

    @property
    def level(self) -> str:
        """How grave it is: debug, info, warning, error or critical; "" where it does not say."""
        return str(self.fields.get("level") or _MONGODS_LEVELS.get(str(self.fields.get("s")), "")).lower()

    @property
    def request_id(self) -> str | None:
        """The request that it speaks of."""
        return _text(self.fields.get("requestId")) or _text(_at(self.fields, "attr", "command", "comment"))

    @property
    def analysis_id(self) -> str | None:
        """The analysis that it speaks of."""
        return _text(self.fields.get("analysisId"))

    @property
    def duration_s(self) -> float | None:
        """How long what it tells of took."""
        milliseconds = self.fields.get("duration_ms", _at(self.fields, "attr", "durationMillis"))
        return milliseconds / 1000 if isinstance(milliseconds, int | float) else None

    @property
    def status(self) -> int | None:
        """The HTTP status that it tells of."""
        status = self.fields.get("status")
        return status if isinstance(status, int) and 0 <= status < 1000 else None

    @property
    def complaint(self) -> str | None:
        """What it complains of, None where it does not: a level from warning on, or a status of 500 and more."""
        if self.level not in _BAD and (self.status or 0) < _BROKEN:
            return None
        told = [self.fields.get(name) for name in _TOLD]
        exception = _text(self.fields.get("exception"))
        last = exception.strip().splitlines()[-1:] if exception else []
        return (
            " ".join(str(part) for part in (*told, *last) if isinstance(part, str | int) and part != "")
            or self.text[:200]
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _at(fields: Mapping[str, Any], *path: str) -> Any:
    found: Any = fields
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def ends(logs: Mapping[str, Path]) -> dict[str, int]:
    """Give the size in bytes of each service's log now: where a run's part of it begins."""
    return {service: path.stat().st_size if path.exists() else 0 for service, path in logs.items()}


def collect(
    logs: Mapping[str, Path], begins: Mapping[str, int], folder: Path, *, kept: Mapping[str, int] | None = None
) -> None:
    """Put what each service logged since `begins` into `<folder>/<service>.jsonl.gz`, without its secrets.

    The first `kept` bytes of what is there stay: they are of the services that a resumed run had before.
    """
    for service, path in logs.items():
        if path.exists():
            _copy_from(path, begins.get(service, 0), folder / f"{service}{SUFFIX}", (kept or {}).get(service, 0))


def _copy_from(source: Path, offset: int, to: Path, kept: int) -> None:
    draft = to.with_name(to.name + ".part")
    with source.open("rb") as reader, draft.open("wb") as raw:
        if kept and to.exists():
            raw.write(to.read_bytes()[:kept])
        reader.seek(offset)
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as writer:
            for lines in _whole_lines(reader):
                writer.write(redacted(lines))
    draft.replace(to)


def _whole_lines(reader: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := reader.read(_CHUNK):
        lines, newline, rest_of_it = (rest + chunk).rpartition(b"\n")
        yield lines + newline
        rest = rest_of_it
    if rest:
        yield rest


def read(paths: Iterable[Path]) -> Iterator[LogLine]:
    """Read the lines of every log, file by file; a line that is not a JSON object has no fields and no time."""
    for path in paths:
        service = path.name.partition(".")[0]
        for raw in raw_lines(path):
            yield parse(raw.decode(errors="replace"), service=service)


def raw_lines(path: Path) -> Iterator[bytes]:
    """Give the lines of a log, compressed or not, without their ends; of one that was cut off, what there is."""
    with _opened(path) as file, contextlib.suppress(EOFError):
        for raw in file:
            yield raw.rstrip(b"\n")


def _opened(path: Path) -> IO[bytes]:
    if path.suffix != ".gz":
        return path.open("rb")
    opened: IO[bytes] = igzip.open(path, "rb")  # type: ignore[no-untyped-call]  # of isal
    return opened


def parse(text: str, *, service: str) -> LogLine:
    """Parse a service's line (`time`), or mongod's (`t.$date`)."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        fields = {}
    if not isinstance(fields, dict):
        fields = {}
    return LogLine(_time(fields), str(fields.get("service", service)), fields, text)


def _time(fields: Mapping[str, Any]) -> float | None:
    stamp = fields.get("time")
    if stamp is None and isinstance(fields.get("t"), dict):
        stamp = fields["t"].get("$date")
    try:
        moment = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
