"""What only containers can meet, on a real engine."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import containers
from lab.engines import choose
from lab.errors import ConfigError, EngineError
from lab.model import Limits, Target
from tests.lab.engines.bench import FAILS, IMAGE, NEVER_READY, Bench

pytestmark = pytest.mark.needs_engine(IMAGE)

HUNGRY = """
import http.server, os, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/eat":
            subprocess.run([sys.executable, "-c", "x = bytearray(400_000_000)"])
print("serving", flush=True)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("compose", tmp_path / "home", tmp_path)
    yield made
    made.engine.down()
    assert made.left() == []


def changed(target: Target, service: str, **fields: object) -> Target:
    """The target with other fields of a service in its compose file."""
    assert target.compose is not None
    content = json.loads(target.compose.read_text())
    content["services"][service].update(fields)
    target.compose.write_text(json.dumps(content))
    return target


def test_containers_are_taken_by_themselves_where_an_engine_answers(bench: Bench) -> None:
    target = bench.target()
    assert choose(bench.home, "auto", target).name == "compose"
    assert choose(bench.home, "auto", replace(target, compose=None)).name == "process"
    assert choose(bench.home, "process", target).name == "process"
    assert choose(bench.home, "", target, default="process").name == "process"
    bench.up(target)
    assert choose(bench.home, "auto", replace(target, compose=None)).name == "compose"  # what runs
    assert choose(bench.home, "", target, default="process").name == "compose"
    with pytest.raises(ConfigError, match="an environment of the compose engine runs"):
        choose(bench.home, "process", target)


def test_an_image_that_is_nowhere_is_named_with_the_ways_out(bench: Bench) -> None:
    target = changed(bench.target(), "front", image="perf-lab/is-nowhere:0.0.1")
    told: list[str] = []
    with pytest.raises(
        EngineError, match=r"(?s)image perf-lab/is-nowhere:0\.0\.1 \(front\) is not here.*docker load.*--engine process"
    ):
        bench.up(target, on_event=told.append)
    assert told == ["front: pulling perf-lab/is-nowhere:0.0.1"]
    assert bench.left() == []


def test_a_service_that_does_not_get_healthy_is_left_for_inspection(bench: Bench) -> None:
    with pytest.raises(
        EngineError, match=r"(?s)not yet.*everything is left as it is: `docker inspect .*back.*lab down"
    ):
        bench.up(bench.target(code=NEVER_READY, ready_timeout_s=2.0))
    assert any(name.startswith("container") for name in bench.left())
    assert bench.engine.down().services
    assert bench.left() == []


def test_limits_are_held_read_back_and_asked_for_again(bench: Bench) -> None:
    limits = (Limits(service="back", cpus=0.5, memory_bytes=64 * 2**20, cpuset="0"),)
    target = bench.target()
    environment = bench.up(target, limits=limits)
    assert environment.limits == (*limits, Limits(service="front"))
    with containers.connected() as client:
        back = next(s.container for s in environment.services if s.name == "back")
        assert back is not None
        host = client.containers.get(back.id).attrs["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["CpusetCpus"]) == (5 * 10**8, 64 * 2**20, "0")
    assert bench.up(target, limits=limits) == environment
    with pytest.raises(ConfigError, match="back is held to other limits"):
        bench.up(target, limits=(Limits(service="back", cpus=2.0),))


def test_a_limit_of_what_there_is_not_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="bakc cannot be held to a limit"):
        bench.up(limits=(Limits(service="bakc", cpus=1.0),))


def test_a_process_that_runs_out_of_memory_is_a_loss_of_its_service(
    bench: Bench, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    environment = bench.up(bench.target(code=HUNGRY), limits=(Limits(service="back", memory_bytes=100 * 2**20),))
    with bench.engine.watch(environment) as losses:
        with containers.connected() as client:
            back = next(s.container for s in environment.services if s.name == "back")
            assert back is not None
            eat = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/eat')"
            client.containers.get(back.id).exec_run(["python", "-c", eat], detach=True)
        eventually(lambda: bool(losses()))
        assert losses()[0].service == "back"
        assert "memory limit" in losses()[0].how


def test_data_of_another_version_of_mongodb_is_told(bench: Bench) -> None:
    target = bench.target(code=FAILS.replace("7)", "62)"))
    renamed = tuple(replace(s, name="mongo") if s.name == "back" else replace(s, env=()) for s in target.services)
    assert target.compose is not None
    content = json.loads(target.compose.read_text())
    content["services"]["mongo"] = content["services"].pop("back")
    content["services"]["front"]["depends_on"] = {"mongo": {"condition": "service_healthy"}}
    target.compose.write_text(json.dumps(content))
    with pytest.raises(EngineError, match=r"mongo has ended: .*written by another version of MongoDB; `lab down`"):
        bench.up(replace(target, services=renamed))


def test_what_an_image_really_was_is_kept(bench: Bench) -> None:
    environment = bench.up()
    with containers.connected() as client:
        image = client.images.get(IMAGE)
    for of in environment.containers().values():
        assert (of.image, of.image_id) == (IMAGE, image.id)
