from typing import Any

import pytest

from lab.config.limits import LimitsFile, limit_overrides, limits_content, parse_limits, read_limits
from lab.config.plans import load_plan, parse_plan, plan_content
from lab.errors import ConfigError
from lab.model import Limits


@pytest.mark.parametrize(
    ("table", "limits"),
    [
        ({"cpus": 0.5}, Limits(service="ai_core", cpus=0.5)),
        ({"memory": "512m"}, Limits(service="ai_core", memory_bytes=512 * 2**20)),
        ({"memory": "1.5G"}, Limits(service="ai_core", memory_bytes=3 * 2**29)),
        ({"memory": "100000b"}, Limits(service="ai_core", memory_bytes=100_000)),
        ({"cpuset": "0-1,3"}, Limits(service="ai_core", cpuset="0-1,3")),
        ({"cpuset": 1}, Limits(service="ai_core", cpuset="1")),
    ],
)
def test_a_table_of_a_plan_is_read(table: dict[str, Any], limits: Limits) -> None:
    assert parse_limits({"ai_core": LimitsFile.model_validate(table)}) == (limits,)


def test_a_table_that_holds_to_nothing_is_no_limit() -> None:
    assert parse_limits({"ai_core": LimitsFile()}) == ()


@pytest.mark.parametrize(
    "table", [{"cpus": 0}, {"cpus": -1}, {"memory": "lots"}, {"memory": "5"}, {"cpuset": "a"}, {"cpu": 1}]
)
def test_a_limit_that_is_none_is_refused(table: dict[str, Any]) -> None:
    content = {**plan_content(load_plan("smoke")), "limits": {"ai_core": table}}
    with pytest.raises(ConfigError, match=r"x\.toml: limits\.ai_core"):
        parse_plan(content, source="x.toml")


def test_a_plan_keeps_its_limits_through_a_run_s_record() -> None:
    content = {
        **plan_content(load_plan("smoke")),
        "limits": {"ai_core": {"cpus": 1, "memory": "1g"}, "k6": {"cpuset": "1"}},
    }
    plan = parse_plan(content, source="x.toml")
    assert [limits.service for limits in plan.limits] == ["ai_core", "k6"]
    assert parse_plan(plan_content(plan), source="run.json") == plan
    assert limits_content(plan.limits)["ai_core"] == {"cpus": 1.0, "memory": f"{2**30}b"}


def test_options_are_read_alone_and_into_a_plan() -> None:
    limits = (Limits(service="ai_core", cpus=1.0, memory_bytes=2**29), Limits(service="k6", cpuset="1"))
    options: dict[str, Any] = {"cpus": ["ai_core=1"], "memory": ["ai_core=512m"], "cpuset": ["k6=1"]}
    assert read_limits(**options) == limits
    assert load_plan("smoke", overrides=limit_overrides(**options)).limits == limits


def test_every_option_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        limit_overrides(cpus=["ai_core", "ai_core=many"], memory=["backend=12"], cpuset=["Backend=0"])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "--cpus 'ai_core'",
        "--cpus 'ai_core=many'",
        "--memory 'backend=12'",
        "--cpuset 'Backend=0'",
    ]


@pytest.mark.parametrize("cpus", ["ai_core=0", "ai_core=5000"])
def test_numbers_that_are_no_limit_are_refused(cpus: str) -> None:
    with pytest.raises(ConfigError, match=r"limits\.ai_core\.cpus"):
        read_limits(cpus=[cpus], memory=[], cpuset=[])
