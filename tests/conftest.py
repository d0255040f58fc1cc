"""What every test may use: `needs(tool)` and `needs_engine(image, ...)`, which skip with their reason.

In CI they fail when the tool, the Docker engine or an image is missing.
"""

import functools
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from lab import containers
from lab.errors import LabError

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

    for marker in item.iter_markers("needs_engine"):
        why = _why_no_engine(marker.args)
        if why:
            _missing(why)


@functools.cache
def _why_no_engine(images: tuple[str, ...]) -> str:
    """Why containers cannot be tested here: no engine, or an image that is not here."""
    try:
        with containers.connected(timeout_s=10) as client:
            containers.facts(client)
            absent = [image for image in images if not containers.has_image(client, image)]
    except LabError as error:
        return str(error)
    return f"the Docker engine has no {', '.join(absent)}; pull it" if absent else ""


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (in CI a missing tool is a failure)", pytrace=False)
    pytest.skip(reason)
