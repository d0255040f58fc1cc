"""The command that pins images, with a registry that is played by a `docker` of the test's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DIGEST = "a" * 64
OTHER = "b" * 64


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is pinned, with the command beside it."""
    for name in ("compose.yaml", "sut/Dockerfile", "ai_core_stub/Dockerfile", "scripts/pin_images.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def pin(checkout: Path, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the command with a `docker` that says this."""

    def run(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "docker").chmod(0o755)
        return subprocess.run(
            [sys.executable, checkout / "scripts/pin_images.py", *arguments],
            env={**os.environ, "PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_every_image_gets_the_digest_of_its_tag_and_keeps_the_tag(
    pin: Callable[..., "subprocess.CompletedProcess[str]"], checkout: Path
) -> None:
    before = (checkout / "compose.yaml").read_text()
    assert pin(f"echo sha256:{DIGEST}").returncode == 0
    compose = (checkout / "compose.yaml").read_text()
    assert compose.count(f"@sha256:{DIGEST}") == 4
    assert compose.replace(f"@sha256:{DIGEST}", "") == before
    for name in ("sut", "ai_core_stub"):
        text = (checkout / name / "Dockerfile").read_text()
        assert f"ARG PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:{DIGEST}\n" in text


def test_a_newer_digest_takes_the_place_of_the_old_one(
    pin: Callable[..., "subprocess.CompletedProcess[str]"], checkout: Path
) -> None:
    pin(f"echo sha256:{DIGEST}")
    assert pin(f"echo sha256:{DIGEST}", "--check").returncode == 0
    stale = pin(f"echo sha256:{OTHER}", "--check")
    assert (stale.returncode, "is not up to date: compose.yaml" in stale.stdout) == (1, True)
    assert DIGEST in (checkout / "compose.yaml").read_text()
    assert pin(f"echo sha256:{OTHER}").returncode == 0
    assert DIGEST not in (checkout / "compose.yaml").read_text()


@pytest.mark.parametrize("script", ["echo 'dial tcp: no such host' >&2; exit 1", "echo strange", "exit 0"])
def test_without_a_registry_nothing_is_changed_and_it_says_so(
    script: str, pin: Callable[..., "subprocess.CompletedProcess[str]"], checkout: Path
) -> None:
    before = (checkout / "compose.yaml").read_text()
    failed = pin(script)
    assert failed.returncode == 1
    assert "nothing was changed; run it where a registry is reached" in failed.stderr
    assert (checkout / "compose.yaml").read_text() == before
