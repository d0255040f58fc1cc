"""A run's series as text: what is in it, and that Prometheus' own tool makes blocks of it."""

import gzip
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lab import openmetrics
from lab.collectors.recorder import SERIES
from lab.load.tables import POINTS, SAMPLES

BEGIN = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC).timestamp()


def at(second: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + second, UTC)


def a_series(path: Path, rows: Sequence[tuple[float, str, str, float]]) -> Path:
    table = [{"time": at(second), "metric": m, "labels": labels, "value": value} for second, m, labels, value in rows]
    pq.write_table(pa.Table.from_pylist(table, schema=SERIES), path)
    return path


def requests(path: Path, ends: Sequence[tuple[float, float, int]]) -> Path:
    """Of requests that end at a second, after a duration, with a status."""
    rows = [
        {
            "time": at(second),
            "phase": "sustain",
            "scenario": "report_retrieval",
            "route": "GET /report/{id}",
            "method": "GET",
            "status": status,
            "duration_s": duration_s,
            "waiting_s": duration_s,
            "start_delay_s": 0.0,
            "error": None,
            "extra_poll": False,
            "request_id": "r",
        }
        for second, duration_s, status in ends
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLES), path)
    return path


def points(path: Path, rows: Sequence[tuple[float, str, float, str]]) -> Path:
    table = [
        {"time": at(s), "phase": "sustain", "scenario": "mixed", "metric": m, "value": v, "labels": labels}
        for s, m, v, labels in rows
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=POINTS), path)
    return path


def text_of(tmp_path: Path, *, step_s: int = 1, **files: Path) -> str:
    series = {name: path for name, path in files.items() if name not in {"samples", "points"}}
    openmetrics.write(
        tmp_path / "openmetrics.txt.gz",
        "the-run",
        series=series,
        samples=files.get("samples", tmp_path / "none"),
        points=files.get("points", tmp_path / "none"),
        step_s=step_s,
    )
    return gzip.decompress((tmp_path / "openmetrics.txt.gz").read_bytes()).decode()


def values(text: str, name: str, /, **labels: str) -> list[tuple[float, float]]:
    """Of the series with this name and these labels: seconds after BEGIN, and values."""
    found = []
    for line in text.splitlines():
        head, _, rest = line.rpartition("} ")
        if head.startswith(f"{name}{{") and all(f'{key}="{value}"' in head for key, value in labels.items()):
            value, stamp = rest.split()
            found.append((float(stamp) - BEGIN, float(value)))
    return found


def test_what_a_collector_saw_is_there_with_the_run_as_a_label(tmp_path: Path) -> None:
    seen = a_series(tmp_path / "host.parquet", [(0.25, "host_cpu_ratio", "", 0.5), (1.25, "host_cpu_ratio", "", 1.0)])
    text = text_of(tmp_path, host=seen)
    assert text.endswith("\n# EOF\n")
    assert values(text, "host_cpu_ratio", run="the-run") == [(0.25, 0.5), (1.25, 1.0)]


def test_what_the_lab_sees_of_a_process_is_named_apart_from_what_a_service_tells_of_itself(tmp_path: Path) -> None:
    row = (0.0, "process_cpu_seconds_total", "service=backend", 3.0)
    outside, inside = a_series(tmp_path / "processes.parquet", [row]), a_series(tmp_path / "scrape.parquet", [row])
    text = text_of(tmp_path, processes=outside, scrape=inside)
    assert len(values(text, "lab_process_cpu_seconds_total", service="backend")) == 1
    assert len(values(text, "process_cpu_seconds_total", service="backend")) == 1


def test_labels_with_signs_that_mean_something_are_escaped(tmp_path: Path) -> None:
    seen = a_series(tmp_path / "stage.parquet", [(0, "lab_threshold", r'expect=p95(x{a="b"\,c=\\d}) < 1s', 1.0)])
    (family,) = text_string_to_metric_families(text_of(tmp_path, stage=seen))
    assert family.samples[0].labels == {"expect": r'p95(x{a="b",c=\d}) < 1s', "run": "the-run"}


def test_requests_are_counted_second_by_second_from_0(tmp_path: Path) -> None:
    samples = requests(
        tmp_path / "samples.parquet", [(0.1, 0.01, 200), (0.9, 0.01, 200), (2.5, 0.01, 200), (1.5, 1, 503)]
    )
    text = text_of(tmp_path, samples=samples)
    counted = {"name": "GET /report/{id}", "phase": "sustain", "testid": "the-run"}
    assert values(text, "k6_http_reqs_total", status="200", **counted) == [(0, 0), (1, 2), (2, 2), (3, 3)]
    assert values(text, "k6_http_reqs_total", status="503", **counted) == [(1, 0), (2, 1)]


def test_durations_are_a_histogram_whose_quantiles_are_those_of_the_requests(tmp_path: Path) -> None:
    durations = np.random.default_rng(14).lognormal(-4, 1, 4000)
    samples = requests(tmp_path / "samples.parquet", [(n / 100, d, 200) for n, d in enumerate(durations.tolist())])
    text = text_of(tmp_path, samples=samples)
    buckets = []
    for line in text.splitlines():
        if line.startswith("k6_http_req_duration_seconds_bucket") and line.endswith(f" {BEGIN + 40:.1f}"[:-2]):
            edge = line.partition('le="')[2].partition('"')[0]
            buckets.append((float(edge), float(line.split("} ")[1].split()[0])))
    edges, counts = np.array(sorted(buckets)).T
    assert counts[-1] == 4000
    for quantile in (0.5, 0.95, 0.99):
        place = int(np.searchsorted(counts, quantile * 4000))
        truth = float(np.quantile(durations, quantile))
        assert edges[place - 1] <= truth <= edges[place]
    assert values(text, "k6_http_req_duration_seconds_sum")[-1][1] == pytest.approx(durations.sum())


def test_journeys_analyses_and_virtual_users_are_there_under_k6s_names(tmp_path: Path) -> None:
    measured = points(
        tmp_path / "points.parquet",
        [
            (0.2, "analyses", 1.0, "explainer=tree,outcome=done"),
            (1.2, "analyses", 1.0, "explainer=tree,outcome=failed"),
            (0.3, "iteration_duration", 0.4, ""),
            (0.5, "dropped_iterations", 3.0, ""),
            (0.0, "vus", 4.0, ""),
            (1.0, "vus", 6.0, ""),
            (0.0, "scenario_started", 9.0, ""),
        ],
    )
    text = text_of(tmp_path, points=measured)
    assert values(text, "k6_analyses_total", outcome="failed", explainer="tree") == [(1, 0), (2, 1)]
    assert values(text, "k6_iterations_total", scenario="mixed") == [(0, 0), (1, 1)]
    assert values(text, "k6_dropped_iterations_total")[-1] == (1, 3)
    assert values(text, "k6_vus") == [(0, 4), (1, 6)]
    assert values(text, "k6_iteration_duration_seconds_count") == [(0, 0), (1, 1)]
    assert "scenario_started" not in text


def test_a_long_run_has_fewer_values_and_the_same_ends(tmp_path: Path) -> None:
    seen = a_series(tmp_path / "host.parquet", [(n, "host_cpu_ratio", "", n) for n in range(10)])
    samples = requests(tmp_path / "samples.parquet", [(n + 0.5, 0.01, 200) for n in range(10)])
    text = text_of(tmp_path, host=seen, samples=samples, step_s=3)
    assert len(values(text, "host_cpu_ratio")) in {3, 4}
    assert values(text, "k6_http_reqs_total") == [(0, 0), (3, 3), (6, 6), (9, 9), (10, 10)]


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    samples = requests(tmp_path / "samples.parquet", [(0.1, 0.01, 200)])
    text_of(tmp_path, samples=samples)
    first = (tmp_path / "openmetrics.txt.gz").read_bytes()
    text_of(tmp_path, samples=samples)
    assert (tmp_path / "openmetrics.txt.gz").read_bytes() == first


def test_a_run_that_measured_nothing_is_an_empty_text(tmp_path: Path) -> None:
    assert text_of(tmp_path) == "# EOF\n"


@pytest.mark.needs("promtool")
def test_promtool_makes_blocks_of_it_that_hold_what_was_written(tmp_path: Path) -> None:
    rows = [(n + 0.123, "host_cpu_ratio", "", n / 100) for n in range(100)]
    rows += [(n + 0.123, "process_threads", f"service={name}", 7.0) for n in range(100) for name in ("backend", "a\nb")]
    samples = requests(tmp_path / "samples.parquet", [(n / 10, 0.01 * (n % 7), 200) for n in range(1000)])
    text = text_of(tmp_path, processes=a_series(tmp_path / "p.parquet", rows), samples=samples)
    (tmp_path / "openmetrics.txt").write_text(text)
    made = tmp_path / "blocks"
    argv = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "openmetrics.txt"), str(made)]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    meta = [json.loads((block / "meta.json").read_text())["stats"] for block in made.iterdir()]
    lines = text.splitlines()[:-1]
    assert sum(stats["numSamples"] for stats in meta) == len(lines)
    assert max(stats["numSeries"] for stats in meta) == len({line.rpartition("} ")[0] for line in lines})


@pytest.mark.needs("promtool")
def test_a_clock_that_was_set_back_leaves_a_text_that_promtool_takes(tmp_path: Path) -> None:
    rows = [(second, "host_cpu_ratio", "", 0.5) for second in (1.0, 2.0, 3.0, 2.0, 2.5, 3.0, 4.0)]
    text = text_of(tmp_path, host=a_series(tmp_path / "host.parquet", rows))
    assert [second for second, _ in values(text, "host_cpu_ratio")] == [1.0, 2.0, 2.5, 3.0, 4.0]
    (tmp_path / "openmetrics.txt").write_text(text)
    argv = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(tmp_path / "openmetrics.txt"),
        str(tmp_path / "b"),
    ]
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
