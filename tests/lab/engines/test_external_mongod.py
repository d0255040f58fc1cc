"""A MongoDB that already runs, as a service of an external target."""

from pathlib import Path

import pytest

from lab import database
from lab.engines import ExternalEngine, ProcessEngine
from lab.engines.ports import free_ports
from lab.model import Service, Target

pytestmark = pytest.mark.e2e


def test_it_is_asked_alone_its_password_is_not_shown_and_only_a_named_database_is_emptied(tmp_path: Path) -> None:
    mongo = Service(name="mongo", kind="mongod", port=free_ports(1)[0])
    own = ProcessEngine(tmp_path / "own", environ={"PATH": ""})
    engine = ExternalEngine(tmp_path / "home")
    try:
        running = own.up(Target(name="t", description="", entry="mongo", services=(mongo,)), without=["prometheus"])
        url = running.mongo_url
        target = Target(
            name="x", description="", entry="mongo", services=(Service(name="mongo", kind="mongod", url=url),)
        )
        environment = engine.up(target)
        assert environment.mongo_url == f"{url}/?directConnection=true"
        assert engine.health(environment)[0].ok
        assert environment.services[0].version
        assert any(sentence.startswith("the database is not emptied") for sentence in environment.unwatched)
        with database._client(url, 5.0) as client:
            client["app"]["things"].insert_one({"a": 1})
            client["perf"]["things"].insert_one({"a": 1})
            database.empty(environment.mongo_url, target.database)
            assert client["app"]["things"].count_documents({}) == client["perf"]["things"].count_documents({}) == 1
            database.empty(environment.mongo_url, "perf")
            assert (client["app"]["things"].count_documents({}), client["perf"]["things"].count_documents({})) == (1, 0)
        engine.down()
        assert own.health(running)[0].ok
    finally:
        own.down()
