"""The files that a Prometheus reads, and the snapshot that it is asked for; a real server is tested in tests/e2e."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.collectors.prometheus import PrometheusServer
from lab.engines.observers import scrape_targets
from lab.errors import LabError

Serve = Callable[[int, bytes], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a server that scrapes two services and has made a snapshot."""
    (tmp_path / "targets").mkdir()
    metrics = {"backend": "http://127.0.0.1:1/metrics", "ai_core": "http://127.0.0.1:2/metrics"}
    (tmp_path / "targets" / "services.json").write_text(scrape_targets(metrics))
    (tmp_path / "targets" / "lab.json").write_text("[]\n")
    block = tmp_path / "tsdb" / "snapshots" / "made" / "01BLOCK"
    block.mkdir(parents=True)
    (block / "meta.json").write_text("{}")
    return tmp_path


@pytest.fixture
def answering() -> Iterator[Serve]:
    """A server that gives every POST the same answer."""
    servers: list[http.server.HTTPServer] = []

    def serve(status: int, body: bytes) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


MADE = b'{"status": "success", "data": {"name": "made"}}'


def targets(folder: Path, name: str) -> list[dict[str, object]]:
    read: list[dict[str, object]] = json.loads((folder / "targets" / f"{name}.json").read_text())
    return read


def test_while_a_run_goes_on_everything_is_labelled_with_it_and_the_lab_is_scraped_too(folder: Path) -> None:
    server = PrometheusServer("http://127.0.0.1:9", folder)
    server.observe("the-run", "127.0.0.1:3")
    both = {"__metrics_path__": "/metrics", "run": "the-run"}
    assert targets(folder, "services") == [
        {"targets": ["127.0.0.1:1"], "labels": {"service": "backend", **both}},
        {"targets": ["127.0.0.1:2"], "labels": {"service": "ai_core", **both}},
    ]
    assert targets(folder, "lab") == [{"targets": ["127.0.0.1:3"], "labels": {"run": "the-run"}}]


def test_afterwards_it_is_as_before(folder: Path) -> None:
    before = targets(folder, "services")
    server = PrometheusServer("http://127.0.0.1:9", folder)
    server.observe("the-run", "127.0.0.1:3")
    server.release()
    assert targets(folder, "services") == before
    assert targets(folder, "lab") == []


def test_a_second_run_takes_the_place_of_one_that_was_killed(folder: Path) -> None:
    server = PrometheusServer("http://127.0.0.1:9", folder)
    server.observe("killed", "127.0.0.1:3")
    server.observe("second", "127.0.0.1:4")
    assert "killed" not in (folder / "targets" / "services.json").read_text()
    assert targets(folder, "lab") == [{"targets": ["127.0.0.1:4"], "labels": {"run": "second"}}]


def test_a_snapshot_is_kept_and_taken_from_the_server(folder: Path, tmp_path: Path, answering: Serve) -> None:
    kept = tmp_path / "kept"
    (kept / "01EARLIER").mkdir(parents=True)
    PrometheusServer(answering(200, MADE), folder).snapshot(kept)
    assert [path.name for path in kept.iterdir()] == ["01BLOCK"]
    assert not (folder / "tsdb" / "snapshots" / "made").exists()


def test_a_snapshot_of_another_server_stands_beside_the_earlier_one(
    folder: Path, tmp_path: Path, answering: Serve
) -> None:
    kept = tmp_path / "kept"
    (kept / "01EARLIER").mkdir(parents=True)
    PrometheusServer(answering(200, MADE), folder).snapshot(kept, keep_earlier=True)
    assert sorted(path.name for path in kept.iterdir()) == ["01BLOCK", "01EARLIER"]


def test_a_server_that_is_gone_is_an_error_that_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not answer"):
        PrometheusServer("http://127.0.0.1:9", folder).snapshot(tmp_path / "kept")


@pytest.mark.parametrize("body", [b"no", b"{}", b'{"status": "error", "data": null}'])
def test_a_server_that_makes_no_snapshot_is_an_error_that_says_what_it_said(
    folder: Path, tmp_path: Path, answering: Serve, body: bytes
) -> None:
    with pytest.raises(LabError, match="made no snapshot"):
        PrometheusServer(answering(500, body), folder).snapshot(tmp_path / "kept")


def test_a_snapshot_that_cannot_be_copied_leaves_what_was_kept(folder: Path, tmp_path: Path, answering: Serve) -> None:
    kept = tmp_path / "kept"
    (kept / "01EARLIER").mkdir(parents=True)
    body = b'{"status": "success", "data": {"name": "missing"}}'
    with pytest.raises(LabError, match="cannot be kept"):
        PrometheusServer(answering(200, body), folder).snapshot(kept)
    assert [path.name for path in kept.iterdir()] == ["01EARLIER"]


def test_targets_that_were_removed_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"services\.json"):
        PrometheusServer("http://127.0.0.1:9", tmp_path).observe("run", "127.0.0.1:3")
