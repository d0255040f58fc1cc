"""The target that ships with the lab, for real: mongod, ai_core and the backend."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.config.targets import load_target
from lab.engines import ProcessEngine
from lab.engines.readiness import http_readiness
from lab.engines.state import home_marker
from lab.model import OBSERVERS

pytestmark = pytest.mark.e2e


@pytest.fixture
def stubs_engine(home: Path) -> Iterator[ProcessEngine]:
    engine = ProcessEngine(home)
    yield engine
    engine.down()


def test_the_stubs_come_up_whole_and_go_down_without_a_trace(stubs_engine: ProcessEngine, home: Path) -> None:
    environment = stubs_engine.up(load_target("stubs"), auto_ports=True, without=OBSERVERS)
    health = stubs_engine.health(environment)
    assert [(service.name, service.ok, service.why) for service in health] == [
        ("mongo", True, ""),
        ("ai_core", True, ""),
        ("backend", True, ""),
    ]
    assert all(service.version for service in environment.services)
    for service in environment.services[1:]:
        assert http_readiness(service.metrics_url).ready
    assert stubs_engine.down().services == ("backend", "ai_core", "mongo")
    assert processes.marked(home_marker(home)) == []
