import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from service_kit import trace
from service_kit.json_log import JsonLog


class Closed(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError("no space left")


def line_of(stream: io.BytesIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    return dict(json.loads(line))


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000.9999, "2023-11-14T22:13:20.999Z"),
    ],
)
def test_the_time_is_utc_to_the_millisecond(now: float, text: str) -> None:
    stream = io.BytesIO()
    JsonLog("backend", stream, clock=lambda: now).write("info", "hello")
    assert line_of(stream)["time"] == text


def test_the_second_goes_on_though_it_is_remembered() -> None:
    stream, times = io.BytesIO(), iter([10.5, 10.75, 11.0])
    log = JsonLog("backend", stream, clock=lambda: next(times))
    for _ in range(3):
        log.write("info", "tick")
    seconds = [json.loads(line)["time"][17:] for line in stream.getvalue().splitlines()]
    assert seconds == ["10.500Z", "10.750Z", "11.000Z"]


def test_a_line_has_the_ids_of_its_work_and_of_no_other() -> None:
    stream = io.BytesIO()
    log = JsonLog("backend", stream)

    async def work(name: str) -> None:
        trace.begin(trace.Trace(request_id=name))
        await asyncio.sleep(0)
        trace.current().user_id = f"user of {name}"
        await asyncio.sleep(0)
        log.write("info", name)

    async def story() -> None:
        await asyncio.gather(work("a"), work("b"))
        log.write("info", "nobody")

    asyncio.run(story())
    lines = {line["message"]: line for line in map(json.loads, stream.getvalue().splitlines())}
    assert [(lines[n]["requestId"], lines[n]["userId"]) for n in "ab"] == [("a", "user of a"), ("b", "user of b")]
    assert (lines["nobody"]["requestId"], lines["nobody"]["userId"]) == (None, None)


def test_a_line_that_cannot_be_written_is_counted_and_harms_nobody() -> None:
    closed = io.BytesIO()
    closed.close()
    for stream in (Closed(), closed):
        log = JsonLog("backend", stream)
        log.write("info", "lost")
        assert log.dropped == 1


def test_a_line_break_in_a_message_makes_no_second_line() -> None:
    stream = io.BytesIO()
    JsonLog("backend", stream).write("info", 'one\ntwo", "level": "none')
    assert line_of(stream)["message"] == 'one\ntwo", "level": "none'


@pytest.mark.usefixtures("restored_logging")
def test_what_libraries_log_comes_out_as_json_with_its_exception() -> None:
    stream = io.BytesIO()
    JsonLog("backend", stream).take_over_logging()
    try:
        {}["nothing there"]
    except KeyError:
        logging.getLogger("some.library").exception("it broke: %s", 7)
    logging.getLogger("some.library").info("chatter")
    line = line_of(stream)
    assert (line["level"], line["message"], line["logger"]) == ("error", "it broke: 7", "some.library")
    assert "KeyError: 'nothing there'" in str(line["exception"])
