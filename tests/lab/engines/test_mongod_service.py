"""The engine with a real mongod."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pymongo import MongoClient

from lab import processes
from lab.engines import ProcessEngine
from lab.engines.mongod import MongoChoice, find_mongod
from lab.engines.ports import free_ports
from lab.engines.state import home_marker
from lab.errors import ConfigError, EngineError, LabError
from lab.model import Service, Target

pytestmark = pytest.mark.e2e

THIEF = (
    "import http.server, socket, sys\n"
    "stolen = socket.create_server(('127.0.0.1', int(sys.argv[2])))\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)

MakeService = Callable[..., Service]
MakeTarget = Callable[..., Target]


@pytest.fixture
def a_mongo() -> Callable[..., Service]:
    """A mongod service on a free port."""
    return lambda **fields: Service(
        name="mongo", kind="mongod", **{"port": free_ports(1)[0], "ready_timeout_s": 60.0, **fields}
    )


@pytest.fixture(scope="module")
def choice() -> MongoChoice:
    """The mongod of this machine, found once."""
    try:
        return find_mongod({}, None)
    except LabError as error:
        pytest.skip(str(error))


@pytest.fixture
def mongo_engine(home: Path, choice: MongoChoice) -> Iterator[ProcessEngine]:
    engine = ProcessEngine(home, environ={}, mongo=lambda _: choice)
    yield engine
    engine.down()


def test_mongod_comes_up_with_its_version_and_is_named_to_the_services_that_need_it(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_service: MakeService, a_target: MakeTarget, choice: MongoChoice
) -> None:
    environment = mongo_engine.up(a_target(a_mongo(), a_service(env=(("MONGO_URL", "{mongo.url}"),))))
    mongo, _ = environment.services
    assert mongo.version == choice.version
    assert environment.mongo_url == mongo.url
    assert all(found.ok for found in mongo_engine.health(environment))


def test_down_removes_the_data_and_leaves_the_log(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget, home: Path
) -> None:
    mongo_engine.up(a_target(a_mongo()))
    assert (home / "data" / "mongo" / "WiredTiger").exists()
    mongo_engine.down()
    assert not (home / "data").exists()
    assert "Shutting down" in (home / "logs" / "mongo.log").read_text()


def test_data_that_is_kept_is_there_in_the_next_environment(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget
) -> None:
    target = a_target(a_mongo())
    with documents(mongo_engine.up(target).mongo_url) as found:
        found.insert_one({"kept": True})
    mongo_engine.down(keep_data=True)
    with documents(mongo_engine.up(target).mongo_url) as found:
        assert found.count_documents({"kept": True}) == 1


def test_data_that_was_kept_survives_an_up_that_fails(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    mongo = a_mongo()
    mongo_engine.up(a_target(mongo))
    mongo_engine.down(keep_data=True)
    with pytest.raises(EngineError, match="web has died"):
        mongo_engine.up(a_target(mongo, a_service(code="raise SystemExit(1)")))
    assert (home / "data" / "mongo" / "WiredTiger").exists()


def test_a_failed_up_leaves_no_new_data(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_service: MakeService, a_target: MakeTarget, home: Path
) -> None:
    with pytest.raises(EngineError, match="web has died"):
        mongo_engine.up(a_target(a_mongo(), a_service(code="raise SystemExit(1)", env=(("M", "{mongo.url}"),))))
    assert not (home / "data").exists()


def test_a_data_folder_in_use_is_explained_in_words(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget, home: Path, tmp_path: Path
) -> None:
    environment = mongo_engine.up(a_target(a_mongo()))
    second = ProcessEngine(tmp_path / "second", environ={}, mongo=lambda _: find_mongod({}, None))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "data").symlink_to(home / "data")
    with pytest.raises(
        EngineError,
        match=r"(?s)mongo has died: .* exit code 100: its data folder is used by another mongod.*DBPathInUse",
    ):
        second.up(a_target(a_mongo()))
    assert mongo_engine.health(environment)[0].ok


def test_options_that_mongod_does_not_know_are_told_with_its_own_words(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget
) -> None:
    with pytest.raises(EngineError, match=r"(?s)mongo has died: .*unrecognised option"):
        mongo_engine.up(a_target(a_mongo(argv=("--no-such-option",))))


def test_a_server_at_mongo_url_is_used_and_never_started_or_ended(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget, tmp_path: Path
) -> None:
    server = mongo_engine.up(a_target(a_mongo()))
    environ: Mapping[str, str] = {"MONGO_URL": f"{server.mongo_url}/?appname=lab"}
    user = ProcessEngine(tmp_path / "user", environ=environ)
    target = a_target(a_mongo(port=1))
    environment = user.up(target)
    (mongo,) = environment.services
    assert (mongo.process, mongo.log, environment.mongo_url) == (
        None,
        None,
        f"{environ['MONGO_URL']}&directConnection=true",
    )
    assert mongo.version == server.services[0].version
    assert user.health(environment)[0].ok
    assert user.down().services == ()
    assert mongo_engine.health(server)[0].ok


def test_another_mongo_url_than_that_of_the_environment_is_refused(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget, home: Path
) -> None:
    target = a_target(a_mongo())
    mongo_engine.up(target)
    with pytest.raises(ConfigError, match="another MongoDB than MONGO_URL names"):
        ProcessEngine(home, environ={"MONGO_URL": "mongodb://127.0.0.1:1"}).up(target)


def test_a_mongo_url_that_does_not_answer_starts_nothing(
    home: Path, a_mongo: MakeService, a_service: MakeService, a_target: MakeTarget
) -> None:
    url = f"mongodb://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(EngineError, match=f"MONGO_URL is set to {url}, and MongoDB does not answer"):
        ProcessEngine(home, environ={"MONGO_URL": url}).up(a_target(a_mongo(), a_service()))
    assert not (home / "logs").exists()
    assert processes.marked(home_marker(home)) == []


def test_a_port_taken_between_the_check_and_the_start_is_explained(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_service: MakeService, a_target: MakeTarget
) -> None:
    mongo = a_mongo(env=(("WAITS_FOR", "{thief.url}"),))
    thief = a_service("thief", argv=("{python}", "-c", THIEF, "{port}", str(mongo.port)))
    with pytest.raises(EngineError, match=r"mongo has died: .* exit code 48: its port was taken in the meantime"):
        mongo_engine.up(a_target(thief, mongo))


def test_a_killed_mongod_is_started_anew_after_down(
    mongo_engine: ProcessEngine, a_mongo: MakeService, a_target: MakeTarget
) -> None:
    target = a_target(a_mongo())
    first = mongo_engine.up(target)
    assert first.services[0].process
    subprocess.run(["kill", "-9", str(first.services[0].process.pid)], check=True)
    assert processes.wait_until(lambda: not mongo_engine.health(first)[0].running, timeout_s=10)
    with pytest.raises(EngineError, match=r"mongo has died: .*SIGKILL"):
        mongo_engine.up(target)
    mongo_engine.down()
    assert mongo_engine.health(mongo_engine.up(target))[0].ok


class documents:  # noqa: N801  # reads as a word in a with statement
    """A collection of the database, and its client closed behind it."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, object]] = MongoClient(url)

    def __enter__(self):  # type: ignore[no-untyped-def]  # pymongo's own generic
        return self._client.lab_test.kept

    def __exit__(self, *_: object) -> None:
        self._client.close()
