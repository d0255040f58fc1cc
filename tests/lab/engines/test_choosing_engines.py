"""Which engine is taken, where no Docker engine answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.config.targets import load_target
from lab.engines import ComposeEngine, choose, standing
from lab.errors import ConfigError, EngineError
from lab.model import Limits, Service


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'no.sock'}")


def test_local_processes_are_taken_by_themselves(home: Path) -> None:
    assert choose(home, "auto", load_target("stubs")).name == "process"
    assert choose(home, "", load_target("stubs")).name == "process"


def test_containers_that_are_asked_for_say_what_is_in_the_way_and_leave_nothing(home: Path) -> None:
    engine = choose(home, "compose", load_target("stubs"))
    with pytest.raises(EngineError, match=r"no Docker engine answers.*--engine process"):
        engine.up(load_target("stubs"))
    assert not ComposeEngine(home).has_traces()
    assert standing(home).name == "process"


def test_services_that_already_run_are_external_whatever_is_usual_here(home: Path) -> None:
    target = replace(
        load_target("stubs"), compose=None, services=(Service(name="web", kind="http", url="http://127.0.0.1:9"),)
    )
    assert choose(home, "", target, default="process").name == "external"
    with pytest.raises(ConfigError, match="already run; use --engine external"):
        choose(home, "process", target)


def test_a_usual_engine_is_taken_where_none_is_asked_for(home: Path) -> None:
    assert choose(home, "", load_target("stubs"), default="compose").name == "compose"
    assert choose(home, "process", load_target("stubs"), default="compose").name == "process"


@pytest.mark.parametrize(("asked", "default"), [("podman", "auto"), ("", "podman")])
def test_an_engine_that_there_is_not_is_refused_with_those_that_there_are(asked: str, default: str, home: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no engine is named 'podman' \(there are: auto, process, compose, external\)"
    ):
        choose(home, asked, load_target("stubs"), default=default)


def test_local_processes_cannot_be_held_to_limits(home: Path) -> None:
    engine = choose(home, "process", load_target("stubs"))
    with pytest.raises(ConfigError, match=r"ai_core can be held to a limit in a container alone; use --engine compose"):
        engine.up(load_target("stubs"), limits=(Limits(service="ai_core", cpus=1.0),))
