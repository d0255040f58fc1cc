"""The lab in containers, through its command line: the same as with local processes, on a real engine."""

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from lab import containers
from lab.collectors.prometheus import PrometheusServer
from lab.engines import state
from tests.e2e.lab_command import Lab, end, wait_for

IMAGES = (
    "mongo:7.0.28",
    "prom/prometheus:v2.53.3",
    "grafana/grafana:11.6.0",
    "grafana/k6:1.1.0",
    "python:3.11-slim-bookworm",
)
SERVICES = {"mongo", "ai_core", "backend", "prometheus", "grafana"}
pytestmark = [pytest.mark.e2e, pytest.mark.needs_engine(*IMAGES), pytest.mark.timeout(900)]


def marker(lab: Lab) -> str:
    return state.home_marker(Path(lab.environ["LAB_HOME"]))


def left(lab: Lab) -> list[str]:
    """What the engine still has of a lab, and what runs of it."""
    label = {"label": f"{containers.PROJECT_LABEL}={marker(lab)}"}
    with containers.connected() as client:
        found = [f"container {c.name}" for c in client.containers.list(all=True, filters=label)]
        found += [f"network {n.name}" for n in client.networks.list(filters=label)]
        found += [f"volume {v.name}" for v in client.volumes.list(filters=label)]
        found += [f"image {tag}" for image in client.images.list() for tag in image.tags if tag.endswith(marker(lab))]
    return found + lab.processes()


def contained(folder: Path) -> Lab:
    return Lab(folder, extra={"LAB_ENGINE": "compose"})


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, in containers; nothing of it may be left."""
    own = contained(tmp_path)
    yield own
    own("down", "--force", timeout_s=200)
    assert left(own) == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose containers are up, for the tests of this module that leave them alone."""
    own = contained(tmp_path_factory.mktemp("lab"))
    up = own("up", "--ports", "auto", timeout_s=800)
    assert up.returncode == 0, up.stderr
    yield own
    own("down", "--force", timeout_s=200)
    assert left(own) == []


def record(lab: Lab) -> dict[str, Any]:
    """The newest run's record."""
    runs = sorted(Path(lab.environ["LAB_ARTIFACTS"]).iterdir())
    found: dict[str, Any] = json.loads((runs[-1] / "run.json").read_text())
    return {**found, "folder": runs[-1]}


@pytest.fixture(scope="module")
def finished(running: Lab) -> dict[str, Any]:
    """The record of a run that has been driven through the containers."""
    run = running("run", "mixed", "--plan", running.plan, timeout_s=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return record(running)


def inspected(lab: Lab) -> dict[str, dict[str, Any]]:
    with containers.connected() as client:
        found = containers.of_project(client, marker(lab), one_off=False)
        return {c.labels[containers.SERVICE_LABEL]: c.attrs for c in found}


def kept(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(lab.environ["LAB_HOME"]) / "environment.json").read_text())
    return found["environment"]  # type: ignore[no-any-return]  # JSON


def test_every_container_is_hardened_and_published_on_this_machine_alone(running: Lab) -> None:
    found = inspected(running)
    assert found.keys() == SERVICES
    for name, of in found.items():
        host = of["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["RestartPolicy"]["Name"] in {"", "no"}, name
        assert host["Memory"] > 0, name
        assert of["State"]["Health"]["Status"] == "healthy", name
        published = [binding["HostIp"] for bindings in host["PortBindings"].values() for binding in bindings]
        assert set(published) == {"127.0.0.1"}, name
    for name, of in found.items():
        with containers.connected() as client:
            user = client.containers.get(of["Id"]).exec_run(["cat", "/proc/1/status"]).output.decode()
        uid = re.search(r"^Uid:\s+(\d+)", user, flags=re.MULTILINE)
        assert uid is not None
        assert uid[1] != "0" or name == "prometheus", name  # that one writes as whoever started the lab


def test_nobody_gets_into_the_database_without_its_password(running: Lab) -> None:
    url = next(service["url"] for service in kept(running)["services"] if service["name"] == "mongo")
    place = url.partition("@")[2] or url.partition("://")[2]
    stranger: MongoClient[dict[str, Any]] = MongoClient(f"mongodb://{place.partition('/')[0]}", directConnection=True)
    with stranger, pytest.raises(OperationFailure):
        stranger.list_database_names()
    shown = running("status").stdout
    password = re.search(r"lab:(\w+)@", kept(running)["mongo_url"])
    assert password is not None
    assert password[1] not in shown


def test_status_and_doctor_tell_of_the_containers(running: Lab) -> None:
    status = running("status")
    assert status.returncode == 0, status.stderr
    assert status.stdout.count("ready") == len(SERVICES)
    doctor = running("doctor")
    assert "images that are pulled are all here" in " ".join(doctor.stdout.split())


def test_what_containers_have_logged_is_shown_before_any_run(running: Lab) -> None:
    shown = running("logs", "--service", "backend", "--tail", "1000")
    assert shown.returncode == 0, shown.stderr
    again = running("logs", "--service", "backend", "--tail", "1000")
    assert shown.stdout.strip()
    assert again.stdout.splitlines()[: len(shown.stdout.splitlines())] == shown.stdout.splitlines()  # once each


def test_a_run_through_containers_ends_in_a_verdict_with_everything_that_a_run_has(finished: dict[str, Any]) -> None:
    run = finished
    assert run["environment"]["engine"] == "compose"
    engine = run["provenance"]["engine"]
    assert engine["images"].keys() == SERVICES
    assert all(of["id"].startswith("sha256:") for of in engine["images"].values())
    assert engine["facts"]["docker"]
    assert run["provenance"]["versions"]["k6"] == "1.1.0"
    assert run["provenance"]["versions"]["backend"] not in {"", "unknown"}
    folder = run["folder"]
    samples = pq.read_table(folder / "samples.parquet")
    assert len(samples) > 50
    assert pc.sum(pc.equal(samples["status"], 200)).as_py() > 20
    series = pq.read_table(folder / "series" / "processes.parquet")
    of = {
        name: set(
            pc.unique(series.filter(pc.equal(series["labels"].cast("string"), f"service={name}"))["metric"]).to_pylist()
        )
        for name in ("mongo", "ai_core", "backend", "k6", "lab")
    }
    common = {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_threads",
        "process_start_time_seconds",
    }
    for name, metrics in of.items():
        assert common <= metrics, name
    for name in ("backend", "mongo", "lab"):  # every second or two: a gap of five would forbid a verdict
        rows = series.filter(pc.equal(series["labels"].cast("string"), f"service={name}"))
        seen = rows.filter(pc.equal(rows["metric"].cast("string"), "process_cpu_seconds_total"))["time"].cast("int64")
        assert float(np.median(np.diff(seen.to_numpy()))) < 3e6, name
    assert {"container_memory_limit_bytes", "container_network_received_bytes_total"} <= of["backend"]
    assert (folder / "load" / "steady.summary.json").stat().st_uid == folder.stat().st_uid
    assert any((folder / "prometheus").rglob("meta.json"))
    assert not list(folder.rglob("*.pipe"))


def test_one_request_is_followed_through_the_logs_of_containers(running: Lab, finished: dict[str, Any]) -> None:
    folder = finished["folder"]
    samples = pq.read_table(folder / "samples.parquet", columns=["request_id", "route"])
    analyze = samples.filter(pc.equal(samples["route"].cast("string"), "POST /analyze"))
    request = analyze["request_id"][0].as_py()
    shown = running("logs", "--run", finished["run_id"], "--request-id", request)
    assert shown.returncode == 0, shown.stderr
    assert {line.split()[0] for line in shown.stdout.splitlines()} >= {"k6", "backend", "ai_core"}


def test_prometheus_scrapes_services_and_the_lab_itself(running: Lab, finished: dict[str, Any]) -> None:
    run = finished
    found = kept(running)
    url = next(service["url"] for service in found["services"] if service["name"] == "prometheus")
    server = PrometheusServer(url, Path(found["prometheus_folder"]))
    for query in (
        'count(last_over_time(http_requests_total{{run="{run}",service="backend"}}[15m]))',
        'count(last_over_time(lab_phase{{run="{run}"}}[15m]))',
        'count(last_over_time(k6_http_reqs_total{{testid="{run}"}}[15m]))',
    ):
        assert server.query(query.format(run=run["run_id"])), query


def test_k6_may_run_on_this_machine_instead(running: Lab) -> None:
    finished = running("run", "report_retrieval", "--plan", running.plan, "--k6", "host", timeout_s=300)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_ctrl_c_in_a_run_ends_the_generator_and_keeps_what_was_measured(running: Lab) -> None:
    process = running.start("run", "mixed", "--plan", running.plan, "--set", "phases.steady.duration_s=120")
    wait_for(process, "steady")
    time.sleep(4)
    code, output = end(process, signal.SIGINT)
    assert code == 130, output
    assert record(running)["state"] == "interrupted"
    with containers.connected() as client:
        assert containers.of_project(client, marker(running), one_off=True) == ()


def test_a_container_that_restarts_makes_the_run_invalid(lab: Lab) -> None:
    up = lab("up", "--ports", "auto", "--cpus", "ai_core=1", "--memory", "backend=700m", timeout_s=800)
    assert up.returncode == 0, up.stderr
    host = {name: of["HostConfig"] for name, of in inspected(lab).items()}
    assert (host["ai_core"]["NanoCpus"], host["backend"]["Memory"]) == (10**9, 700 * 2**20)
    refused = lab("run", "mixed", "--plan", lab.plan, "--cpus", "ai_core=2")
    assert refused.returncode == 2
    assert "ai_core runs with cpus 1.0" in refused.stderr

    def restart() -> None:
        subprocess.run(["docker", "restart", inspected(lab)["ai_core"]["Id"]], check=True, capture_output=True)

    process = lab.start("run", "mixed", "--plan", lab.plan, "--set", "phases.steady.duration_s=120")
    wait_for(process, "steady")
    threading.Timer(3, restart).start()
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 4, output
    assert "ai_core ended during the run" in output
    run = record(lab)
    assert run["service_cores"]["ai_core"] == 1
    assert run["memory_limits"]["backend"] == 700 * 2**20
    assert "ai_core held to 1 CPU" in output


def test_a_lab_that_is_killed_in_a_run_leaves_what_down_clears_away(lab: Lab) -> None:
    assert lab("up", "--ports", "auto", "--without", "prometheus", timeout_s=800).returncode == 0
    assert inspected(lab).keys() == SERVICES - {"prometheus", "grafana"}
    process = lab.start("run", "mixed", "--plan", lab.plan, "--set", "phases.steady.duration_s=120")
    wait_for(process, "steady")
    time.sleep(3)
    psutil.Process(process.pid).kill()
    process.communicate()
    begun = time.monotonic()
    down = lab("down", timeout_s=200)
    assert down.returncode == 0, down.stderr
    assert left(lab) == []
    assert time.monotonic() - begun < 60


def test_data_is_kept_where_that_is_asked_for(lab: Lab) -> None:
    assert lab("up", "--ports", "auto", "--without", "prometheus", timeout_s=800).returncode == 0
    url = kept(lab)["mongo_url"]
    with MongoClient[dict[str, Any]](url) as client:
        client["mine"]["things"].insert_one({"_id": 1})
    assert lab("down", "--keep-data", timeout_s=200).returncode == 0
    assert [name for name in left(lab) if not name.startswith("volume")] == []
    assert lab("up", "--ports", "auto", "--without", "prometheus", timeout_s=800).returncode == 0
    with MongoClient[dict[str, Any]](kept(lab)["mongo_url"]) as client:
        assert client["mine"]["things"].count_documents({}) == 1


@pytest.mark.needs("py-spy")
def test_services_in_containers_are_profiled_from_this_machine(running: Lab) -> None:
    run = running.start("run", "upload_analyze", "--plan", running.plan, "--set", "phases.steady.duration_s=20")
    wait_for(run, "steady")
    cpu = running("profile", "ai_core", "--seconds", "5")
    heap = running("profile", "ai_core", "--heap", "--seconds", "2")
    output, _ = run.communicate(timeout=200)
    assert cpu.returncode == 0, cpu.stderr
    assert heap.returncode == 0, heap.stderr
    assert run.returncode == 0, output
    folder = record(running)["folder"] / "profiles"
    listed = {each["kind"]: each for each in json.loads((folder / "profiles.json").read_text())}
    files = dict(listed["cpu"]["files"])
    folded = (folder / files["folded"]).read_text()
    assert "sklearn" in folded
    assert ".so" in folded  # native frames, whose files are in the container alone
    assert listed["cpu"]["note"] == ""
    assert (folder / files["svg"]).read_text().startswith("<svg")
    assert len(listed["cpu"]["pids"]) >= 3  # two workers, and the one that they are of
    told = json.loads((folder / dict(listed["heap"]["files"])["allocations"]).read_text())
    assert {process["role"] for process in told["processes"]} >= {"service", "worker"}
