import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.collectors import Reading
from lab.collectors.exporter import Exporter


def scraped(exporter: Exporter) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    with urllib.request.urlopen(f"http://{exporter.address}/metrics", timeout=5) as answer:  # on 127.0.0.1
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_the_last_readings_of_each_collector_are_served_with_those_of_processes_named_apart() -> None:
    with Exporter() as exporter:
        exporter.publish("host", [Reading("host_cpu_ratio", "", 0.1)])
        exporter.publish("processes", [Reading("process_cpu_seconds_total", "service=k6", 12.5)])
        exporter.publish("host", [Reading("host_cpu_ratio", "", 0.2)])
        assert scraped(exporter) == {
            ("host_cpu_ratio", ()): 0.2,
            ("lab_process_cpu_seconds_total", (("service", "k6"),)): 12.5,
        }


def test_labels_that_mean_something_to_the_text_format_survive() -> None:
    with Exporter() as exporter:
        exporter.publish("stage", [Reading("lab_threshold", r'expect=p95(x{a=b\,c="d"}) < 1s', 1.0)])
        assert scraped(exporter) == {("lab_threshold", (("expect", 'p95(x{a=b,c="d"}) < 1s'),)): 1.0}


def test_what_is_scraped_elsewhere_is_left_out() -> None:
    with Exporter(without=["scrape"]) as exporter:
        exporter.publish("scrape", [Reading("up", "service=backend", 1.0)])
        assert scraped(exporter) == {}


def test_it_is_gone_afterwards() -> None:
    with Exporter() as exporter:
        host, _, port = exporter.address.partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
    assert exporter.address == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
