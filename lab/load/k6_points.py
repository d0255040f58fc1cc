"""One line of k6's `--out json`, taken apart without parsing what no one asks for.

A line is `{"metric":M,"type":"Point","data":{"time":T,"value":V,"tags":{...},"metadata":{...}}}`, in this order in k6
1.x and 2.x (k6 internal/output/json/wrapper.go), so its parts are found by their places; JSON is parsed only for tags
that were not seen before. Nine in ten lines are dropped by their first bytes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

_BEGIN = b'{"metric":"'
_NAME = len(_BEGIN)
_TIME = b'","type":"Point","data":{"time":"'
_VALUE = b'","value":'
_TAGS = b',"tags":'
_METADATA = b',"metadata":'
_REQUEST_ID = _METADATA + b'{"request_id":"'
_END_OF_ID = b'"}}}'
_SETUP_GROUP = "::setup"
_LABELS = ("check", "explainer", "outcome", "part")


DURATION = b"http_req_duration"
WAITING = b"http_req_waiting"
CHECKS = b"checks"
ITERATION = b"iteration_duration"
STARTED = b"scenario_started"
TIMES = (ITERATION, b"analysis_duration", b"upload_to_report", b"ai_core_analyze", STARTED)
COUNTS = (b"dropped_iterations", b"analyses", b"journeys")

LINE_BEGINNINGS = (_BEGIN, b'{"type":"Metric"')
CHECK_PASSED = b'","value":1,'


def prefix(metric: bytes) -> bytes:
    """How each point of a metric begins."""
    return _BEGIN + metric + _TIME


def take_apart(line: bytes) -> tuple[bytes, bytes, float, bytes, bytes | None]:
    """Give a point's metric, time (RFC 3339), value, tags (JSON) and request id (None where it has none).

    The line must begin with the metric's `prefix`. Raises ValueError where the line is damaged.
    """
    name_end = line.index(b'"', _NAME)
    value_at = line.index(_VALUE, name_end)
    tags_at = line.index(_TAGS, value_at)
    tags, found, rest = line[tags_at + len(_TAGS) :].partition(_REQUEST_ID)
    if not found:
        tags, request_id = _without_id(tags), None
    elif rest.endswith(_END_OF_ID) and rest.count(b'"') == 1:
        request_id = rest[: -len(_END_OF_ID)]
    else:
        raise ValueError("the line is cut off, or carries metadata that the scripts do not write")
    value = float(line[value_at + len(_VALUE) : tags_at])
    return line[_NAME:name_end], line[name_end + len(_TIME) : value_at], value, tags, request_id


def _without_id(rest: bytes) -> bytes:
    if not rest.endswith(b"}}}"):
        raise ValueError("the line is cut off")
    return rest[:-2].partition(_METADATA)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a point's tags say. `scenario` is empty for requests of setup()."""

    is_setup: bool
    scenario: str
    route: str
    method: str
    status: int
    error: str | None
    is_extra_poll: bool
    labels: str


def parse_tags(text: bytes) -> Tags:
    """Read the JSON of a point's tags. Raises ValueError (orjson's is one)."""
    tags = orjson.loads(text)
    if not isinstance(tags, dict):
        raise ValueError("tags are no object")  # noqa: TRY004  # the line is damaged, as in every other way
    scenario = tags.get("scenario", "")
    return Tags(
        is_setup=tags.get("group") == _SETUP_GROUP or not scenario,
        scenario=scenario,
        route=tags.get("name", ""),
        method=tags.get("method", ""),
        status=int(tags.get("status", 0)),
        error=_error(tags),
        is_extra_poll=tags.get("poll") == "extra",
        labels=",".join(f"{name}={tags[name]}" for name in _LABELS if name in tags),
    )


def _error(tags: Mapping[str, str]) -> str | None:
    status = int(tags.get("status", 0))
    if status >= 400:
        return f"http_{status}"  # k6's own code for it is 1000 + status
    return tags.get("error_code") or ("no_answer" if status == 0 and "name" in tags else None)
