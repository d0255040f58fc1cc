"""Routes of a system's own: where requests go, by which names they are counted, and that no redirect is followed."""

import json
from pathlib import Path

import pytest

from tests.k6.backend_process import Backend
from tests.k6.by_hand import SCENARIOS, k6
from tests.node_backend.running import ROUTES, running_node_backend

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6", "node")]


@pytest.mark.parametrize("script", ["auth_dashboard", "upload_analyze", "report_retrieval"])
def test_requests_go_to_the_systems_own_routes_and_keep_the_names_of_the_contract(script: str, tmp_path: Path) -> None:
    with running_node_backend(tmp_path) as backend:
        run = k6(script, backend.url, tmp_path, RATE=20, POLL_INTERVAL=0.1, ROUTES=json.dumps(ROUTES))
        told = backend.metrics()
    assert run.exit_code == 0, run.output
    assert run.total("journeys", outcome="completed") == run.total("journeys") > 0
    names = {point["tags"]["name"] for point in run.of("http_reqs")}
    assert names <= set(SCENARIOS[script]["routes"])
    assert [name for name in names if f'route="{ROUTES[name]}",status="20' not in told] == []


def test_a_redirect_is_an_answer_with_the_wrong_status_and_nothing_follows_it(backend: Backend, tmp_path: Path) -> None:
    """The other backend stands for a foreign host."""
    with running_node_backend(tmp_path, redirect_to=backend.url) as node:
        assert k6("auth_dashboard", node.url, tmp_path, ROUTES=json.dumps(ROUTES)).exit_code == 0
        node.redirect()
        run = k6("auth_dashboard", node.url, tmp_path, ROUTES=json.dumps(ROUTES))
    assert "answered 307" in run.output
    assert run.exit_code not in (0, 99)
    assert backend.seen() == []
