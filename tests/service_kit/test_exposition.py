"""What /metrics says of one process and of several; real processes, since prometheus-client decides at its import."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service_kit.exposition import Exposition
from service_kit.process_family import ProcessFamily

WORKER = """
import sys
from service_kit.exposition import Exposition
from service_kit.http_metrics import HttpMetrics
exposition = Exposition()
metrics = HttpMetrics(exposition.registry)
for _ in range(int(sys.argv[1])):
    metrics.answered("GET", "/items/{id}", 200, 0.01)
metrics.in_flight.inc()
print("counted", flush=True)
sys.stdin.readline()
print(exposition.text().decode(), flush=True)
"""


def samples(text: str) -> dict[str, float]:
    """By name, for what has one sample or is counted by route."""
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples if "le" not in sample.labels}


class Workers:
    """Two processes that share a folder of metrics."""

    def __init__(self, folder: Path, counts: tuple[int, ...]) -> None:
        env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(Path.cwd())}
        self.children = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(count)],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for count in counts
        ]
        for child in self.children:
            assert child.stdout is not None
            assert child.stdout.readline() == "counted\n"

    def text(self, number: int) -> str:
        return self.children[number].communicate("\n", timeout=60)[0]

    def kill(self, number: int) -> None:
        self.children[number].kill()
        self.children[number].wait(60)

    def end(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()


def test_a_scrape_of_any_worker_is_the_sum_over_all(tmp_path: Path) -> None:
    workers = Workers(tmp_path, (3, 4))
    try:
        other = psutil.Process(workers.children[0].pid).memory_info().rss
        found = samples(workers.text(1))
    finally:
        workers.end()
    assert found["http_requests_total"] == 7
    assert found["http_request_duration_seconds_count"] == 7
    assert found["http_requests_in_flight"] == 2
    # two alike processes
    assert found["process_resident_memory_bytes"] > 1.5 * other


def test_what_a_dead_worker_counted_stays_and_what_it_held_does_not(tmp_path: Path) -> None:
    workers = Workers(tmp_path, (3, 4))
    try:
        workers.kill(0)
        found = samples(workers.text(1))
    finally:
        workers.end()
    assert found["http_requests_total"] == 7
    assert found["http_requests_in_flight"] == 1


def test_a_process_alone_tells_of_itself() -> None:
    found = samples(Exposition().text().decode())
    assert found["process_resident_memory_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)
    assert found["process_start_time_seconds"] == pytest.approx(psutil.Process().create_time(), abs=2)


def values(family: ProcessFamily) -> dict[str, float]:
    return {metric.samples[0].name: metric.samples[0].value for metric in family.collect()}


def test_a_family_is_the_sum_of_its_members_but_as_old_as_the_oldest(sleeper: "subprocess.Popen[bytes]") -> None:
    alone, both = values(ProcessFamily()), values(ProcessFamily(lambda: (os.getpid(), sleeper.pid)))
    assert both["process_resident_memory_bytes"] > alone["process_resident_memory_bytes"]
    assert both["process_start_time_seconds"] == alone["process_start_time_seconds"]
    assert both["process_max_fds"] == alone["process_max_fds"]


def test_the_cpu_time_of_a_member_that_ended_stays_so_that_the_counter_never_falls(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    family = ProcessFamily(lambda: (os.getpid(), sleeper.pid))
    before = values(family)["process_cpu_seconds_total"]
    own = values(ProcessFamily())["process_cpu_seconds_total"]
    sleeper.kill()
    sleeper.wait(60)
    after = values(family)["process_cpu_seconds_total"]
    assert before > own
    assert after >= before


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has used some CPU and sleeps."""
    code = "sum(range(3_000_000)); print('used', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()
