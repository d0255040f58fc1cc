"""What the client of the inspector makes of one that misbehaves, or is none."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from lab.errors import ProfileError
from lab.model import Subject
from lab.profilers.inspector import connected
from lab.profilers.node_cpu import NodeCpuProfiler
from lab.profilers.node_heap import NodeHeapSnapshotter
from tests.lab.profilers.conftest import StartNode
from tests.lab.profilers.scripted_inspector import ScriptedInspector

MakeSubject = Callable[..., Subject]


def take(subject: Subject, *, timeout_s: float = 2.0) -> None:
    NodeCpuProfiler(answer_timeout_s=timeout_s, stop_timeout_s=timeout_s).take(
        subject, seconds=0.2, is_ended=lambda: False
    )


def evaluated(url: str, expression: str) -> object:
    async def ask() -> object:
        async with connected(url) as session:
            return await session.evaluate(expression)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://198.51.100.7:9229", "is not on this machine.*ssh -L 9229:127.0.0.1:9229 198.51.100.7"),
        ("http://backend:9229", "is not on this machine"),
        ("http://127.0.0.1:9229/json", "nothing behind it"),
        ("http://127.0.0.1@198.51.100.7:9229", "has an @"),
        ("ws://127.0.0.1:9229", "begin it with http://"),
        ("mongodb://127.0.0.1:9229", "is not on this machine"),
    ],
)
def test_an_inspector_elsewhere_is_never_spoken_to(a_subject: MakeSubject, url: str, why: str) -> None:
    subject = a_subject(inspector_url=url)
    with pytest.raises(ProfileError, match=why):
        take(subject)
    assert NodeCpuProfiler().suits(subject).startswith("api: ")


def test_the_address_that_an_inspector_gives_of_itself_is_not_followed(a_subject: MakeSubject) -> None:
    # it names 198.51.100.1, which nothing here may reach
    with ScriptedInspector(silent=frozenset({"Profiler.start"})).serving() as inspector:
        subject = a_subject(inspector_url=inspector.url)
        with pytest.raises(ProfileError, match=r"no answer to Profiler.start"):
            take(subject)
        assert "Profiler.enable" in inspector.asked


def test_nothing_that_listens_is_an_error_that_says_how_to_start_node(a_subject: MakeSubject) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(ProfileError, match=rf"nothing listens at http://127.0.0.1:{port}; start .* --inspect"):
        take(a_subject(inspector_url=f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize(
    "listed", ["<html>", "[]", '{"type": "node"}', [{"type": "page", "webSocketDebuggerUrl": "ws://x/session"}]]
)
def test_what_is_not_nodes_inspector_is_said_to_be_none(a_subject: MakeSubject, listed: object) -> None:
    with (
        ScriptedInspector(listed=listed).serving() as inspector,
        pytest.raises(ProfileError, match=r"not as Node's inspector does"),
    ):
        take(a_subject(inspector_url=inspector.url))


def test_a_refused_websocket_is_named_with_its_status(a_subject: MakeSubject) -> None:
    with (
        ScriptedInspector(has_socket=False).serving() as inspector,
        pytest.raises(ProfileError, match=r"refuses the websocket \(status 403\)"),
    ):
        take(a_subject(inspector_url=inspector.url))


def test_a_command_that_is_not_answered_ends_by_its_timeout(a_subject: MakeSubject) -> None:
    with ScriptedInspector(silent=frozenset({"Profiler.stop"})).serving() as inspector:
        begun = time.monotonic()
        with pytest.raises(ProfileError, match=r"no answer to Profiler.stop within 0.5 s; the process may hang"):
            take(a_subject(inspector_url=inspector.url), timeout_s=0.5)
        assert time.monotonic() - begun < 20


def test_a_connection_that_ends_is_an_error(a_subject: MakeSubject) -> None:
    with (
        ScriptedInspector(hangs_up=frozenset({"Profiler.start"})).serving() as inspector,
        pytest.raises(ProfileError, match=r"hung up before the profile was whole"),
    ):
        take(a_subject(inspector_url=inspector.url))


def test_a_command_that_a_process_does_not_know_is_named(a_subject: MakeSubject) -> None:
    with (
        ScriptedInspector(refused=frozenset({"Profiler.enable"})).serving() as inspector,
        pytest.raises(ProfileError, match=r"Profiler.enable was refused: wasn't found"),
    ):
        take(a_subject(inspector_url=inspector.url))


def test_a_port_that_takes_connections_and_says_nothing_is_not_waited_for(a_subject: MakeSubject) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        pytest.raises(ProfileError, match=r"takes connections and does not answer"),
    ):
        take(a_subject(inspector_url=f"http://127.0.0.1:{server.getsockname()[1]}"), timeout_s=0.3)


def test_a_snapshot_is_given_up_when_it_is_told_to_end(a_subject: MakeSubject) -> None:
    with ScriptedInspector(silent=frozenset({"HeapProfiler.takeHeapSnapshot"})).serving() as inspector:
        inspector.results["Runtime.getHeapUsage"] = {"usedSize": 1}
        subject = a_subject(inspector_url=inspector.url)
        with pytest.raises(ProfileError, match="takeHeapSnapshot was given up"):
            NodeHeapSnapshotter().take(subject, seconds=0, is_ended=lambda: True)
        assert list(subject.folder.iterdir()) == []


@pytest.mark.needs("node")
@pytest.mark.e2e
def test_an_expression_is_evaluated_with_require_and_its_exceptions_are_told(start_node: StartNode) -> None:
    service = start_node("rest", inspect=True)
    url = f"http://127.0.0.1:{service.port}"
    assert evaluated(url, "require('node:path').join('a', 'b')") == "a/b"
    with pytest.raises(ProfileError, match="TypeError: no such thing"):
        evaluated(url, "throw new TypeError('no such thing')")
    assert service.process.poll() is None
