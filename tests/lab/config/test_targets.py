"""Targets, scenarios and ports."""

from pathlib import Path

import pytest

from lab.assets import ASSETS
from lab.config.external import METRICS as METRICS_THAT_CAN_BE_MAPPED
from lab.config.settings import parse_ports, read_settings
from lab.config.targets import load_scenario, load_scenarios, load_target
from lab.errors import ConfigError
from lab.target_guard import granted
from lab.threshold_metrics import HEAPS


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


EXTERNAL = """name = "x"
entry = "api"
{top}
[services.api]
kind = "http"
url = "http://127.0.0.1:9000"
health_path = "/health"
{tables}
"""


def external(folder: Path, *, top: str = "", tables: str = "") -> str:
    return a_target(EXTERNAL.format(top=top, tables=tables), folder)


def test_the_example_for_real_services_is_whole_and_stays_on_this_machine() -> None:
    target = load_target("real-services")
    assert target.is_external
    assert {service.name: service.url for service in target.services} == target.urls
    assert granted(target.urls, listed=target.allowed_hosts, repeated=()) == ()
    contract = {route for scenario in load_scenarios().values() for route in scenario.routes}
    assert dict(target.routes).keys() == contract
    assert set(target.backlog) < dict(target.metrics).keys()


def test_every_name_of_a_metric_that_can_be_mapped_is_one_that_the_contract_or_the_telemetry_page_has() -> None:
    pages = "".join((ASSETS / "docs" / name).read_text() for name in ("contract.md", "telemetry.md"))
    known = [*METRICS_THAT_CAN_BE_MAPPED]
    assert [name for name in known if name not in pages and name not in HEAPS] == []


def test_services_that_run_already_have_urls_routes_metrics_and_hosts(tmp_path: Path) -> None:
    top = 'allowed_hosts = ["PERF.example.org", "[::2]"]'
    tables = '[routes]\n"POST /login" = "POST /v1/in"\n[metrics]\nanalyze_queue_depth = "jobs"'
    target = load_target(external(tmp_path, top=top, tables=tables))
    assert target.allowed_hosts == ("::2", "perf.example.org")
    assert target.granted_hosts == ()
    assert (target.routes, target.metrics) == (
        (("POST /login", "POST /v1/in"),),
        (("analyze_queue_depth", "jobs"),),
    )
    assert not load_target("stubs").is_external


@pytest.mark.parametrize(
    ("top", "tables", "said"),
    [
        ("", "port = 1", "already runs, so leave port out"),
        ("", 'argv = ["x"]\nenv = { A = "b" }', "already runs, so leave argv and env out"),
        ("", 'metrics_path = "@evil.example.org/"', "services.api.metrics_path"),
        ("", '[services.b]\nkind = "mongod"\nport = 1', "api already run, and b would be started"),
        ("", '[services.b]\nkind = "mongod"', "needs a port, or the url"),
        ("", '[services.b]\nkind = "http"\nurl = "http://127.0.0.1:1"', "needs a health_path that starts with /"),
        ("", '[services.b]\nkind = "mongod"\nurl = "http://127.0.0.1:1"', "of kind mongod begins with mongodb://"),
        ("", '[services.b]\nkind = "mongod"\nurl = "mongodb://a,b"', "names several servers"),
        (
            "",
            "".join(f'[services.{n}]\nkind = "mongod"\nurl = "mongodb://127.0.0.1"\n' for n in "bc"),
            "of kind mongod there can be one",
        ),
        ('compose = "c.yaml"', "", "compose: services that already run"),
        ('allowed_hosts = ["*"]', "", "allowed_hosts: '*': '*' is neither"),
        ('database = "app"', "", "no service of kind mongod on which 'app' could be emptied"),
        ('database = "admin"', '[services.b]\nkind="mongod"\nurl="mongodb://127.0.0.1"', "'admin' is MongoDB's own"),
        ("", '[routes]\n"POST /logn" = "POST /x"', "did you mean 'POST /login'"),
        ("", '[routes]\n"POST /login" = "GET /x"', "the method must stay POST"),
        ("", '[routes]\n"POST /login" = "/x"', "'/x' is no route"),
        ("", '[routes]\n"POST /login" = "POST http://evil.example.org/"', "is no route: write a method and a path"),
        ("", '[routes]\n"POST /login" = "POST @evil.example.org"', "is no route: write a method and a path"),
        ("", '[routes]\n"GET /report/{id}" = "GET /r/{report}"', "must have {id}, and has {report}"),
        ("", '[routes]\n"GET /report/{id}" = "GET /r/{id"', "must have {id}, and has no placeholder"),
        ("", '[routes]\n"POST /login" = "POST /{a}/login"', "must have no placeholder, and has {a}"),
        ("", '[metrics]\nanalyse_queue_depth = "x"', "did you mean 'analyze_queue_depth'"),
        ("", '[metrics]\nanalyze_queue_depth = "a-b"', "'a-b' is no name of a metric"),
        ("", '[metrics]\nanalyze_queue_depth = "a"\nai_core_queue_depth = "a"', "'a' is mapped more than once"),
    ],
)
def test_what_cannot_be_true_of_services_that_run_already_is_refused(
    top: str, tables: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_target(external(tmp_path, top=top, tables=tables))
    assert said in str(caught.value)


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    tables = '[routes]\n"POST /x" = "POST /x"\n"POST /login" = "GET /x"\n[metrics]\nx = "y"'
    with pytest.raises(ConfigError) as caught:
        load_target(external(tmp_path, top='allowed_hosts = ["a b"]\ndatabase = "app"', tables=tables))
    assert len(caught.value.problems) == 5
    assert all(problem.startswith("mine.toml: ") for problem in caught.value.problems)


@pytest.mark.parametrize("table", ["[routes]", "[metrics]"])
def test_tables_for_services_that_run_already_are_refused_for_those_that_are_started(
    table: str, tmp_path: Path
) -> None:
    text = f'name="x"\nentry="a"\n[services.a]\nkind="http"\nport=1\nargv=["x"]\nhealth_path="/"\n{table}\n'
    with pytest.raises(ConfigError, match="is for services that already run, and no service has a url"):
        load_target(a_target(text, tmp_path))


@pytest.mark.parametrize("override", ['allowed_hosts=["evil.example.org"]', "allowed_hosts.0=x", 'database="prod"'])
def test_an_option_does_not_say_where_load_may_go_or_what_is_emptied(override: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the target file alone says so|write key=value|allowed_hosts"):
        load_target(external(tmp_path), overrides=[override])
    url = load_target(external(tmp_path), overrides=['services.api.url="http://127.0.0.1:9"']).urls["api"]
    assert url == "http://127.0.0.1:9"


def test_a_password_of_a_database_is_not_told(tmp_path: Path) -> None:
    tables = '[services.b]\nkind = "mongod"\nurl = "mongodb://root:hunter2@a,b"'
    with pytest.raises(ConfigError) as caught:
        load_target(external(tmp_path, tables=tables))
    assert "hunter2" not in str(caught.value)


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
