"""A run beside a real Prometheus: every query of every dashboard answers, here and where the run is replayed."""

import gzip
import json
import os
import re
import shutil
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab import replay, rundir
from lab.engines import ProcessEngine
from lab.engines.ports import free_ports
from lab.model import Environment, Service, Target
from tests.e2e.lab_command import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6", "prometheus", "promtool"), pytest.mark.timeout(400)]

ROOT = Path(__file__).resolve().parents[2]
LIMITS = """
  { expect = "p50(http_req_duration) < 30s" },
  { expect = "p95(http_req_duration) < 60s" },
  { expect = "p99(http_req_duration) < 60s" },
  { expect = "p95(ai_core_analyze{part=total}) < 60s" },
  { expect = "p95(ai_core_analyze{explainer=tree,part=explain}) < 60s" },
"""
WEB = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *parts): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def a_plan(lab: Lab) -> str:
    path = Path(lab.plan)
    text = path.read_text(encoding="utf-8").replace("thresholds = [", f"thresholds = [{LIMITS}")
    path.write_text(text.replace("rate_per_s = 8", "rate_per_s = 20").replace("duration_s = 12", "duration_s = 20"))
    return str(path)


@pytest.fixture(scope="module")
def watched(running_lab: Lab) -> Lab:
    """The lab after one run, its Prometheus still up. It is too short for some of its percentiles, and so invalid."""
    done = running_lab("run", "mixed", "--plan", a_plan(running_lab), "--set", "profiler.slow_ms=0", timeout_s=200)
    assert done.returncode in {0, 4}, done.stdout + done.stderr
    assert "error" not in done.stderr
    return running_lab


@pytest.fixture(scope="module")
def run(watched: Lab) -> rundir.RunDir:
    return rundir.find(watched.folder / "runs", "latest")


def environment_of(lab: Lab) -> Environment:
    found = ProcessEngine(lab.folder / "home").find()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def prometheus(watched: Lab) -> str:
    return environment_of(watched).url_of("prometheus")


def ask(prometheus: str, path: str, **asked: str) -> Any:
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  # on 127.0.0.1
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{asked.get('query')}: {error.read().decode()}") from error


def queries(run_id: str) -> list[tuple[str, str]]:
    """Every query of every panel, its variables filled in, with the panel that it is of."""
    found = []
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"].replace("$run", run_id).replace("$__rate_interval", "10s")
                expr = re.sub(r"\$(phase|scenario|service)\b", ".*", expr)
                found.append((f"{path.stem}: {panel['title']}", expr))
    return found


def unanswered(prometheus: str, run: rundir.RunDir) -> list[str]:
    windows = run.windows()
    span = {"start": f"{windows[0].started_at:.3f}", "end": f"{windows[-1].ended_at:.3f}", "step": "1"}
    missing = []
    for panel, expr in queries(run.run_id):
        result = ask(prometheus, "query_range", query=expr, **span)["result"]
        values = [float(value) for series in result for _, value in series["values"]]
        if not any(value == value for value in values):  # noqa: PLR0124  # NaN is no data
            missing.append(f"{panel}: {expr}")
    return missing


def test_every_query_of_every_panel_answers(prometheus: str, run: rundir.RunDir) -> None:
    assert len(queries(run.run_id)) > 80
    assert unanswered(prometheus, run) == []


def test_every_recording_rule_has_made_its_series(prometheus: str, run: rundir.RunDir) -> None:
    rules = [rule for group in ask(prometheus, "rules", type="record")["groups"] for rule in group["rules"]]
    windows = run.windows()
    span = {"start": f"{windows[0].started_at:.3f}", "end": f"{windows[-1].ended_at:.3f}", "step": "1"}
    assert [rule["lastError"] for rule in rules if rule["health"] == "err"] == []
    assert len(rules) == 13
    missing = [
        rule["name"]
        for rule in rules
        if not ask(prometheus, "query_range", query=f'{rule["name"]}{{run="{run.run_id}"}}', **span)["result"]
    ]
    assert missing == []


def test_every_alert_is_known_and_none_fires_in_a_calm_run(prometheus: str) -> None:
    rules = [rule for group in ask(prometheus, "rules", type="alert")["groups"] for rule in group["rules"]]
    assert len(rules) == 8
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []


def test_client_and_server_agree_on_how_many_requests_there_were(prometheus: str, run: rundir.RunDir) -> None:
    end = run.windows()[-1].ended_at + 10

    def total(expr: str) -> float:
        return float(ask(prometheus, "query", query=expr, time=f"{end:.3f}")["result"][0]["value"][1])

    of_client = total(f'sum(last_over_time(k6_http_reqs_total{{testid="{run.run_id}"}}[10m]))')
    routes = 'route=~"/(register|login|datasets|analyze|report.*)"'
    selector = f'run="{run.run_id}", service="backend", {routes}'
    of_server = total(f"sum(last_over_time(http_requests_total{{{selector}}}[10m]))")
    assert of_client > 300
    # the server's counters began with the environment, and its last second may be scraped later
    assert of_server == pytest.approx(of_client, rel=0.1)


def test_a_snapshot_and_the_text_of_the_series_are_kept_with_the_run(run: rundir.RunDir) -> None:
    blocks = [path for path in run.prometheus.iterdir() if (path / "meta.json").is_file()]
    assert blocks
    assert gzip.decompress(run.openmetrics.read_bytes()).endswith(b"# EOF\n")


def test_slow_operations_are_told_with_their_plan_and_lead_to_the_request(watched: Lab, run: rundir.RunDir) -> None:
    rows = [json.loads(line) for line in run.slow_queries.read_text(encoding="utf-8").splitlines()]
    of_requests = [row for row in rows if row["requestId"] and row["planSummary"]]
    assert {row["collection"] for row in of_requests} >= {"reports", "datasets"}
    answer = watched("logs", "--run", run.run_id, "--request-id", of_requests[-1]["requestId"])
    services = {line.split()[0] for line in answer.stdout.splitlines()}
    assert {"k6", "backend", "mongo"} <= services


def test_an_analysis_is_followed_from_the_generator_to_ai_core_and_the_database(
    watched: Lab, run: rundir.RunDir
) -> None:
    lines = watched("logs", "--run", run.run_id, "--service", "ai_core", "--tail", "1000").stdout.splitlines()
    rows = [json.loads(line.split(maxsplit=1)[1]) for line in lines]
    analysis = next(row["analysisId"] for row in rows if row["analysisId"] and "-steady-" in row["requestId"])
    answer = watched("logs", "--run", run.run_id, "--analysis-id", analysis)
    assert {line.split()[0] for line in answer.stdout.splitlines()} >= {"k6", "backend", "ai_core", "mongo"}


def test_no_secret_is_in_any_file_of_the_run(watched: Lab, run: rundir.RunDir) -> None:
    environment = environment_of(watched)
    backend = next(service for service in environment.services if service.name == "backend")
    assert backend.process
    secret = psutil.Process(backend.process.pid).environ()["TOKEN_SECRET"].encode()
    hidden = [
        re.escape(secret),
        rb"Bearer [A-Za-z0-9._-]{6,}",
        rb"eyJ[\w-]{6,}\.[\w-]{6,}",
        rb"\$argon2",
        rb"correct horse",
    ]
    found = []
    for path in run.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            found += [f"{path.name}: {pattern!r}" for pattern in hidden if re.search(pattern, text)]
    assert found == []


def test_a_prometheus_that_dies_takes_no_run_with_it(watched: Lab) -> None:
    environment = environment_of(watched)
    server = next(service for service in environment.services if service.name == "prometheus")
    assert server.process
    os.kill(server.process.pid, signal.SIGSTOP)  # it accepts connections and never answers
    going = watched.start("run", "mixed", "--plan", a_plan(watched))
    try:
        psutil.Process(going.pid)
        os.kill(server.process.pid, signal.SIGKILL)
        output, _ = going.communicate(timeout=200)
    finally:
        going.kill()
    assert going.returncode in {0, 4}, output
    assert "Prometheus was lost" in output
    verdict = json.loads((watched.folder / "runs" / "latest" / "verdict.json").read_text())
    assert [(each["kind"], each["invalidates"]) for each in verdict["doubts"] if each["kind"] == "prometheus_lost"] == [
        ("prometheus_lost", False)
    ]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Environment]:
    """An environment of another system, whose Prometheus knows nothing of the run."""
    engine = ProcessEngine(tmp_path / "home", environ={"PATH": os.environ["PATH"]}, grace_s=5)
    argv = ("{python}", "-c", WEB, "{port}")
    web = Service(name="web", kind="http", argv=argv, port=free_ports(1)[0], health_path="/")
    try:
        target = Target(name="other", description="", entry="web", services=(web,))
        yield engine.up(target, auto_ports=True, without=["grafana"])
    finally:
        engine.down()


def test_a_run_that_is_replayed_elsewhere_is_shown_as_if_it_had_been_driven_there(
    run: rundir.RunDir, elsewhere: Environment, tmp_path: Path
) -> None:
    colleagues = rundir.RunDir(shutil.copytree(run.path, tmp_path / run.run_id))
    said: list[str] = []
    first = replay.replay(colleagues, elsewhere, say=said.append)
    assert not first.was_there
    assert said
    assert unanswered(elsewhere.url_of("prometheus"), colleagues) == []
    assert replay.replay(colleagues, elsewhere, say=said.append).was_there
