"""A real mongod: what the lab reads of it, what its profiler tells, and that it is left as it was."""

import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from pymongo import MongoClient

from lab import processes
from lab.collectors.mongo import MongoCollector, readings
from lab.database import profiled
from lab.engines.mongod import find_mongod, mongod_argv
from lab.engines.ports import free_ports
from lab.engines.readiness import mongo_readiness
from lab.model import Profiler
from tests.service_kit.running_service import started

Client = MongoClient[dict[str, object]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    choice, folder, (port,) = find_mongod({"PATH": ""}), tmp_path_factory.mktemp("mongod"), free_ports(1)
    assert choice.program is not None
    (folder / "data").mkdir()
    url = f"mongodb://127.0.0.1:{port}"
    with started(mongod_argv(choice.program, port=port, data=folder / "data"), url=url, log=folder / "log", env={}):
        assert processes.wait_until(lambda: mongo_readiness(url).ready, timeout_s=60)
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with MongoClient(url, appname="the system") as client:
        yield client
        client.drop_database("shop")


def slow(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.mark.e2e
def test_what_the_server_counts_is_read(url: str, client: Client, tmp_path: Path) -> None:
    collector = MongoCollector(url, "shop", tmp_path / "slow.jsonl")
    before = {(r.metric, r.labels): r.value for r in collector.sample()}
    client["shop"]["goods"].insert_many([{"n": n} for n in range(7)])
    after = {(r.metric, r.labels): r.value for r in collector.sample()}
    collector.close()
    inserts = ("mongodb_operations_total", "type=insert")
    assert after[inserts] - before[inserts] == 7
    assert after["mongodb_up", ""] == 1
    assert after["mongodb_connections", "state=current"] >= 1
    assert after["mongodb_cache_bytes", "kind=maximum"] > after["mongodb_cache_bytes", "kind=used"] > 0
    assert (
        after["mongodb_op_latency_seconds_total", "type=writes"]
        > before["mongodb_op_latency_seconds_total", "type=writes"]
    )
    assert after["mongodb_tickets", "kind=write,state=available"] > 0
    assert after["mongodb_collection_scans_total", ""] >= 0


@pytest.mark.e2e
def test_a_slow_operation_is_kept_with_its_plan_its_shape_and_whose_it_is(
    url: str, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "slow.jsonl"
    with profiled(url, "shop", Profiler(level=1, slow_ms=0)) as why_not:
        assert why_not == ""
        collector = MongoCollector(url, "shop", path)
        client["shop"]["goods"].insert_many([{"price": n, "password": "hunter2"} for n in range(50)])
        client["shop"]["goods"].find_one({"password": "hunter3"}, comment="r-main-mixed-4-2")
        client["shop"]["goods"].update_one({"price": 3}, {"$set": {"password": "hunter4"}}, comment="r-5")
        time.sleep(0.01)
        collector.close()
    found = next(each for each in slow(path) if each["requestId"] == "r-main-mixed-4-2")
    assert found["collection"] == "goods"
    assert found["planSummary"] == "COLLSCAN"
    assert found["docsExamined"] == 50
    assert found["shape"] == {"filter": {"password": "?"}, "limit": 1}
    assert found["application"] == "the system"
    write = next(each for each in slow(path) if each["requestId"] == "r-5")
    assert write["operation"] == "update"
    assert b"hunter" not in path.read_bytes()
    assert all(each["application"] != "lab" for each in slow(path))


@pytest.mark.e2e
def test_only_what_is_slow_enough_is_kept(url: str, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "slow.jsonl"
    with profiled(url, "shop", Profiler(level=1, slow_ms=10_000)):
        collector = MongoCollector(url, "shop", path)
        client["shop"]["goods"].insert_one({"n": 1})
        collector.close()
    assert slow(path) == []


@pytest.mark.e2e
def test_each_slow_operation_is_kept_once(url: str, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "slow.jsonl"
    with profiled(url, "shop", Profiler(level=2, slow_ms=0)):
        collector = MongoCollector(url, "shop", path)
        for n in range(3):
            client["shop"]["goods"].find_one({"n": n}, comment=f"r-{n}")
            time.sleep(0.6)
            for _ in range(5):
                tuple(collector.sample())
        collector.close()
    assert [each["requestId"] for each in slow(path)] == ["r-0", "r-1", "r-2"]


@pytest.mark.e2e
def test_the_labs_own_looks_at_what_was_slow_are_no_scans_of_the_system(
    url: str, client: Client, tmp_path: Path
) -> None:
    with profiled(url, "shop", Profiler(level=2, slow_ms=0)):
        client["shop"]["goods"].insert_one({"n": 1})
        collector = MongoCollector(url, "shop", tmp_path / "slow.jsonl")
        scans = [r.value for _ in range(20) for r in collector.sample() if r.metric == "mongodb_collection_scans_total"]
        client["shop"]["goods"].find_one({"n": 2})
        scans += [r.value for r in collector.sample() if r.metric == "mongodb_collection_scans_total"]
        collector.close()
    assert [later - scans[0] for later in scans] == [0.0] * 20 + [1.0]


@pytest.mark.e2e
def test_the_profiler_is_left_as_it_was(url: str, client: Client) -> None:
    client["shop"].command("profile", 0, slowms=77, sampleRate=0.5)
    with profiled(url, "shop", Profiler(level=2, slow_ms=3)):
        now = client["shop"].command("profile", -1)
        assert (now["was"], now["slowms"], now["sampleRate"]) == (2, 3, 1.0)
    now = client["shop"].command("profile", -1)
    assert (now["was"], now["slowms"], now["sampleRate"]) == (0, 77, 0.5)
    assert "system.profile" not in client["shop"].list_collection_names()
    client["shop"].command("profile", 0, slowms=100, sampleRate=1.0)


@pytest.mark.e2e
def test_a_profiler_that_is_on_keeps_its_collection(url: str, client: Client) -> None:
    client["shop"].command("profile", 2)
    client["shop"]["goods"].find_one({}, comment="before")
    with profiled(url, "shop", Profiler()):
        pass
    assert client["shop"].command("profile", -1)["was"] == 2
    assert client["shop"]["system.profile"].find_one({"command.comment": "before"})
    client["shop"].command("profile", 0)


def test_a_server_that_is_gone_is_down_and_no_error(tmp_path: Path) -> None:
    collector = MongoCollector(f"mongodb://127.0.0.1:{free_ports(1)[0]}", "shop", tmp_path / "slow.jsonl")
    collector._client = MongoClient(f"mongodb://127.0.0.1:{free_ports(1)[0]}", serverSelectionTimeoutMS=50)
    assert [(r.metric, r.value) for r in collector.sample()] == [("mongodb_up", 0.0)]
    collector.close()


def test_why_a_profiler_cannot_be_set_is_told() -> None:
    with profiled(f"mongodb://127.0.0.1:{free_ports(1)[0]}", "shop", Profiler(), timeout_s=0.05) as why_not:
        assert "refused" in why_not


def test_what_a_version_does_not_tell_is_left_out() -> None:
    told = {"opcounters": {"insert": 3}, "queues": {"execution": {"read": {"out": 1, "available": 5}}}, "mem": "none"}
    assert {(r.metric, r.labels): r.value for r in readings(told)} == {
        ("mongodb_operations_total", "type=insert"): 3.0,
        ("mongodb_tickets", "kind=read,state=out"): 1.0,
        ("mongodb_tickets", "kind=read,state=available"): 5.0,
    }
