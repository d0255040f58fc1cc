"""What the memory of a Python service is used for, by file and line: told by the service itself, in lab mode."""

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lab.errors import ConfigError, ProfileError
from lab.model import AllocationSite, Heap, ProcessHeap, Profile, ProfileKind, Subject
from lab.processes import wait_until
from lab.profilers import drafts
from lab.target_guard import require_allowed

_PATH = "/debug/heap"
_MARGIN_S = 60  # the service follows no longer than it was asked to, also when the lab is gone
_MOST_BYTES = 64 * 1024 * 1024
_HOW = "start it with LAB_PROFILING=1 (--target-set services.NAME.env.LAB_PROFILING=1)"


class _Site(BaseModel):
    file: str
    line: int
    bytes: int
    count: int


class _Process(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    pid: int
    role: str
    missing: str = ""
    followed_since: float = Field(0.0, alias="followedSince")
    taken_at: float = Field(0.0, alias="takenAt")
    resident_bytes: int | None = Field(None, alias="residentBytes")
    sites: list[_Site] = []


class _Told(BaseModel):
    was: bool = False
    processes: list[_Process]


class PythonHeapProfiler:
    """Has a service follow its allocations for a while, and keeps what it still holds of them, of all its processes.

    While it follows, the service is several times slower: never in a measured window. A service that did not
    follow before does not do so afterwards, unless the subject says otherwise.
    """

    name = "python-heap"

    def __init__(self, *, answer_timeout_s: float = 60.0) -> None:
        """Give the service `answer_timeout_s` for each answer."""
        self._timeout_s = answer_timeout_s

    def suits(self, subject: Subject) -> str:
        """Why it cannot be used on the subject, with what to do about it; "" where it can."""
        try:
            self._require(subject)
            status, _ = self._ask(subject, "GET", _PATH)
        except ProfileError as error:
            return str(error)
        return f"{subject.service} does not tell of its heap: {_HOW}" if status == http.client.NOT_FOUND else ""

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        """Follow for `seconds`, or until `is_ended`, and keep `<stem>-heap.json`, a `Heap`.

        Raises ProfileError, and leaves no file, where the service does not tell.
        """
        self._require(subject)
        started_at = time.time()
        until_s = seconds + max(_MARGIN_S, subject.goes_on_s or 0.0)
        was = self._told(subject, "PUT", f"{_PATH}?seconds={until_s:.0f}").was
        try:
            wait_until(is_ended, timeout_s=seconds, interval_s=0.1)
            heap = _heap(subject, self._told(subject, "GET", _PATH))
        finally:
            if not (was if subject.goes_on_s is None else subject.goes_on_s):
                self._end(subject)
        if not heap.processes:
            raise ProfileError(f"{subject.service}: no process told of its heap: {'; '.join(heap.missing)}")
        content = TypeAdapter(Heap).dump_json(heap, indent=1)
        files = drafts.write_all(subject.folder, [("allocations", f"{subject.stem}-heap.json", content)])
        return Profile(
            kind=ProfileKind.HEAP,
            service=subject.service,
            profiler=self.name,
            pids=tuple(process.pid for process in heap.processes),
            started_at=started_at,
            ended_at=time.time(),
            rate_hz=0.0,
            samples=sum(site.count for process in heap.processes for site in process.sites),
            lost=0,
            files=files,
            note="; ".join(heap.missing),
        )

    def _require(self, subject: Subject) -> None:
        if not subject.lab_url:
            raise ProfileError(f"{subject.service} has no URL, at which it could tell of its heap")
        try:
            require_allowed({subject.service: subject.lab_url}, subject.allowed_hosts)
        except ConfigError as error:
            raise ProfileError(str(error)) from error

    def _end(self, subject: Subject) -> None:
        try:
            self._ask(subject, "DELETE", _PATH)
        except ProfileError:
            return  # it ends by itself, and what is to be told has been told

    def _told(self, subject: Subject, method: str, path: str) -> _Told:
        status, body = self._ask(subject, method, path)
        if status == http.client.NOT_FOUND:
            raise ProfileError(f"{subject.service} does not tell of its heap: {_HOW}")
        if status != http.client.OK:
            raise ProfileError(f"{subject.service}: {method} {path} was answered with {status}; its log says why")
        try:
            return _Told.model_validate_json(body)
        except ValidationError as error:
            raise ProfileError(f"{subject.service}: {path} is answered, but not with heaps ({_HOW})") from error

    def _ask(self, subject: Subject, method: str, path: str) -> tuple[int, bytes]:
        parts = urlsplit(subject.lab_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._timeout_s)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read(_MOST_BYTES)
        except TimeoutError as error:
            raise ProfileError(
                f"{subject.service}: no answer to {method} {path} within {self._timeout_s:g} s; does it hang?"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ProfileError(
                f"{subject.service} does not answer at {subject.lab_url} ({error}); does it run?"
            ) from error
        finally:
            connection.close()
        return answer.status, body


def _heap(subject: Subject, told: _Told) -> Heap:
    return Heap(
        service=subject.service,
        processes=tuple(_process(each) for each in told.processes if not each.missing),
        missing=tuple(f"{each.role} {each.pid} is missing: {each.missing}" for each in told.processes if each.missing),
    )


def _process(told: _Process) -> ProcessHeap:
    sites = (
        AllocationSite(file=each.file, line=each.line, size_bytes=each.bytes, count=each.count) for each in told.sites
    )
    return ProcessHeap(
        pid=told.pid,
        role=told.role,
        followed_since=told.followed_since,
        taken_at=told.taken_at,
        resident_bytes=told.resident_bytes,
        sites=tuple(sites),
    )
