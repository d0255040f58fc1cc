"""A lab for each end-to-end test, or one whose environment is up for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab_command import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own; whatever it started is ended, and must be gone."""
    own = Lab(tmp_path)
    yield own
    own("down", "--force")
    assert own.processes() == []


@pytest.fixture(scope="module")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose environment is up, for the tests of a module."""
    own = Lab(tmp_path_factory.mktemp("lab"))
    up = own("up", "--ports", "auto")
    assert up.returncode == 0, up.stderr
    yield own
    own("down", "--force")
    assert own.processes() == []
