import os
import socket
from collections.abc import Callable

import pytest

from lab.engines.ports import HOME, choose_ports, free_ports, port_problems, refuse_busy
from lab.errors import ExitCode, PortBusyError
from lab.model import Service


def a_service(name: str, port: int) -> Service:
    return Service(name=name, kind="http", port=port)


SERVICES = (a_service("mongo", 27117), a_service("backend", 8810))


def test_the_ports_of_the_target_are_taken_when_none_are_asked_for() -> None:
    assert choose_ports(SERVICES, {}) == {"mongo": 27117, "backend": 8810}


def test_a_port_that_is_asked_for_replaces_that_of_the_target() -> None:
    assert choose_ports(SERVICES, {"backend": 9000}) == {"mongo": 27117, "backend": 9000}


def test_auto_ports_are_different_and_leave_those_asked_for() -> None:
    ports = choose_ports(SERVICES, {"backend": 9000}, auto=True)
    assert ports["backend"] == 9000
    assert ports["mongo"] not in (27117, 9000)


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(50))) == 50


def test_every_problem_with_ports_is_told_at_once() -> None:
    problems = port_problems((*SERVICES, a_service("odd", 70000)), {"bakend": 1, "mongo": 8810})
    assert problems == [
        "--ports bakend=1: no service is named 'bakend' (there are: mongo, backend, odd)",
        "odd: 70000 is no port (1 to 65535)",
        "mongo and backend cannot both have port 8810",
    ]


def test_auto_does_not_mind_services_that_share_a_port_in_the_target() -> None:
    assert port_problems((a_service("a", 5000), a_service("b", 5000)), {}, auto=True) == []


def test_all_busy_ports_are_named_with_service_pid_and_program(listener: Callable[..., tuple[int, int]]) -> None:
    first_pid, first_port = listener()
    second_pid, second_port = listener()
    with pytest.raises(PortBusyError) as raised:
        refuse_busy({"mongo": first_port, "ai_core": free_ports(1)[0], "backend": second_port})
    text = str(raised.value)
    assert f"port {first_port} (mongo) is taken by pid {first_pid} (python" in text
    assert f"port {second_port} (backend) is taken by pid {second_pid} (python" in text
    assert "ai_core" not in text
    assert "--ports auto" in text
    assert raised.value.exit_code is ExitCode.USAGE


def test_a_port_held_by_another_lab_names_its_home(listener: Callable[..., tuple[int, int]]) -> None:
    _, port = listener(env={**os.environ, HOME: "/somewhere/.lab"})
    with pytest.raises(PortBusyError, match=r"an environment of this lab in /somewhere/\.lab: `lab down`"):
        refuse_busy({"backend": port})


def test_a_listener_on_every_address_makes_a_port_busy(listener: Callable[..., tuple[int, int]]) -> None:
    pid, port = listener(host="0.0.0.0")  # noqa: S104  # the listener that a user might have
    with pytest.raises(PortBusyError, match=f"taken by pid {pid} "):
        refuse_busy({"backend": port})


def test_a_port_of_connections_that_ended_a_moment_ago_is_free() -> None:
    refuse_busy({"backend": a_port_in_time_wait(reuse=True)})


def test_a_port_that_old_connections_still_hold_is_told_apart_from_one_with_a_listener() -> None:
    with pytest.raises(PortBusyError, match=r"\(backend\) is not free yet, though nothing listens on it"):
        refuse_busy({"backend": a_port_in_time_wait(reuse=False)})


def a_port_in_time_wait(*, reuse: bool) -> int:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first keeps the port in TIME_WAIT
    return port
