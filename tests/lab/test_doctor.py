import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.doctor import examine, ok
from lab.model import Part

MakeProgram = Callable[..., str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that is the whole PATH, with the shell that the programs in it are written for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sleep").symlink_to("/bin/sleep")
    return folder


@pytest.fixture
def a_program(path: Path) -> Callable[[str, str], None]:
    """Puts a shell script on that PATH."""

    def make(name: str, script: str) -> None:
        (path / name).write_text(f"#!/bin/sh\n{script}\n")
        (path / name).chmod(0o755)

    return make


def examined(path: Path, *, timeout_s: float = 30.0, **environ: str) -> dict[str, Part]:
    parts = examine(path, environ={"PATH": str(path), **environ}, timeout_s=timeout_s)
    return {part.name: part for part in parts}


def test_every_part_of_the_lab_is_examined(path: Path) -> None:
    assert list(examined(path)) == [
        "Python",
        "this machine",
        "k6",
        "mongod",
        "Docker engine",
        "docker compose",
        "containers",
        "Prometheus",
        "Grafana",
        "py-spy",
        "node",
    ]


@pytest.mark.e2e
def test_the_main_job_can_run_where_the_tests_run() -> None:
    parts = examine(Path.cwd(), environ={**os.environ})
    assert [(part.name, part.why) for part in parts if part.needed and not part.used] == []
    assert ok(parts)


def test_a_part_that_is_missing_says_what_is_lost_and_how_to_get_it(path: Path) -> None:
    for name in ("Docker engine", "docker compose", "Prometheus", "Grafana", "node"):
        part = examined(path)[name]
        assert (part.found, part.used, part.why) == ("", False, "not found on PATH")
        assert part.lost
        assert part.get


def test_a_program_is_found_with_its_version(path: Path, a_program: MakeProgram) -> None:
    a_program("node", "echo v20.20.2")
    part = examined(path)["node"]
    assert (part.found, part.version) == (str(path / "node"), "20.20.2")


def test_versions_are_found_in_longer_answers(path: Path, a_program: MakeProgram) -> None:
    a_program("prometheus", "echo 'prometheus, version 2.53.3+ds1 (branch: debian/sid)'")
    assert examined(path)["Prometheus"].version == "2.53.3+ds1"


def test_a_docker_command_without_a_daemon_is_told_apart_from_none(path: Path, a_program: MakeProgram) -> None:
    a_program("docker", "echo 'Cannot connect to the Docker daemon'; exit 1")
    parts = examined(path)
    assert parts["Docker engine"].found == str(path / "docker")
    assert parts["Docker engine"].why.startswith("its command is here, and its daemon does not answer (Cannot connect")
    assert parts["docker compose"].why == "the docker command has no compose plug-in"


def test_a_docker_daemon_that_hangs_holds_up_nobody(path: Path, a_program: MakeProgram) -> None:
    a_program("docker", "sleep 600")
    begun = time.monotonic()
    part = examined(path, timeout_s=0.5)["Docker engine"]
    assert "did not answer within" in part.why
    assert time.monotonic() - begun < 60


def test_a_mongod_that_cannot_run_makes_the_main_job_impossible_and_says_why(path: Path) -> None:
    parts = examined(path, MONGO_URL="mongodb://db.example.com")
    assert not parts["mongod"].used
    assert "this machine only" in parts["mongod"].why
    assert not ok(tuple(parts.values()))


def test_mongod_on_path_would_be_used(path: Path, a_program: MakeProgram) -> None:
    a_program("mongod", "echo db version v7.0.1")
    part = examined(path)["mongod"]
    assert (part.found, part.version, part.used, part.why) == (str(path / "mongod"), "7.0.1", True, "the one on PATH")


def test_k6_on_path_would_be_used(path: Path, a_program: MakeProgram) -> None:
    a_program("k6", "echo 'k6 v1.4.0 (go1.24, linux/amd64)'")
    part = examined(path)["k6"]
    assert (part.found, part.version, part.used, part.why) == (str(path / "k6"), "1.4.0", True, "the one on PATH")


def test_the_machine_is_told_with_cores_memory_disk_and_open_files(path: Path) -> None:
    part = examined(path / "not" / "there" / "yet")["this machine"]
    for fact in ("core", "memory free", "disk free for runs", "open files"):
        assert fact in part.why


@pytest.mark.parametrize(
    ("used", "needed", "expected"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_only_needed_parts_decide(used: bool, needed: bool, expected: bool) -> None:
    assert ok((Part(name="x", used=used, needed=needed),)) is expected


def test_what_lab_up_starts_beside_the_system_is_used_where_it_is(
    path: Path, a_program: Callable[[str, str], None]
) -> None:
    a_program("prometheus", "echo 'prometheus, version 2.53.1 (branch: HEAD)'")
    part = examined(path)["Prometheus"]
    assert (part.used, part.version) == (True, "2.53.1")
    assert not examined(path)["Grafana"].used
