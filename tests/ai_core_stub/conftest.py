"""ai_core as a real process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.service_kit.running_service import Running, running_service

StartAiCore = Callable[..., Running]


@pytest.fixture(scope="module")
def ai_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One with its defaults, for the tests of a module."""
    with running_service("ai_core_stub", tmp_path_factory.mktemp("ai_core"), {}) as service:
        yield service


@pytest.fixture
def start_ai_core(tmp_path: Path) -> Iterator[StartAiCore]:
    """Starts one with settings of the test."""
    with ExitStack() as stack:

        def start(**env: str) -> Running:
            return stack.enter_context(running_service("ai_core_stub", tmp_path, env))

        yield start
