"""Single lines of k6's output, taken apart."""

import pytest

from lab.load.k6_points import IGNORED, KEY, METRICS, is_k6s, parse_tags, take_apart
from tests.lab.load.recorded import TEXT

TIME = b"2026-01-02T03:04:05.678901234Z"


def a_line(metric: str, tags: str = '{"name":"GET /x","scenario":"s","status":"200"}', metadata: str = "") -> bytes:
    rest = f',"metadata":{metadata}' if metadata else ""
    return (
        f'{{"metric":"{metric}","type":"Point","data":{{"time":"{TIME.decode()}","value":1.5,"tags":{tags}{rest}}}}}'
    ).encode()


@pytest.mark.parametrize(
    ("metadata", "request_id"), [("", None), ('{"request_id":"a-1"}', b"a-1"), ('{"trace_id":"t"}', None)]
)
def test_a_line_gives_its_parts(metadata: str, request_id: bytes | None) -> None:
    tags = b'{"name":"GET /x","scenario":"s","status":"200"}'
    parts = take_apart(b"http_req_duration", a_line("http_req_duration", metadata=metadata))
    assert parts == (TIME, 1.5, tags, request_id)


def test_a_line_cut_anywhere_is_no_point() -> None:
    line = a_line("http_req_duration", metadata='{"request_id":"a-1"}')
    for end in range(len(line)):
        with pytest.raises(ValueError):  # noqa: PT011  # float and bytes raise their own
            take_apart(b"http_req_duration", line[:end])


def test_every_line_that_k6_writes_is_either_read_or_known_to_be_ignored() -> None:
    for line in TEXT.splitlines():
        is_point = b'"type":"Point"' in line
        assert is_k6s(line)
        assert (line[KEY] in METRICS or line[KEY] in IGNORED) == is_point


def test_no_metric_that_is_read_is_taken_for_another() -> None:
    for key, metric in METRICS.items():
        assert a_line(metric.decode())[KEY] == key
    assert not IGNORED & METRICS.keys()


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ('{"name":"r","status":"200"}', None),
        ('{"name":"r","status":"404","error_code":"1404"}', "http_404"),
        ('{"name":"r","status":"503","error_code":"1503"}', "http_503"),
        ('{"name":"r","status":"0","error_code":"1050"}', "1050"),
        ('{"name":"r","status":"0"}', "no_answer"),
        ('{"outcome":"done"}', None),
    ],
)
def test_errors_are_named_by_status_or_by_k6s_code(tags: str, error: str | None) -> None:
    assert parse_tags(tags.encode()).error == error


@pytest.mark.parametrize(
    ("tags", "is_setup"),
    [
        ('{"group":"::setup","name":"r"}', True),
        ('{"group":"","name":"r"}', True),
        ('{"group":"","scenario":"s"}', False),
        ('{"group":"::a part","scenario":"s"}', False),
    ],
)
def test_what_belongs_to_no_scenario_is_of_setup(tags: str, is_setup: bool) -> None:
    assert parse_tags(tags.encode()).is_setup is is_setup


@pytest.mark.parametrize("tags", ["", "[]", "null", "{", '{"status":"many"}', '{"status":"-1"}', '{"scenario":7}'])
def test_tags_that_k6_does_not_write_are_refused(tags: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # orjson and int raise their own
        parse_tags(tags.encode())
