"""What every test may use: `needs(tool)`, which skips with its reason, and fails in CI when the tool is missing."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

_BESIDE_PYTHON = str(Path(sys.executable).parent)


def pytest_configure() -> None:
    """Take Ctrl-C back where a job in the background was started without it: children would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if not shutil.which(tool, path=os.pathsep.join((os.environ.get("PATH", ""), _BESIDE_PYTHON))):
                _missing(f"{tool} is not installed; `lab doctor` says how to get it")


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (in CI a missing tool is a failure)", pytrace=False)
    pytest.skip(reason)
