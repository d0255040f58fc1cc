"""Targets, scenarios and ports."""

from pathlib import Path

import pytest

from lab.config.settings import parse_ports, read_settings
from lab.config.targets import load_scenario, load_scenarios, load_target
from lab.errors import ConfigError


def test_the_stubs_are_mongo_ai_core_and_backend_in_that_order_and_load_goes_to_the_backend() -> None:
    target = load_target("stubs")
    assert [service.name for service in target.services] == ["mongo", "ai_core", "backend"]
    assert target.entry == "backend"


def a_target(text: str, folder: Path) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name="x"\nentry="a"\n[services.b]\nkind="mongod"\nport=1', "entry: no service is named 'a'"),
        ('name="x"\nentry="a"\n[services.a]\nkind="http"\nport=1', "needs argv and a health_path"),
        ('name="x"\nentry="a"\n[services.a]\nkind="mongod"\nport=0', "services.a.port"),
        ('name="x"\nentry="a"\n[services.a]\nkind="mongod"\nprot=1', "did you mean 'port'"),
        ('name="x"\nentry="a"\n', "services: is missing"),
    ],
)
def test_a_bad_target_is_refused_with_a_sentence_that_says_where(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_target(a_target(text, tmp_path))
    assert said in str(caught.value)


def test_mixed_is_the_weighted_mean_of_its_parts() -> None:
    scenarios = load_scenarios()
    mixed = scenarios["mixed"]
    assert dict(mixed.mix) == {
        "auth_dashboard": 0.10,
        "upload_analyze": 0.50,
        "explain_heavy": 0.25,
        "report_retrieval": 0.15,
    }
    mean = sum(weight * scenarios[name].requests_per_journey for name, weight in mixed.mix)
    assert mixed.requests_per_journey == pytest.approx(mean)


def test_an_unknown_scenario_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'mixed'"):
        load_scenario("mixd")


def test_ports_are_read_one_by_one_or_together_and_auto_is_said_apart() -> None:
    assert parse_ports(["backend=9000,mongo=9001", "auto"]) == ({"backend": 9000, "mongo": 9001}, True)


def test_bad_ports_are_all_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_ports(["backend=x", "mongo=70000"])
    assert len(caught.value.problems) == 2


def test_home_and_artifacts_can_be_set_and_stay_in_the_checkout_otherwise(tmp_path: Path) -> None:
    settings = read_settings({"LAB_HOME": str(tmp_path / "h"), "LAB_ARTIFACTS": str(tmp_path / "a")})
    assert (settings.home, settings.artifacts) == (tmp_path / "h", tmp_path / "a")
    assert read_settings({}).artifacts.parts[-4:] == ("docs", "perf", "day14", "artifacts")
