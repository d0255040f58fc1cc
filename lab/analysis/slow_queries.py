"""Slow operations of the database, those of one shape together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from lab.model import SlowQuery


def slow_queries(path: Path | None) -> tuple[SlowQuery, ...]:
    """Give one per shape and collection, the one that took most time in all first; none where the file is not there."""
    if path is None or not path.exists():
        return ()
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in _read(path):
        shape = orjson.dumps(each.get("shape") or {}).decode()
        groups[str(each.get("collection")), str(each.get("operation")), shape].append(each)
    together = sorted(groups.items(), key=lambda group: -sum(_ms(each) for each in group[1]))
    return tuple(_of_shape(*key, found) for key, found in together)


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:  # the last line of a run that was killed
            continue


def _ms(operation: Mapping[str, Any]) -> float:
    return float(operation.get("duration_ms") or 0.0)


def _of_shape(collection: str, operation: str, shape: str, found: list[Mapping[str, Any]]) -> SlowQuery:
    worst = max(found, key=_ms)
    examined = worst.get("docsExamined")
    named = [worst, *(each for each in found if each.get("requestId"))]
    return SlowQuery(
        collection=collection,
        operation=operation,
        shape=shape,
        plan=str(worst.get("planSummary") or ""),
        count=len(found),
        slowest_s=_ms(worst) / 1000,
        examined=int(examined) if isinstance(examined, int | float) else None,
        request_id=next((str(each["requestId"]) for each in named if each.get("requestId")), ""),
    )
