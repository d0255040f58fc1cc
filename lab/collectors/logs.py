"""The services' log lines: what of them belongs to a run, and which of them speak of one request."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

_CHUNK = 1024 * 1024


class LogLine(NamedTuple):
    """One line: UTC epoch seconds (None where it has none), the service that wrote it, its fields and its text."""

    time: float | None
    service: str
    fields: Mapping[str, Any]
    text: str


def ends(logs: Mapping[str, Path]) -> dict[str, int]:
    """Give the size in bytes of each service's log now: where a run's part of it begins."""
    return {service: path.stat().st_size if path.exists() else 0 for service, path in logs.items()}


def collect(
    logs: Mapping[str, Path], begins: Mapping[str, int], folder: Path, *, kept: Mapping[str, int] | None = None
) -> None:
    """Copy what each service logged since `begins` to `<folder>/<service>.jsonl`.

    The first `kept` bytes of what is there stay: they are of the services that a resumed run had before.
    """
    for service, path in logs.items():
        if path.exists():
            _copy_from(path, begins.get(service, 0), folder / f"{service}.jsonl", (kept or {}).get(service, 0))


def _copy_from(source: Path, offset: int, to: Path, kept: int) -> None:
    draft = to.with_name(to.name + ".part")
    with source.open("rb") as reader, draft.open("wb") as writer:
        if kept and to.exists():
            writer.write(to.read_bytes()[:kept])
        reader.seek(offset)
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)
    draft.replace(to)


def read(paths: Iterable[Path]) -> Iterator[LogLine]:
    """Read the lines of every log, file by file; a line that is not a JSON object has no fields and no time."""
    for path in paths:
        with path.open("rb") as file:
            for raw in file:
                yield parse(raw.decode(errors="replace").rstrip("\n"), service=path.stem)


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


def of_request(lines: Iterable[LogLine], request_id: str) -> list[LogLine]:
    """Pick the lines that name this request, in the order of their times."""
    whole = re.compile(rf"(?<![\w.:-]){re.escape(request_id)}(?![\w.:-])")  # r-1 is not part of r-10
    found = [line for line in lines if request_id in line.text and whole.search(line.text)]
    return sorted(found, key=lambda line: line.time or 0.0)
