"""What mongod says about its end: it logs JSON, and dozens of lines of an orderly shutdown after the one reason."""

from pathlib import Path

import orjson

from lab import processes

_SEVERITIES = {"F": "fatal", "E": "error"}


def end_of_log(path: Path, *, lines: int = 8) -> str:
    """The last lines of mongod's log that tell of errors, in plain words; the plain end of it where there are none."""
    found = [_told(line) for line in processes.tail(path, lines=1000).splitlines()]
    reasons = [line for line in found if line]
    return "\n".join(reasons[-lines:]) or processes.tail(path, lines=lines)


def _told(line: str) -> str:
    try:
        entry = orjson.loads(line)
        if entry["s"] not in _SEVERITIES:
            return ""
        attributes = orjson.dumps(entry["attr"]).decode() if entry.get("attr") else ""
        return f"{_SEVERITIES[entry['s']]}: {entry['msg']} {attributes}".rstrip()
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return line  # what it says before it can log, such as of an unknown option
