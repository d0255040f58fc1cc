"""Finding Node processes, and opening their inspectors by a signal that would end any other program."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import psutil
import pytest

from lab import processes
from lab.engines.ports import free_ports
from lab.errors import ProfileError
from lab.model import Subject
from lab.profilers import node_process
from lab.profilers.node_cpu import NodeCpuProfiler
from tests.lab.profilers.conftest import StartNode

pytestmark = [pytest.mark.needs("node"), pytest.mark.e2e]
MakeSubject = Callable[..., Subject]


def take(subject: Subject, *, timeout_s: float = 10.0) -> str:
    return NodeCpuProfiler(answer_timeout_s=timeout_s).take(subject, seconds=0.2, is_ended=lambda: False).note


def test_a_service_that_is_not_node_is_refused_and_survives(a_subject: MakeSubject) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        try:
            subject = a_subject(pid=child.pid)
            with pytest.raises(ProfileError, match=rf"process {child.pid} \(.*time.sleep.*\) is not Node"):
                take(subject)
            assert "is not Node" in NodeCpuProfiler().suits(subject)
            assert child.poll() is None
        finally:
            child.kill()


def test_a_process_that_has_ended_is_named(a_subject: MakeSubject) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(ProfileError, match=f"process {child.pid} has ended"):
        take(a_subject(pid=child.pid))


def test_a_service_whose_process_is_not_known_needs_a_url(a_subject: MakeSubject) -> None:
    assert "start it with --inspect and name its URL" in NodeCpuProfiler().suits(a_subject())


def test_a_port_that_another_process_holds_is_told_with_its_owner(start_node: StartNode) -> None:
    service = start_node("rest")
    taken = rf"port {service.port} is taken by process {os.getpid()} \(.*\)"
    with closing(socket.create_server(("127.0.0.1", service.port))), pytest.raises(ProfileError, match=taken):
        take(service.subject())
    assert service.process.poll() is None


def test_two_services_with_the_same_inspector_port_are_not_mistaken_for_one_another(start_node: StartNode) -> None:
    port = free_ports(1)[0]
    first, second = start_node("burn", inspect=True, port=port), start_node("rest", port=port)
    with pytest.raises(ProfileError, match=f"port {port} is taken by process {first.process.pid}"):
        take(second.subject())
    with pytest.raises(ProfileError, match=f"is the inspector of process {first.process.pid} .*not of process"):
        take(second.subject(by_url=True))


def test_a_service_with_a_handler_of_its_own_for_the_signal_is_told_what_to_do(start_node: StartNode) -> None:
    service = start_node("deaf")
    with pytest.raises(ProfileError, match=r"has a handler of its own for that signal .*; start it with --inspect"):
        take(service.subject(), timeout_s=1.0)
    assert service.process.poll() is None


def test_a_process_that_hangs_is_given_up_and_may_go_on(start_node: StartNode) -> None:
    service = start_node("burn", inspect=True)
    service.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ProfileError, match="does not answer; does its process hang"):
            take(service.subject(by_url=True), timeout_s=0.5)
    finally:
        service.process.send_signal(signal.SIGCONT)
    assert take(service.subject(by_url=True)) == ""


def test_an_inspector_that_cannot_be_closed_again_is_a_note(start_node: StartNode) -> None:
    service = start_node("tight")
    note = NodeCpuProfiler(answer_timeout_s=2.0).take(service.subject(), seconds=0.2, is_ended=lambda: False).note
    assert f"stays open at http://127.0.0.1:{service.port} until it is restarted" in note
    assert service.inspects()


def test_a_launcher_is_left_out_of_the_family_and_the_service_below_it_is_found(start_node: StartNode) -> None:
    service = start_node("launcher")
    below = psutil.Process(service.process.pid).children
    assert processes.wait_until(lambda: len(below()) == 1, timeout_s=30)
    assert [member.pid for member in node_process.family(service.process.pid)] == [below()[0].pid]


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ([], 9229),
        (["--inspect-port=127.0.0.1:9301"], 9301),
        (["--inspect-port", "9302"], 9302),
        (["--inspect-port=0"], 0),
        (["--inspect-port=[::1]:9303"], 9303),
    ],
)
def test_the_port_is_the_one_that_the_process_was_told(options: list[str], port: int) -> None:
    with subprocess.Popen(["node", *options, "-e", "setInterval(() => {}, 1000)"]) as child:
        try:
            process = psutil.Process(child.pid)
            assert processes.wait_until(lambda: node_process.handles_usr1(child.pid), timeout_s=30)
            assert node_process.inspector_port(process) == port
        finally:
            child.kill()
