"""What keeps a Docker engine from being used, and what to do about it; no engine is needed for it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from docker.errors import APIError, NotFound

from lab import containers
from lab.containers import connected, epoch_s, facts
from lab.errors import EngineError
from lab.model import ComposeProject


@pytest.fixture
def a_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a shell script the only `docker` there is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(script: str) -> None:
        (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "docker").chmod(0o755)

    return make


def an_engine(**info: Any) -> Any:
    told = {"ServerVersion": "24.0.7", "CgroupVersion": "2", "Driver": "overlay2", "OperatingSystem": "Linux", **info}
    return SimpleNamespace(info=lambda: told)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda url: monkeypatch.setenv("DOCKER_HOST", url)


def test_without_an_engine_it_says_how_to_start_one_and_what_else_there_is(
    host: Callable[[str], None], tmp_path: Path
) -> None:
    host(f"unix://{tmp_path / 'no.sock'}")
    with (
        pytest.raises(EngineError, match=r"no Docker engine answers at unix://.*no\.sock; start it.*--engine process"),
        connected(),
    ):
        pass


def test_an_engine_that_has_ended_leaves_a_socket_that_nobody_answers(
    host: Callable[[str], None], tmp_path: Path
) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    host(f"unix://{path}")
    with pytest.raises(EngineError, match="no Docker engine answers"), connected():
        pass


def test_a_user_who_may_not_use_the_engine_is_told_how_to_be_let_in() -> None:
    told = containers._why_not(PermissionError(13, "Permission denied"), "unix:///var/run/docker.sock")
    assert "this user may not use the Docker engine" in told
    assert "usermod -aG docker" in told
    assert "--engine process" in told


def test_what_an_engine_says_of_itself_is_kept(a_docker: Callable[[str], None]) -> None:
    a_docker("echo 2.29.1")
    found = facts(an_engine(SecurityOptions=["name=seccomp", "name=rootless"]))
    assert found.told() == (
        ("docker", "24.0.7"),
        ("docker compose", "2.29.1"),
        ("cgroup", "v2"),
        ("storage driver", "overlay2"),
        ("docker host", "Linux"),
    )
    assert (found.is_rootless, found.is_desktop) == (True, False)
    assert facts(an_engine(OperatingSystem="Docker Desktop")).is_desktop


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "20.10", "28.3.0", "v25.0.1"])
def test_engines_from_20_10_on_can_be_used(version: str, a_docker: Callable[[str], None]) -> None:
    a_docker("echo 2.26.1")
    assert facts(an_engine(ServerVersion=version)).version == version


@pytest.mark.parametrize("version", ["19.03.15", "20.9.9", "18.06"])
def test_an_engine_that_is_too_old_is_refused(version: str, a_docker: Callable[[str], None]) -> None:
    a_docker("echo 2.26.1")
    with pytest.raises(EngineError, match=rf"is {version}, and 20\.10 is the oldest.*--engine process"):
        facts(an_engine(ServerVersion=version))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 2.17.2", r"docker compose is 2\.17\.2, and 2\.26 is the oldest"),
        ("echo 1.29.2", r"docker compose is 1\.29\.2"),
        ("echo \"docker: 'compose' is not a docker command.\"; exit 1", "has no compose plug-in; install it"),
        ("echo strange", "has no compose plug-in"),
    ],
)
def test_a_compose_that_cannot_be_used_says_what_to_do(script: str, says: str, a_docker: Callable[[str], None]) -> None:
    a_docker(script)
    with pytest.raises(EngineError, match=says):
        facts(an_engine())


def test_without_the_docker_command_there_are_no_containers(a_docker: Callable[[str], None]) -> None:
    assert a_docker is not None  # PATH is empty
    with pytest.raises(EngineError, match="needs the docker command with its compose plug-in"):
        facts(an_engine())


def test_what_docker_py_raises_meanwhile_is_an_error_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_connect", lambda _: SimpleNamespace(close=lambda: None))
    for raised in (NotFound("no such container"), requests.ConnectionError("reset")):
        with pytest.raises(EngineError, match="the Docker engine does not do what is asked of it"), connected():
            raise raised
    with pytest.raises(KeyError), connected():  # nothing else
        raise KeyError


class Left:
    """Something that a project has left, which is removed unless that is refused."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.name, self._refusal, self.is_removed = "x", refusal, False

    def remove(self, **_: Any) -> None:
        if self._refusal:
            raise self._refusal
        self.is_removed = True


def a_project(container: Left, volume: Left) -> Any:
    none = SimpleNamespace(list=lambda **_: [])
    return SimpleNamespace(
        containers=SimpleNamespace(list=lambda **_: [container]),
        networks=none,
        volumes=SimpleNamespace(list=lambda **_: [volume]),
    )


CONFLICT = APIError("in use", response=SimpleNamespace(status_code=409))  # type: ignore[arg-type]  # as far as it is asked


def test_volumes_stay_where_they_are_meant_to() -> None:
    container, volume = Left(), Left()
    containers.remove_project(a_project(container, volume), "lab-1", with_volumes=False)
    assert (container.is_removed, volume.is_removed) == (True, False)


def test_a_container_that_is_being_removed_is_no_error_but_a_volume_in_use_is_one() -> None:
    volume = Left()
    containers.remove_project(a_project(Left(CONFLICT), volume), "lab-1", with_volumes=True)
    assert volume.is_removed
    with pytest.raises(APIError):
        containers.remove_project(a_project(Left(), Left(CONFLICT)), "lab-1", with_volumes=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.5Z", 10.5),
        ("1970-01-01T00:01:40.123456789Z", 100.123456789),
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
        ("no time", 0.0),
    ],
)
def test_times_of_the_engine_are_read(text: str, seconds: float) -> None:
    assert epoch_s(text) == pytest.approx(seconds, abs=1e-6)


@pytest.fixture
def project(tmp_path: Path) -> ComposeProject:
    variables = tmp_path / "variables.json"
    variables.write_text('{"LAB_MONGO_PASSWORD": "p"}')
    return ComposeProject(name="lab-1", files=(tmp_path / "a", tmp_path / "b"), variables=variables, folder=tmp_path)


def test_compose_is_told_everything_and_reads_nothing_of_the_folder(project: ComposeProject, tmp_path: Path) -> None:
    argv = containers.compose_argv(project, "up", "--detach")
    assert argv[:4] == ("docker", "compose", "--project-name", "lab-1")
    assert argv[argv.index("--env-file") + 1] == os.devnull
    assert [argv[i + 1] for i, part in enumerate(argv) if part == "--file"] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]
    assert argv[-2:] == ("up", "--detach")
    told = containers.compose_environment(project)
    assert told.pop("LAB_MONGO_PASSWORD").strip() == "p"
    assert told["COMPOSE_PROFILES"] == ""


def test_variables_that_are_gone_are_told(project: ComposeProject) -> None:
    project.variables.unlink()
    with pytest.raises(EngineError, match=r"variables\.json cannot be read.*lab down"):
        containers.compose_environment(project)
