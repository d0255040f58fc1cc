"""Settings that cannot be used are all named before anything is sent."""

from pathlib import Path

import pytest

from tests.k6.backend_process import Backend
from tests.k6.by_hand import k6

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]


def test_every_bad_setting_is_named_at_once_and_nothing_is_sent(backend: Backend, tmp_path: Path) -> None:
    run = k6("mixed", backend, tmp_path, RATE="fast", DURATION=0, EXPLAINER="oracle", PHASE="a b", STAGES="5:1")
    assert run.exit_code not in (0, 99)
    for text in ("RATE=fast", "DURATION=0", "EXPLAINER=oracle", "PHASE=a b", "STAGES=5:1"):
        assert text in run.output
    assert backend.seen() == []


def test_a_rate_too_low_for_a_single_journey_says_what_to_raise(backend: Backend, tmp_path: Path) -> None:
    run = k6("explain_heavy", backend, tmp_path, RATE=0.01)
    assert "less than half a journey; raise either" in run.output
    assert backend.seen() == []


def test_a_slash_at_the_end_of_the_url_does_no_harm(backend: Backend, tmp_path: Path) -> None:
    run = k6("auth_dashboard", f"{backend.url}/", tmp_path)
    assert run.total("journeys", outcome="completed") == run.total("iterations") > 0


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ("{", "ROUTES: is no JSON"),
        ("[]", "ROUTES: write an object"),
        ("null", "ROUTES: write an object"),
        (
            '{"POST /signin": "POST /x"}',
            "POST /signin: is no route of the contract (there are: POST /register, POST /login",
        ),
        ('{"POST /login": "POST http://evil.example.org/"}', "is no route: write a method and a path"),
        ('{"POST /login": "POST @evil.example.org/"}', "is no route: write a method and a path"),
        ('{"POST /login": 3}', "3 is no route"),
        ('{"POST /login": "PUT /login"}', "the method must stay POST"),
        ('{"GET /report/{id}": "GET /reports"}', "GET /reports must have {id}"),
        ('{"POST /login": "POST /{tenant}/login"}', "must have no placeholder"),
    ],
)
def test_routes_that_cannot_be_used_are_named_and_nothing_is_sent(
    routes: str, said: str, backend: Backend, tmp_path: Path
) -> None:
    run = k6("mixed", backend, tmp_path, ROUTES=routes)
    assert run.exit_code not in (0, 99)
    assert said in run.output
    assert backend.seen() == []
