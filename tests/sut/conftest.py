"""A real mongod and a real ai_core for all tests of the backend; a backend for each module, or for one test."""

import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from lab import processes
from lab.engines.mongod import find_mongod, mongod_argv
from lab.engines.ports import free_ports
from tests.service_kit.running_service import Running, running_service, started
from tests.sut.scripted_ai_core import ScriptedAiCore
from tests.sut.user import User

SECRET = "a secret of the tests, long enough for HS256"  # noqa: S105  # it guards nothing

StartBackend = Callable[..., Running]
MakeUser = Callable[[Running], User]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod of the session, empty at its start."""
    choice = find_mongod({"PATH": ""})
    assert choice.program is not None
    folder, (port,) = tmp_path_factory.mktemp("mongod"), free_ports(1)
    (folder / "data").mkdir()
    argv = mongod_argv(
        choice.program, port=port, data=folder / "data", extra=("--setParameter", "enableTestCommands=1")
    )
    url = f"mongodb://127.0.0.1:{port}"
    with started(argv, url=url, log=folder / "mongod.log", env={}):
        assert processes.wait_until(lambda: listens(port), timeout_s=60)
        yield url


@pytest.fixture(scope="session")
def ai_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real ai_core of the session."""
    with running_service("ai_core_stub", tmp_path_factory.mktemp("ai_core"), {}) as service:
        yield service


@pytest.fixture
def scripted_ai_core() -> Iterator[ScriptedAiCore]:
    """An ai_core that answers as the test says."""
    with ScriptedAiCore.serving() as service:
        yield service


@pytest.fixture(scope="module")
def backend(mongo_url: str, ai_core: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A backend with its defaults and a database of its own, for the tests of a module."""
    env = {"MONGO_URL": mongo_url, "MONGO_DATABASE": f"test_{uuid.uuid4().hex}", "TOKEN_SECRET": SECRET}
    env |= {"AI_CORE_URL": ai_core.url, "SUT_SLOW_QUERY_S": "0"}
    with running_service("sut", tmp_path_factory.mktemp("backend"), env, ready="/readyz") as service:
        yield service


@pytest.fixture
def start_backend(mongo_url: str, tmp_path: Path) -> Iterator[StartBackend]:
    """Starts backends with settings of the test; `port` and MONGO_DATABASE make one take another's place."""
    with ExitStack() as stack:

        def start(port: int | None = None, ready: str = "/healthz", **env: str) -> Running:
            given = {
                "MONGO_URL": mongo_url,
                "MONGO_DATABASE": f"test_{uuid.uuid4().hex}",
                "TOKEN_SECRET": SECRET,
                **env,
            }
            return stack.enter_context(running_service("sut", tmp_path, given, port=port, ready=ready))

        yield start


@pytest.fixture
def a_user() -> Iterator[MakeUser]:
    """Registers users at a backend, each with connections of its own."""
    with ExitStack() as stack:

        def make(backend: Running) -> User:
            return User.registered(stack.enter_context(httpx.Client(base_url=backend.url, timeout=60)))

        yield make


@pytest.fixture
def user(backend: Running, a_user: MakeUser) -> User:
    """A user that nobody else is."""
    return a_user(backend)


@pytest.fixture
def stranger(backend: Running, a_user: MakeUser) -> User:
    """Another one."""
    return a_user(backend)
