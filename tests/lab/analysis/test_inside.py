"""The slowest requests, what the database did, and its slow queries."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab.analysis import analyse
from lab.analysis.database_use import database_use
from lab.analysis.series import read_series
from lab.analysis.slow_queries import slow_queries
from lab.collectors.log_index import INDEX
from lab.collectors.recorder import SERIES
from lab.model import DoubtKind, PhaseKind, Window
from tests.lab.analysis.a_run import START, ARun

BEGIN = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC).timestamp()


def a_window(**fields: object) -> Window:
    values: dict[str, object] = {
        "phase": "sustain",
        "kind": PhaseKind.SUSTAIN,
        "step": 0,
        "started_at": BEGIN,
        "ended_at": BEGIN + 10,
        "planned_rate_per_s": 50.0,
        "achieved_rate_per_s": 50.0,
        "k6_exit_code": 0,
        **fields,
    }
    return Window(**values)  # type: ignore[arg-type]  # the fields of the test


def a_database(path: Path, rows: list[tuple[float, str, str, float]]) -> Path:
    table = [
        {"time": datetime.fromtimestamp(BEGIN + second, UTC), "metric": m, "labels": labels, "value": value}
        for second, m, labels, value in rows
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=SERIES), path)
    return path


def counted(metric: str, labels: str, per_s: float) -> list[tuple[float, str, str, float]]:
    return [(second, metric, labels, 1000 + per_s * second) for second in range(-5, 16)]


def test_what_the_database_did_is_told_per_window(tmp_path: Path) -> None:
    rows = [
        *counted("mongodb_operations_total", "type=insert", 10),
        *counted("mongodb_operations_total", "type=query", 30),
        *counted("mongodb_op_latency_seconds_total", "type=reads", 0.03),
        *counted("mongodb_op_latency_operations_total", "type=reads", 30),
        *counted("mongodb_op_latency_operations_total", "type=writes", 0),
        *counted("mongodb_op_latency_seconds_total", "type=writes", 0),
        *counted("mongodb_collection_scans_total", "", 2),
        *counted("mongodb_slow_operations_total", "", 1),
        *[
            (second, "mongodb_queue", f"type={kind}", float(second == 4))
            for second in range(10)
            for kind in ("readers", "writers")
        ],
        (20, "mongodb_queue", "type=readers", 99.0),
        (3, "mongodb_connections", "state=current", 12.0),
        (3, "mongodb_connections", "state=available", 800.0),
        (3, "mongodb_cache_bytes", "kind=used", 25.0),
        (3, "mongodb_cache_bytes", "kind=maximum", 100.0),
    ]
    series = {"mongo": read_series(a_database(tmp_path / "mongo.parquet", sorted(rows, key=lambda row: row[0])))}
    (use,) = database_use([a_window()], series)
    assert use.phase == "sustain"
    assert use.operations_per_s == pytest.approx(40)
    assert [(kind, pytest.approx(mean)) for kind, mean in use.latencies_s] == [("reads", 0.001)]
    assert (use.connections_max, use.queue_max, use.cache) == (12.0, 2.0, 0.25)
    assert use.collection_scans_per_s == pytest.approx(2)
    assert use.slow == 10


def test_a_window_without_an_answer_of_the_database_tells_nothing(tmp_path: Path) -> None:
    series = {"mongo": read_series(a_database(tmp_path / "mongo.parquet", [(1, "mongodb_up", "", 0.0)]))}
    assert database_use([a_window()], series) == ()
    assert database_use([a_window()], {}) == ()


def slow(path: Path, *operations: dict[str, object]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in operations))
    return path


def test_slow_queries_of_one_shape_are_one_and_the_costliest_comes_first(tmp_path: Path) -> None:
    by_user = {"collection": "reports", "operation": "query", "shape": {"filter": {"userId": "?"}}}
    other = {"collection": "users", "operation": "update", "shape": {"q": {"_id": "?"}}, "duration_ms": 150.0}
    path = slow(
        tmp_path / "slow.jsonl",
        other,
        {**by_user, "duration_ms": 100.0, "planSummary": "IXSCAN", "requestId": "r-1", "docsExamined": 3},
        {**by_user, "duration_ms": 120.0, "planSummary": "COLLSCAN", "requestId": None, "docsExamined": 5000},
    )
    first, second = slow_queries(path)
    assert (first.collection, first.count, first.slowest_s, first.plan, first.examined) == (
        "reports",
        2,
        0.12,
        "COLLSCAN",
        5000,
    )
    assert first.request_id == "r-1"  # the slowest one does not say whose it was
    assert first.shape == '{"filter":{"userId":"?"}}'
    assert (second.collection, second.plan, second.examined, second.request_id) == ("users", "", None, "")


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = slow(tmp_path / "slow.jsonl", {"collection": "users", "operation": "query", "duration_ms": 1})
    path.write_bytes(path.read_bytes() + b'{"collection": "us')
    assert [each.count for each in slow_queries(path)] == [1]
    assert slow_queries(tmp_path / "none.jsonl") == ()
    assert slow_queries(None) == ()


def an_index(path: Path, rows: list[tuple[str, str, float | None]]) -> Path:
    """Of service, request id and duration."""
    columns = {
        "service": pa.array([row[0] for row in rows]),
        "request_id": pa.array([row[1] for row in rows]),
        "duration_s": pa.array([row[2] for row in rows], type=pa.float64()),
    }
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(len(rows), f.type) for f in INDEX]
    pq.write_table(pa.table(arrays, schema=INDEX), path)
    return path


def test_the_slowest_requests_are_told_with_what_services_say_of_them(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples += [run.request(7, took_s=0.9), run.request(8, took_s=0.5, status=503), run.request(9, took_s=0.7)]
    index = an_index(
        tmp_path / "index.parquet",
        [("backend", "r-7", 0.88), ("backend", "r-7", 0.1), ("ai_core", "r-7", 0.6), ("backend", "r-9", None)],
    )
    found = analyse(replace(run.evidence(), log_index=index)).slowest
    assert [(each.request_id, each.duration_s, each.status) for each in found] == [
        ("r-7", 0.9, 200),
        ("r-9", 0.7, 200),
        ("r-8", 0.5, 503),
    ]
    assert found[0].inside == (("backend", 0.88), ("ai_core", 0.6))
    assert found[0].started_at == pytest.approx(START + 7 - 0.9)
    assert found[1].inside == ()


def test_slowest_requests_need_no_logs(tmp_path: Path) -> None:
    assert len(analyse(ARun(tmp_path).evidence()).slowest) == 3


def test_labels_that_exploded_are_told_and_forbid_nothing(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.scrape += [run.reading(s, "scrape_series_dropped", 7.0 * s, "service=backend") for s in range(10)]
    (doubt,) = [each for each in analyse(run.evidence()).doubts if each.kind == DoubtKind.LABEL_EXPLOSION]
    assert "backend told up to 63 series too many" in doubt.why
    assert not doubt.invalidates


def test_an_observer_that_ends_or_comes_back_is_no_doubt_about_the_system(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.processes += [row for second in range(20) for row in run.process(second, "prometheus")]
    run.processes += [row for second in range(40, 50) for row in run.process(second, "prometheus", begun=900.0)]
    analysis = analyse(run.evidence())
    assert [doubt.what for doubt in analysis.doubts if doubt.invalidates] == []
    assert "prometheus" in {use.service for use in analysis.usage}
