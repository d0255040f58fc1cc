from lab.engines.placeholders import fill, needs, placeholder_problems, placeholders_of
from lab.model import Service


def a_service(name: str, *argv: str, **env: str) -> Service:
    return Service(name=name, kind="http", argv=argv, env=tuple(env.items()))


def test_placeholders_are_found_in_argv_and_env() -> None:
    service = a_service("web", "{python}", "--port={port}", DB="{mongo.url}/x", AGAIN="{port}")
    assert placeholders_of(service) == ("python", "port", "mongo.url")


def test_a_service_needs_the_others_that_it_names() -> None:
    assert needs(a_service("web", "{python}", "{port}", "{web.url}", A="{mongo.url}", B="{ai_core.port}")) == {
        "mongo",
        "ai_core",
    }


def test_values_replace_their_placeholders_and_other_braces_stay() -> None:
    assert fill('{"a": {port}} {mongo.url}', {"port": "1", "mongo.url": "m"}) == '{"a": 1} m'


def test_a_value_is_not_searched_for_placeholders_again() -> None:
    assert fill("{secret}", {"secret": "{port}", "port": "1"}) == "{port}"


def test_placeholders_of_services_above_are_fine() -> None:
    assert placeholder_problems([a_service("mongo"), a_service("web", "{mongo.url}", "{mongo.port}", "{secret}")]) == []


def test_unknown_placeholders_are_all_told_with_the_known_ones() -> None:
    known = "known: {python}, {host}, {port}, {secret}, {web.url}, and .port for .url"
    assert placeholder_problems([a_service("web", "{prot}", "{web.uri}")]) == [
        f"web: {{prot}} is unknown ({known}; {{{{prot}}}} is the text {{prot}} itself)",
        f"web: {{web.uri}} is unknown ({known}; {{{{web.uri}}}} is the text {{web.uri}} itself)",
    ]


def test_braces_within_braces_are_no_placeholder_and_lose_a_pair() -> None:
    service = a_service("web", ROUTE="GET /report/{{id}}", PORT="{port}", JSON='{"a": {"b": {port}}}')
    assert placeholders_of(service) == ("port",)
    assert placeholder_problems([service]) == []
    assert [fill(value, {"port": "1"}) for _, value in service.env] == [
        "GET /report/{id}",
        "1",
        '{"a": {"b": 1}}',
    ]


def test_a_placeholder_of_a_service_below_is_a_problem_of_order() -> None:
    problems = placeholder_problems([a_service("web", "{late.url}"), a_service("late")])
    assert problems == ["web: {late.url} names a service that stands below web, and so starts after it"]
