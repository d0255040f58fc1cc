"""What a Python service holds: asked of the real stub with all its processes, and of services that misbehave."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import TypeAdapter

from lab.analysis.heap_growth import growth_between, growth_since_followed
from lab.errors import ProfileError
from lab.model import Heap, Profile, ProfileKind, Subject
from lab.profilers.python_heap import PythonHeapProfiler
from tests.ai_core_stub.a_table import a_csv
from tests.service_kit.running_service import Running, running_service

ROOT = Path(__file__).resolve().parents[3]
MakeSubject = Callable[..., Subject]
LEAK = {"LAB_PROFILING": "1", "AI_CORE_WORKERS": "2", "AI_CORE_FAULT_LEAK_MB_PER_H": "36000"}


def never() -> bool:
    return False


def kept(subject: Subject, profile: Profile) -> Heap:
    return TypeAdapter(Heap).validate_json((subject.folder / dict(profile.files)["allocations"]).read_bytes())


def analyse(ai_core: Running) -> None:
    body = {"analysisId": "an-1", "target": "y", "csv": a_csv()}
    httpx.post(f"{ai_core.url}/analyze", json=body, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def leaking_ai_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service("ai_core_stub", tmp_path_factory.mktemp("ai_core"), LEAK) as service:
        yield service


@pytest.mark.e2e
def test_the_leak_of_ai_core_is_named_by_file_and_line_with_its_rate(
    leaking_ai_core: Running, a_subject: MakeSubject
) -> None:
    subject = a_subject(lab_url=leaking_ai_core.url)
    profile = PythonHeapProfiler().take(subject, seconds=3, is_ended=never)
    heap = kept(subject, profile)
    assert (profile.kind, profile.note, dict(profile.files)) == (
        ProfileKind.HEAP,
        "",
        {"allocations": "peak-api-heap.json"},
    )
    assert [process.role for process in heap.processes] == ["service", "worker", "worker"]
    first = growth_since_followed(heap).sites[0]
    lines = (ROOT / "ai_core_stub" / "faults.py").read_text().splitlines()
    assert first.site.file == str(ROOT / "ai_core_stub" / "faults.py")
    assert "self._kept.append" in lines[first.site.line - 1]
    assert first.role == "service"
    assert first.bytes_per_h == pytest.approx(36e9, rel=0.5)


@pytest.mark.e2e
def test_what_workers_allocate_is_told_by_them(leaking_ai_core: Running, a_subject: MakeSubject) -> None:
    subject = a_subject(lab_url=leaking_ai_core.url)
    calls = iter(range(10))

    def analysed() -> bool:
        analyse(leaking_ai_core)
        return next(calls) == 4

    heap = kept(subject, PythonHeapProfiler().take(subject, seconds=60, is_ended=analysed))
    workers = [process for process in heap.processes if process.role == "worker"]
    assert any("sklearn" in site.file or "shap" in site.file for process in workers for site in process.sites)
    assert {process.pid for process in workers} < {member.pid for member in leaking_ai_core.members()}


@pytest.mark.e2e
def test_two_snapshots_can_be_compared_when_the_service_follows_on(
    leaking_ai_core: Running, a_subject: MakeSubject
) -> None:
    subject = replace(a_subject(lab_url=leaking_ai_core.url), goes_on_s=60)
    last = replace(subject, goes_on_s=0)
    heaps = [kept(each, PythonHeapProfiler().take(each, seconds=1.5, is_ended=never)) for each in (subject, last)]
    assert httpx.get(f"{leaking_ai_core.url}/debug/heap").status_code == 409  # it follows no more
    growth = growth_between(*heaps)
    assert growth.sites[0].site.file.endswith("/ai_core_stub/faults.py")
    assert growth.sites[0].grown_bytes > 10e6
    assert growth.resident_bytes is not None
    assert growth.resident_bytes > 10e6
    assert growth.notes == ()


@pytest.mark.e2e
def test_it_does_not_follow_any_more_afterwards(leaking_ai_core: Running, a_subject: MakeSubject) -> None:
    subject = a_subject(lab_url=leaking_ai_core.url)
    PythonHeapProfiler().take(subject, seconds=0.1, is_ended=never)
    assert httpx.get(f"{leaking_ai_core.url}/debug/heap").status_code == 409


@pytest.mark.e2e
def test_a_service_that_is_not_in_lab_mode_says_how_it_gets_there(tmp_path: Path, a_subject: MakeSubject) -> None:
    with running_service("ai_core_stub", tmp_path, {"AI_CORE_WORKERS": "1"}) as service:
        subject = a_subject(lab_url=service.url)
        assert "start it with LAB_PROFILING=1" in PythonHeapProfiler().suits(subject)
        with pytest.raises(ProfileError, match="does not tell of its heap: start it with LAB_PROFILING=1"):
            PythonHeapProfiler().take(subject, seconds=60, is_ended=never)
        assert not (tmp_path / "peak-api-heap.json").exists()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A service that answers everything alike; gives its URL and the methods that it was asked by."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.command)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = answer  # noqa: N815  # names of the standard library

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "PUT .* was answered with 500; its log says why"),
        (302, b"", "was answered with 302"),
        (200, b"<html>", "not with heaps"),
        (200, b'{"processes": [{"pid": 1}]}', "not with heaps"),
        (200, b'{"processes": [{"pid": 1, "role": "worker", "missing": "it ended"}]}', "worker 1 is missing: it ended"),
    ],
)
def test_an_answer_without_heaps_is_an_error_and_leaves_no_file(
    a_subject: MakeSubject, status: int, body: bytes, why: str
) -> None:
    with answering(status, body) as (url, _):
        subject = a_subject(lab_url=url)
        with pytest.raises(ProfileError, match=why):
            PythonHeapProfiler().take(subject, seconds=0.1, is_ended=never)
        assert list(subject.folder.iterdir()) == []


def test_a_service_that_followed_before_follows_on(a_subject: MakeSubject) -> None:
    told = {"was": True, "processes": [{"pid": 1, "role": "service", "followedSince": 1, "takenAt": 2, "sites": []}]}
    with answering(200, orjson.dumps(told)) as (url, asked):
        PythonHeapProfiler().take(a_subject(lab_url=url), seconds=0.1, is_ended=never)
    assert asked == ["PUT", "GET"]


def test_a_full_disk_is_an_error_that_leaves_no_file(a_subject: MakeSubject) -> None:
    told = {"processes": [{"pid": 1, "role": "service", "followedSince": 1, "takenAt": 2, "sites": []}]}
    with answering(200, orjson.dumps(told)) as (url, asked):
        subject = a_subject(lab_url=url)
        (subject.folder / "peak-api-heap.json.part").symlink_to("/dev/full")
        with pytest.raises(ProfileError, match="No space left on device"):
            PythonHeapProfiler().take(subject, seconds=0.1, is_ended=never)
        assert list(subject.folder.iterdir()) == []
    assert asked == ["PUT", "GET", "DELETE"]


def test_a_service_that_is_gone_is_named_with_its_url(a_subject: MakeSubject) -> None:
    with answering(200, b"") as (url, _):
        pass
    with pytest.raises(ProfileError, match=rf"does not answer at {url} .*does it run"):
        PythonHeapProfiler().take(a_subject(lab_url=url), seconds=60, is_ended=never)


@pytest.mark.parametrize(
    ("url", "why"),
    [("http://198.51.100.7:80", "is not on this machine"), ("", "has no URL"), ("ftp://x", "begin it with")],
)
def test_a_service_elsewhere_is_not_asked_unless_it_is_allowed(a_subject: MakeSubject, url: str, why: str) -> None:
    subject = replace(a_subject(), lab_url=url)
    assert why in PythonHeapProfiler().suits(subject)
    with pytest.raises(ProfileError, match=why):
        PythonHeapProfiler().take(subject, seconds=60, is_ended=never)
