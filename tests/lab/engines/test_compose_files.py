"""What compose is given for a target, and what is said of its failures; no engine is needed for it."""

import stat
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from lab.assets import ASSETS
from lab.engines import compose_command, compose_files, compose_states
from lab.engines.compose_files import Described
from lab.errors import ConfigError
from lab.model import Limits, Origin, Service, Target

SERVICES = {
    "mongo": Described(name="mongo", image="mongo:7.0.28", is_built=False, port=27017),
    "ai_core": Described(name="ai_core", image="x/ai_core:1", is_built=True, port=8811),
    "prometheus": Described(name="prometheus", image="p:1", is_built=False, port=9090),
    "grafana": Described(name="grafana", image="g:1", is_built=False, port=3000),
    "k6": Described(name="k6", image="k:1", is_built=False, port=0),
}
PASSWORDS = {"LAB_MONGO_PASSWORD": "m0", "LAB_TOKEN_SECRET": "t0", "LAB_GRAFANA_PASSWORD": "g0"}


def a_target(*services: Service, compose: Path | None = Path("compose.yaml")) -> Target:
    return Target(name="small", description="", entry=services[-1].name, services=services, compose=compose)


MONGO = Service(name="mongo", kind="mongod", port=1)
AI_CORE = Service(
    name="ai_core",
    kind="http",
    argv=("x",),
    env=(
        ("HOST", "{host}"),
        ("PORT", "{port}"),
        ("DB", "{mongo.url}"),
        ("KEY", "{secret}"),
        ("PRICE", "5$ {mongo.port}"),
    ),
)


def test_what_compose_says_of_a_file_is_read() -> None:
    config = {
        "services": {
            "web": {"image": "a:1", "build": {"context": "."}, "ports": [{"target": 80, "published": "8080"}]},
            "k6": {"image": "b:2", "profiles": ["load"]},
        }
    }
    assert compose_files.described(config) == {
        "web": Described(name="web", image="a:1", is_built=True, port=80),
        "k6": Described(name="k6", image="b:2", is_built=False, port=0),
    }


def test_a_target_s_environment_is_filled_in_as_it_is_inside() -> None:
    content = compose_files.override(a_target(MONGO, AI_CORE), SERVICES, (), PASSWORDS)
    assert content["services"]["ai_core"]["environment"] == {
        "HOST": "0.0.0.0",  # noqa: S104  # inside a container
        "PORT": "8811",
        "DB": "mongodb://lab:m0@mongo:27017/?authSource=admin&directConnection=true",
        "KEY": "t0",
        "PRICE": "5$$ 27017",  # compose would take $ for a variable
    }


def test_limits_are_those_of_the_container_and_swap_is_no_way_out() -> None:
    limits = (Limits(service="ai_core", cpus=1.5, memory_bytes=2**29, cpuset="0-1"), Limits(service="k6", cpuset="1"))
    content = compose_files.override(a_target(MONGO), SERVICES, limits, PASSWORDS)["services"]
    assert content["ai_core"] == {"cpus": 1.5, "mem_limit": 2**29, "memswap_limit": 2**29, "cpuset": "0-1"}
    assert content["k6"] == {"cpuset": "1"}


def test_services_that_the_file_does_not_have_are_named_all_at_once() -> None:
    other = Service(name="other", kind="http", argv=("x",))
    problems = compose_files.target_problems(a_target(MONGO, other), SERVICES, (Limits(service="ai-core", cpus=1),))
    assert len(problems) == 2
    assert problems[0].startswith("other: compose.yaml has no such service")
    assert problems[1].startswith("ai-core cannot be held to a limit")


def test_passwords_are_made_once_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    kept = compose_files.kept_secrets(tmp_path)
    assert compose_files.kept_secrets(tmp_path) == kept
    assert len(set(kept.values())) == 3
    assert min(map(len, kept.values())) >= 32
    assert stat.S_IMODE((tmp_path / compose_files.SECRETS).stat().st_mode) == 0o600


def test_damaged_passwords_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / compose_files.SECRETS).write_text("{", encoding="ascii")
    assert all(compose_files.kept_secrets(tmp_path).values())


def test_variables_say_where_everything_is(tmp_path: Path) -> None:
    found = compose_files.variables(
        PASSWORDS, project="lab-1", ports={"ai_core": 7, "mongo": 8}, user="5:6", prometheus=tmp_path
    )
    assert (found["LAB_AI_CORE_PORT"], found["LAB_MONGO_PORT"], found["LAB_USER"]) == ("7", "8", "5:6")
    assert found["LAB_IMAGE_TAG"] == "lab-1"
    assert found["LAB_PROMETHEUS_DATA"] == str(tmp_path / "tsdb")
    assert orjson.loads(orjson.dumps(found)) == found


@pytest.mark.parametrize(
    ("without", "wanted"),
    [((), ("prometheus", "grafana")), (("grafana",), ("prometheus",)), (("prometheus",), ())],
)
def test_grafana_comes_with_prometheus_only(without: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert compose_files.observers(SERVICES, without) == wanted


def test_a_rootless_engine_s_root_is_this_user() -> None:
    assert compose_files.user_of(is_rootless=True) == "0:0"
    assert ":" in compose_files.user_of(is_rootless=False)


def test_a_target_without_a_compose_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"names no compose file.*--engine process"):
        compose_files.require_compose_file(a_target(MONGO, compose=None))
    with pytest.raises(ConfigError, match="is not there: containers are made from a checkout"):
        compose_files.require_compose_file(a_target(MONGO, compose=tmp_path / "compose.yaml"))


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("write /var/lib/docker/x: no space left on device", "the disk of the Docker engine is full"),
        ('Error response from daemon: Get "x": dial tcp: lookup y: no such host', "no registry gave it"),
        ("pull access denied for perf-lab/x, repository does not exist", "no registry gave it"),
        ("failed to solve: python:3.11: failed to resolve source metadata", "no registry gave it"),
        ("Bind for 127.0.0.1:8810 failed: port is already allocated", "--ports auto"),
        ("something else", ""),
    ],
)
def test_a_failure_says_what_to_do(output: str, hint: str) -> None:
    told = compose_command.told("up", f"first\n\n{output}\n")
    assert told.startswith("docker compose up failed:\nfirst\n")
    assert hint in told
    assert len(told.splitlines()) == (3 if not hint else 4)


@pytest.mark.parametrize(
    ("code", "words"), [(137, "it was killed"), (143, "ended by signal 15"), (1, "exit code 1"), (0, "exit code 0")]
)
def test_exit_codes_of_containers_are_told_in_words(code: int, words: str) -> None:
    assert words in compose_states.exit_of(code)


def test_an_image_takes_the_place_of_the_file_s_and_is_not_built() -> None:
    target = replace(a_target(MONGO, AI_CORE), images=(("ai_core", "mine/ai_core:$2"),))
    assert compose_files.override(target, SERVICES, (), PASSWORDS)["services"]["ai_core"]["image"] == "mine/ai_core:$$2"
    services = compose_files.replaced(SERVICES, target.images)
    assert services["ai_core"] == Described(name="ai_core", image="mine/ai_core:$2", is_built=False, port=8811)
    assert services["mongo"] == SERVICES["mongo"]
    wrong = replace(target, images=(("aicore", "x:1"),))
    problems = compose_files.target_problems(wrong, SERVICES, ())
    assert len(problems) == 1
    assert "aicore cannot have an image of its own" in problems[0]


def test_services_of_another_checkout_meet_the_load_of_this_one() -> None:
    other = replace(a_target(MONGO, AI_CORE), origin=Origin(folder=Path("/elsewhere"), python=Path("python")))
    own = compose_files.override(a_target(MONGO, AI_CORE), SERVICES, (), PASSWORDS)
    assert "k6" not in own["services"]
    scripts = compose_files.override(other, SERVICES, (), PASSWORDS)["services"]["k6"]["volumes"]
    assert scripts == [{"type": "bind", "source": str(ASSETS / "k6"), "target": "/scripts", "read_only": True}]
