"""k6 in a container: how it sees what this machine names, and where its load may go; no engine is needed for it."""

from pathlib import Path

import pytest

from lab.errors import ConfigError, LoadError
from lab.load.k6 import SCRIPTS, K6Load
from lab.load.k6_container import ContainedK6
from lab.model import ComposeProject, Phase, PhaseKind, Scenario

PROJECT = ComposeProject(name="lab-1", files=(), variables=Path("variables.json"), folder=Path())
K6 = ContainedK6(
    project=PROJECT,
    version="1.1.0",
    urls=(("http://127.0.0.1:8810", "http://backend:8810"), ("http://127.0.0.1:9190", "http://prometheus:9090")),
)


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ("http://127.0.0.1:8810", "http://backend:8810"),
        ("http://127.0.0.1:8810/reports", "http://backend:8810/reports"),
        ("http://127.0.0.1:9190/api/v1/write", "http://prometheus:9090/api/v1/write"),
        (str(SCRIPTS / "mixed.js"), "/scripts/mixed.js"),
        ("/home/me/runs/1/load/steady.json.gz.pipe", "/results/steady.json.gz.pipe"),
    ],
)
def test_urls_scripts_and_results_have_other_names_inside(place: str, inside: str) -> None:
    assert K6.seen(place) == inside


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:88101", "http://127.0.0.1:8811", "http://example.org", "http://backend:8810"]
)
def test_a_url_that_is_no_container_s_is_refused(url: str) -> None:
    with pytest.raises(LoadError, match="the lab's own containers only"):
        K6.seen(url)


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "backend", ""])
def test_load_goes_nowhere_else(host: str, tmp_path: Path) -> None:
    phase = Phase(name="steady", kind=PhaseKind.SUSTAIN, rate_per_s=1, duration_s=1)
    scenario = Scenario(name="mixed", code="S5", description="", requests_per_journey=1)
    with pytest.raises(ConfigError, match=r"not allowed|no host"):
        K6Load(K6).drive(
            phase, scenario, base_url=f"http://{host}:80", seed=1, out=tmp_path, marker="x", on_progress=lambda _: None
        )
    assert list(tmp_path.iterdir()) == []
