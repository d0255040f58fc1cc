"""Services that already run, as a user points the lab at them: up, run, verdict, down; and what must never happen."""

import json
import re
import signal
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from pymongo import MongoClient

from lab.processes import wait_until
from tests.e2e.lab_command import PLAN, Lab, wait_for
from tests.k6.backend_process import running_backend
from tests.node_backend.running import ROUTES, NodeBackend, running_node_backend

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6", "node"), pytest.mark.timeout(200)]

# of a service that is killed, everything fails: what is at stake is that this is a failure, and nothing else
QUIET = PLAN.replace("rate_per_s = 8", "rate_per_s = 5").replace("rate_per_s = 4\n", "rate_per_s = 5\n")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeBackend]:
    with running_node_backend(tmp_path) as backend:
        yield backend


def a_plan(lab: Lab, *, seconds: int) -> str:
    path = lab.folder / "quiet.toml"
    path.write_text(QUIET.replace("duration_s = 12", f"duration_s = {seconds}"), encoding="utf-8")
    return str(path)


def verdict_of(lab: Lab) -> dict[str, object]:
    loaded = json.loads((lab.folder / "runs" / "latest" / "verdict.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_a_whole_run_on_a_node_backend_that_goes_on_afterwards(lab: Lab, node: NodeBackend) -> None:
    target = node.target(lab.folder)
    up = lab("up", "--engine", "external", "--target", target)
    assert up.returncode == 0, up.stderr
    assert "not collected: api: threads and sockets of its process; its log" in up.stderr
    assert node.url in up.stdout
    assert "2.7.1" in up.stdout

    done = lab("run", "mixed", "--target", target, "--plan", a_plan(lab, seconds=6))
    assert done.returncode == 0, done.stdout + done.stderr
    run = (lab.folder / "runs" / "latest").resolve()
    doubts = verdict_of(lab)["doubts"]
    assert isinstance(doubts, list)
    (unseen,) = [doubt for doubt in doubts if doubt["kind"] == "not_watched"]
    assert unseen["invalidates"] is False
    assert "api: threads and sockets of its process; its log" in unseen["why"]
    assert "the database: its figures and slow queries" in " ".join(done.stdout.split())

    samples = pq.read_table(run / "samples.parquet")
    assert set(samples.column("route").to_pylist()) <= ROUTES.keys()
    assert set(samples.column("status").to_pylist()) <= {200, 201, 202}
    usage = {use["service"]: use for use in json.loads((run / "analysis.json").read_text())["usage"]}
    assert usage.keys() == {"api", "lab", "k6"}
    assert usage["api"]["cpu_s_per_request"] > 0
    assert usage["api"]["rss_max_bytes"] > 10e6
    scraped = set(pq.read_table(run / "series" / "scrape.parquet").column("metric").to_pylist())
    assert {"analyze_queue_depth", "http_requests_total"} <= scraped
    assert not {"jobs_waiting", "app_requests_total"} & scraped

    down = lab("down")
    assert down.returncode == 0
    assert "forgotten; nothing was stopped: api" in down.stderr
    assert node.answers()
    assert lab("status").returncode == 3


def test_users_are_new_in_a_second_run_where_nothing_is_emptied_and_a_service_may_tell_nothing(
    lab: Lab, node: NodeBackend
) -> None:
    target = node.target(lab.folder, with_metrics=False)
    for _ in range(2):
        done = lab("run", "auth_dashboard", "--up", "--target", target, "--plan", a_plan(lab, seconds=6))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "api: everything that a /metrics would tell" in " ".join(done.stdout.split())
    assert node.answers()


def test_services_that_another_lab_has_started_with_their_database(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Lab(tmp_path_factory.mktemp("other"))
    try:
        assert other("up", "--ports", "auto", "--without", "prometheus", "--without", "grafana").returncode == 0
        standing = json.loads((other.folder / "home" / "environment.json").read_text(encoding="utf-8"))
        urls = {service["name"]: service["url"] for service in standing["environment"]["services"]}
        target = lab.folder / "theirs.toml"
        target.write_text(
            'name = "theirs"\nentry = "backend"\ndatabase = "perf_lab"\n'
            f'[services.mongo]\nkind = "mongod"\nurl = "{urls["mongo"]}"\n'
            f'[services.ai_core]\nkind = "http"\nurl = "{urls["ai_core"]}"\n'
            'health_path = "/healthz"\nmetrics_path = "/metrics"\n'
            f'[services.backend]\nkind = "http"\nurl = "{urls["backend"]}"\n'
            'health_path = "/readyz"\nmetrics_path = "/metrics"\n',
            encoding="utf-8",
        )
        with MongoClient[dict[str, object]](urls["mongo"]) as client:
            client["perf_lab"]["users"].insert_one({"email": "earlier@load.example"})
            client["kept"]["users"].insert_one({"email": "kept@load.example"})
            done = lab("run", "upload_analyze", "--up", "--target", str(target), "--plan", a_plan(lab, seconds=6))
            assert done.returncode == 0, done.stdout + done.stderr
            assert client["perf_lab"]["users"].count_documents({"email": "earlier@load.example"}) == 0
            assert client["perf_lab"]["users"].count_documents({}) > 0
            assert client["kept"]["users"].count_documents({}) == 1
        series = lab.folder / "runs" / "latest" / "series"
        assert "mongodb_operations_total" in pq.read_table(series / "mongo.parquet").column("metric").to_pylist()
        told = pq.read_table(series / "processes.parquet").to_pylist()
        cpu = {row["labels"] for row in told if row["metric"] == "process_cpu_seconds_total"}
        assert {"service=backend", "service=lab", "service=k6"} <= cpu
        assert other("status").returncode == 0
    finally:
        other("down", "--force")


def test_a_backend_that_is_killed_in_the_middle_of_a_run_makes_it_fail(lab: Lab, node: NodeBackend) -> None:
    asked = ("--plan", a_plan(lab, seconds=10), "--set", "guards.telemetry_gap_s=2")
    run = lab.start("run", "mixed", "--up", "--target", node.target(lab.folder), *asked)
    wait_for_phase(lab, "steady")
    node.process.send_signal(signal.SIGKILL)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 1, output
    verdict = verdict_of(lab)
    assert verdict["outcome"] == "failed"
    doubts = verdict["doubts"]
    assert isinstance(doubts, list)
    (gap,) = [doubt for doubt in doubts if doubt["kind"] == "telemetry_gap"]
    assert "/metrics of api" in gap["why"]
    assert gap["invalidates"] is False
    errors = json.loads((lab.folder / "runs" / "latest" / "analysis.json").read_text())["errors"]
    assert sum(error["count"] for error in errors if error["phase"] == "steady") > 0


def wait_for_phase(lab: Lab, phase: str) -> None:
    """Wait until journeys of a phase have been recorded."""

    def is_driven() -> bool:
        output = lab.folder / "runs" / "latest" / "load" / f"{phase}.json.gz"
        # what setup() sends comes first, and is no journey
        return output.exists() and b'"metric":"iterations"' in zlib.decompressobj(wbits=31).decompress(
            output.read_bytes()
        )

    assert wait_until(is_driven, timeout_s=90)


def test_a_backend_that_redirects_leads_no_load_elsewhere_and_fails(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        running_backend(tmp_path / "other") as elsewhere,
        running_node_backend(tmp_path, redirect_to=elsewhere.url) as node,
    ):
        plan = a_plan(lab, seconds=8)
        run = lab.start("run", "auth_dashboard", "--up", "--target", node.target(lab.folder), "--plan", plan)
        wait_for_phase(lab, "steady")
        node.redirect()
        output, _ = run.communicate(timeout=120)
        assert elsewhere.seen() == []
    assert run.returncode == 1, output
    errors = json.loads((lab.folder / "runs" / "latest" / "analysis.json").read_text())["errors"]
    assert "http_307" in {error["kind"] for error in errors}


# ------------------------------------------------------------------------------------------------------------ the guard


@contextmanager
def counted(port_of: "list[int]") -> Iterator["list[str]"]:
    """Listen on a port of this machine's own; gives what has come in."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port_of.append(server.getsockname()[1])
        server.settimeout(0.1)
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                came.append("a connection")
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield came
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("command", [("up",), ("run", "mixed", "--up"), ("noise", "--up")])
def test_a_host_that_is_not_this_machine_needs_the_file_and_the_command(
    lab: Lab, node: NodeBackend, command: tuple[str, ...]
) -> None:
    url, told = "http://perf.invalid:9000", "error: api: perf.invalid is not this machine"
    target = node.target(lab.folder, url=url)
    neither = lab(*command, "--target", target)
    assert neither.returncode == 2
    assert f"{told}, and the target file does not allow it" in neither.stderr
    assert "add --allow-target perf.invalid" in neither.stderr
    unlisted = lab(*command, "--target", target, "--allow-target", "perf.invalid")
    assert unlisted.returncode == 2
    assert f"{told}, and the target file does not allow it" in unlisted.stderr
    assert "add --allow-target" not in unlisted.stderr
    target = node.target(lab.folder, url=url, more='allowed_hosts = ["perf.invalid"]')
    unrepeated = lab(*command, "--target", target)
    assert unrepeated.returncode == 2
    assert f"{told}, and the command does not repeat it" in unrepeated.stderr
    assert not (lab.folder / "home" / "environment.json").exists()
    assert not (lab.folder / "runs").exists() or not list((lab.folder / "runs").iterdir())


def test_with_both_it_is_asked(lab: Lab, node: NodeBackend) -> None:
    """The host is this machine by an address that is not loopback, where nobody listens on the port."""
    families = psutil.net_if_addrs().values()
    own = [a.address for each in families for a in each if a.family == socket.AF_INET and a.address[:4] != "127."]
    if not own:
        pytest.skip("this machine has no address but loopback")
    target = node.target(lab.folder, url=f"http://{own[0]}:9", more=f'allowed_hosts = ["{own[0]}"]')
    up = lab("up", "--target", target, "--allow-target", own[0])
    assert up.returncode == 3
    assert f"api: http://{own[0]}:9/status does not answer" in up.stderr
    assert "is not this machine" not in up.stderr


def test_a_run_refuses_a_host_that_its_up_was_not_allowed_and_sends_nothing(lab: Lab, node: NodeBackend) -> None:
    target = node.target(lab.folder)
    assert lab("up", "--target", target).returncode == 0
    record = lab.folder / "home" / "environment.json"
    ports: list[int] = []
    with counted(ports) as came:
        # as if the record had been made for another host, which stands here for 127.0.0.1 by a name that is not certain
        record.write_text(re.sub(re.escape(node.url), f"http://localhost.localdomain:{ports[0]}", record.read_text()))
        done = lab("run", "mixed", "--target", target, "--plan", a_plan(lab, seconds=6))
        assert came == []
    assert done.returncode == 2
    assert "localhost.localdomain is not allowed" in done.stderr


def test_a_killed_run_goes_on_where_its_target_is_named_again_and_nothing_of_it_is_left(
    lab: Lab, node: NodeBackend
) -> None:
    target = node.target(lab.folder)
    assert lab("up", "--target", target).returncode == 0
    run = lab.start("run", "mixed", "--target", target, "--plan", a_plan(lab, seconds=8))
    wait_for(run, "run ")
    wait_for_phase(lab, "steady")
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=30)
    other = lab("run", "--resume", "latest", "--target", "stubs")
    assert other.returncode == 2
    assert "the run is one of target 'node', and stubs is target 'stubs'" in other.stderr
    resumed = lab("run", "--resume", "latest", "--target", target)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert lab("down").returncode == 0
    assert lab.processes() == []
    assert node.answers()
