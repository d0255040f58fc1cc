"""k6's output becomes Parquet: recorded output, held against a plain JSON parser and against k6's own summary."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lab.errors import LoadError
from lab.load.k6_samples import convert
from lab.load.k6_summary import read_summary
from lab.load.tables import POINTS as POINTS_SCHEMA
from lab.load.tables import SAMPLES as SAMPLES_SCHEMA
from tests.lab.load.recorded import DATA, GZ, POINTS, TEXT, converted, points_of

SETUP_REQUESTS = [p for p in POINTS if p["metric"] == "http_req_duration" and p["tags"].get("group") == "::setup"]


def test_every_request_of_the_journeys_is_one_row_in_file_order(tmp_path: Path) -> None:
    conversion, samples, _ = converted(tmp_path, GZ)
    durations, waitings = points_of("http_req_duration"), points_of("http_req_waiting")
    assert conversion.requests == len(samples) == len(durations) == 302
    for row, duration, waiting in zip(samples, durations, waitings, strict=True):
        tags = duration["tags"]
        assert row["time"] == datetime.fromisoformat(duration["time"]).astimezone(UTC)
        assert (row["duration_s"], row["waiting_s"]) == (duration["value"] / 1000, waiting["value"] / 1000)
        assert (row["phase"], row["scenario"], row["route"]) == ("main", tags["scenario"], tags["name"])
        assert (row["method"], row["status"]) == (tags["method"], int(tags["status"]))
        assert row["extra_poll"] == (tags.get("poll") == "extra")
        assert row["request_id"] == duration["metadata"]["request_id"]


def test_requests_of_setup_are_counted_and_left_out(tmp_path: Path) -> None:
    conversion, samples, _ = converted(tmp_path, GZ)
    assert conversion.setup_requests == len(SETUP_REQUESTS) > 0
    assert not [row for row in samples if "setup" in row["route"] or not row["scenario"]]


def test_errors_are_named_by_their_status_and_success_has_none(tmp_path: Path) -> None:
    _, samples, _ = converted(tmp_path, GZ)
    assert {(row["status"], row["error"]) for row in samples if row["status"] >= 400} == {
        (503, "http_503"),
        (500, "http_500"),
    }
    assert {row["error"] for row in samples if row["status"] < 400} == {None}


def test_points_hold_durations_in_seconds_counts_as_they_are_and_failed_checks_alone(tmp_path: Path) -> None:
    _, _, points = converted(tmp_path, GZ)
    of = {metric: [row for row in points if row["metric"] == metric] for metric in {row["metric"] for row in points}}
    for metric in ("iteration_duration", "analysis_duration", "upload_to_report", "ai_core_analyze"):
        assert [row["value"] for row in of[metric]] == [p["value"] / 1000 for p in points_of(metric)]
    for metric in ("analyses", "journeys"):
        assert [row["value"] for row in of[metric]] == [p["value"] for p in points_of(metric)]
    assert len(of["checks"]) == len([p for p in points_of("checks") if p["value"] == 0]) > 0
    assert {row["value"] for row in of["checks"]} == {0.0}
    assert [row["value"] for row in of["scenario_started"]] == [
        p["value"] / 1000 for p in points_of("scenario_started")
    ]
    assert [row["value"] for row in of["vus"]] == [p["value"] for p in POINTS if p["metric"] == "vus"]
    assert not set(of) & {"http_reqs", "data_sent"}


DELAY = (
    b'{"metric":"start_delay","type":"Point","data":{"time":"2026-01-02T12:00:00Z","value":%s,'
    b'"tags":{"scenario":"auth_dashboard"},"metadata":{"request_id":"%s"}}}\n'
)
DROPPED = (
    b'{"metric":"dropped_iterations","type":"Point","data":{"time":"2026-01-02T12:00:00Z","value":1,'
    b'"tags":{"scenario":"auth_dashboard"}}}\n'
)


def first_id() -> bytes:
    requests = [p for p in points_of("http_req_waiting") if p["tags"]["scenario"] == "auth_dashboard"]
    return str(requests[0]["metadata"]["request_id"]).encode()


def test_the_delay_of_a_journey_goes_with_its_first_request_alone(tmp_path: Path) -> None:
    _, samples, points = converted(tmp_path, gzip.compress(DELAY % (b"1500", first_id()) + TEXT))
    assert [row["request_id"] for row in samples if row["start_delay_s"] == 1.5] == [first_id().decode()]
    assert {row["start_delay_s"] for row in samples} == {0.0, 1.5}
    assert [row["value"] for row in points if row["metric"] == "start_delay"] == [1.5]


def test_after_a_dropped_journey_delays_of_its_scenario_tell_nothing(tmp_path: Path) -> None:
    elsewhere = (DELAY % (b"700", b"other-1")).replace(b"auth_dashboard", b"explain_heavy")
    late = DELAY % (b"1500", first_id())
    _, samples, points = converted(tmp_path, gzip.compress(DROPPED + late + elsewhere + TEXT))
    assert {row["start_delay_s"] for row in samples} == {0.0}
    delays = [(row["scenario"], row["value"]) for row in points if row["metric"] == "start_delay"]
    assert delays == [("explain_heavy", 0.7)]


def test_labels_are_sorted_pairs_of_what_tells_points_apart(tmp_path: Path) -> None:
    _, _, points = converted(tmp_path, GZ)
    labels = {(row["metric"], row["labels"]) for row in points}
    assert ("ai_core_analyze", "explainer=tree,part=explain") in labels
    assert ("analyses", "explainer=tree,outcome=timeout") in labels
    assert ("journeys", "outcome=failed") in labels
    assert ("checks", "check=POST /analyze answers 202") in labels
    assert ("iteration_duration", "") in labels


def test_counts_and_percentiles_are_k6s_own(tmp_path: Path) -> None:
    _, samples, points = converted(tmp_path, GZ)
    theirs = read_summary(DATA / "mixed.summary.json")
    durations = [row["duration_s"] for row in samples]
    assert theirs.requests == len(durations)
    assert theirs.failed == len([row for row in samples if row["error"]])
    assert theirs.iterations == len([row for row in points if row["metric"] == "iteration_duration"])
    assert theirs.dropped_iterations == 0
    own = np.percentile(durations, [50, 90, 95, 99, 99.9])
    k6s = [theirs.p50_s, theirs.p90_s, theirs.p95_s, theirs.p99_s, theirs.p999_s]
    assert list(own) == pytest.approx(k6s, rel=1e-12)
    assert (max(durations), np.mean(durations)) == pytest.approx((theirs.max_s, theirs.mean_s), rel=1e-12)


def test_the_files_have_the_documented_columns(tmp_path: Path) -> None:
    converted(tmp_path, GZ)
    assert pq.read_schema(tmp_path / "samples.parquet").equals(SAMPLES_SCHEMA)
    assert pq.read_schema(tmp_path / "points.parquet").equals(POINTS_SCHEMA)


def test_phases_follow_one_another_in_the_order_given(tmp_path: Path) -> None:
    for phase in ("b", "a"):
        (tmp_path / f"{phase}.json.gz").write_bytes(GZ)
    conversion = convert(tmp_path, ["b", "a"], tmp_path / "samples.parquet", tmp_path / "points.parquet")
    phases = pq.read_table(tmp_path / "samples.parquet", columns=["phase"])["phase"].to_pylist()
    assert phases == ["b"] * 302 + ["a"] * 302
    assert conversion.requests == 604


def test_more_rows_than_a_row_group_holds_are_all_kept_in_order(tmp_path: Path) -> None:
    repeated = 120
    conversion, samples, points = converted(tmp_path, gzip.compress(TEXT * repeated, compresslevel=1))
    assert pq.ParquetFile(tmp_path / "samples.parquet").num_row_groups > 1
    assert conversion.requests == len(samples) == 302 * repeated
    assert conversion.points == len(points) == 755 * repeated
    ids = [row["request_id"] for row in samples]
    assert ids == ids[:302] * repeated


def test_a_file_of_several_gzip_members_is_read_as_one(tmp_path: Path) -> None:
    middle = TEXT.index(b"\n", len(TEXT) // 2) + 3  # inside a line
    conversion, samples, _ = converted(tmp_path, gzip.compress(TEXT[:middle]) + gzip.compress(TEXT[middle:]))
    assert len(samples) == 302
    assert conversion.truncated == ()


@pytest.mark.parametrize("content", [None, b"", GZ[:1], GZ[:10]], ids=["missing", "empty", "one byte", "header"])
def test_a_file_with_nothing_in_it_is_a_phase_that_ends_early(tmp_path: Path, content: bytes | None) -> None:
    conversion, samples, points = converted(tmp_path, content)
    assert conversion.truncated == ("main",)
    assert samples == points == []


@pytest.mark.parametrize("content", [TEXT, b"PK\x03\x04", b"\x00" * 100], ids=["plain text", "zip", "zeros"])
def test_a_file_that_is_no_gzip_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(LoadError, match=r"main\.json\.gz: is no gzip file"):
        converted(tmp_path, content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["main.json.gz"]


def test_a_directory_in_the_place_of_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "main.json.gz").mkdir()
    with pytest.raises(LoadError, match=r"main\.json\.gz: cannot be read"):
        converted(tmp_path, None)


def test_files_of_an_earlier_conversion_stay_when_a_later_one_fails(tmp_path: Path) -> None:
    converted(tmp_path, GZ)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    with pytest.raises(LoadError):
        converted(tmp_path, b"nothing of k6's")
    assert {path: path.read_bytes() for path in tmp_path.glob("*")} == before | {
        tmp_path / "main.json.gz": b"nothing of k6's"
    }


def test_the_same_output_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        converted(tmp_path, GZ)
        written.append([(tmp_path / name).read_bytes() for name in ("samples.parquet", "points.parquet")])
    assert written[0] == written[1]
