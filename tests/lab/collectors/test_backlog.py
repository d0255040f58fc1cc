"""What still waits: the sum of the gauges that a target names, and how long until there is nothing."""

from collections.abc import Iterator

import pytest

from lab.collectors.backlog import Backlog
from tests.lab.collectors.test_scrape import an_endpoint

DEPTH = b"# TYPE depth gauge\ndepth %d\n# TYPE other gauge\nother 7\n"


def test_the_named_gauges_of_every_endpoint_are_added() -> None:
    with an_endpoint(200, DEPTH % 2) as one, an_endpoint(200, DEPTH % 3) as other:
        assert Backlog({"a": one, "b": other}, ["depth"]).waiting() == 5


@pytest.mark.parametrize(("status", "gauges"), [(200, ["missing"]), (200, []), (500, ["depth"])])
def test_where_nobody_tells_it_is_not_known(status: int, gauges: list[str]) -> None:
    with an_endpoint(status, DEPTH % 0) as url:
        assert Backlog({"a": url}, gauges).waiting() is None


def test_gauges_are_found_by_the_services_own_names() -> None:
    with an_endpoint(200, DEPTH % 2) as url:
        assert Backlog({"a": url}, ["queue"], names={"queue": "depth"}).waiting() == 2


class Draining(Backlog):
    """Says one value after the other."""

    def __init__(self, values: list[float | None]) -> None:
        super().__init__({}, [])
        self._values: Iterator[float | None] = iter(values)

    def waiting(self) -> float | None:
        return next(self._values)


class Clock:
    """Moves only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_is_waited_until_nothing_waits() -> None:
    clock = Clock()
    took_s = Draining([5, None, 2, 0, 9]).drain(timeout_s=10, clock=clock, sleep=clock.sleep)
    assert took_s == pytest.approx(0.6)


def test_what_does_not_drain_in_time_has_no_time() -> None:
    clock = Clock()
    assert Draining([5.0] * 100).drain(timeout_s=2, clock=clock, sleep=clock.sleep) is None
