"""One line of k6's `--out json`, taken apart without parsing what no one asks for.

A line is `{"metric":M,"type":"Point","data":{"time":T,"value":V,"tags":{...},"metadata":{...}}}`, in this order in k6
1.x and 2.x (k6 internal/output/json/wrapper.go), so its parts are found by their places; JSON is parsed only for tags
that were not seen before. Nine in ten lines are dropped by their first bytes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from lab.model import label_text

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
START_DELAY = b"start_delay"
DROPPED = b"dropped_iterations"
TIMES = (ITERATION, b"analysis_duration", b"upload_to_report", b"ai_core_analyze", STARTED, START_DELAY)
OF_K6 = (b"vus", b"vus_max")
COUNTS = (DROPPED, b"analyses", b"journeys", b"max_vus", *OF_K6)

_IGNORED = (
    *(b"http_reqs", b"http_req_blocked", b"http_req_connecting", b"http_req_tls_handshaking", b"http_req_sending"),
    *(b"http_req_receiving", b"http_req_failed", b"data_sent", b"data_received", b"iterations"),
)
_CHECK_PASSED = b'","value":1,'


KEY = slice(_NAME, _NAME + 11)
"""The part of a line that tells the metrics above apart: eleven bytes of the name and what follows it."""


def prefix(metric: bytes) -> bytes:
    """How each point of a metric begins."""
    return _BEGIN + metric + _TIME


def _key(metric: bytes) -> bytes:
    return prefix(metric)[KEY]


METRICS = {_key(metric): metric for metric in (DURATION, WAITING, *TIMES, *COUNTS, CHECKS)}
"""The metrics that are read, by the key of their lines."""

IGNORED = frozenset(_key(metric) for metric in _IGNORED)
"""The keys of lines that k6 writes and nobody reads: nine in ten."""


def is_k6s(line: bytes) -> bool:
    """Whether a line is one that k6 may write: a point of any metric, or the description of one."""
    return line.startswith((_BEGIN, b'{"type":"Metric"'))


def is_passed_check(line: bytes) -> bool:
    """Whether a point of `checks` says that the check passed."""
    return _CHECK_PASSED in line


def take_apart(metric: bytes, line: bytes) -> tuple[bytes, float, bytes, bytes | None]:
    """Give a point's time (RFC 3339), value, tags (JSON) and request id (None where it has none).

    Raises ValueError where the line is no point of the metric, or damaged.
    """
    time_at = _NAME + len(metric) + len(_TIME)
    if line[_NAME + len(metric) : time_at] != _TIME:
        raise ValueError("the line is no point")
    value_at = line.index(_VALUE, time_at)
    tags_at = line.index(_TAGS, value_at)
    tags, found, rest = line[tags_at + len(_TAGS) :].partition(_REQUEST_ID)
    if not found:
        tags, request_id = _without_id(tags), None
    elif rest.endswith(_END_OF_ID) and rest.count(b'"') == 1:
        request_id = rest[: -len(_END_OF_ID)]
    else:
        raise ValueError("the line is cut off, or carries metadata that the scripts do not write")
    return line[time_at:value_at], float(line[value_at + len(_VALUE) : tags_at]), tags, request_id


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
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ValueError("tags are no object of texts")
    scenario = tags.get("scenario", "")
    return Tags(
        is_setup=tags.get("group") == _SETUP_GROUP or not scenario,
        scenario=scenario,
        route=tags.get("name", ""),
        method=tags.get("method", ""),
        status=_status(tags),
        error=_error(tags),
        is_extra_poll=tags.get("poll") == "extra",
        labels=label_text({name: tags[name] for name in _LABELS if name in tags}),
    )


def _status(tags: Mapping[str, str]) -> int:
    status = int(tags.get("status", 0))
    if not 0 <= status < 1000:
        raise ValueError("a status that HTTP does not have")
    return status


def _error(tags: Mapping[str, str]) -> str | None:
    status = _status(tags)
    if status >= 300:  # redirects are not followed, and no route answers with one
        return f"http_{status}"  # k6's own code for it is 1000 + status
    return tags.get("error_code") or ("no_answer" if status == 0 and "name" in tags else None)
