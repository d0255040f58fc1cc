"""`lab pack` and `lab unpack`, as they are typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.recorded_run import a_recorded_run

ROOT = Path(__file__).resolve().parents[3]


def lab(artifacts: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    own = {"LAB_ARTIFACTS": str(artifacts), "LAB_HOME": str(artifacts / "home"), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=cwd,
        env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def test_a_run_is_packed_where_one_is_and_unpacked_elsewhere_and_is_a_run_there(tmp_path: Path, folder: Path) -> None:
    run = a_recorded_run(tmp_path / "runs")
    packed = lab(tmp_path / "runs", "pack", cwd=folder)
    assert packed.returncode == 0, packed.stderr
    file = folder / f"{run.run_id}.tar.xz"
    assert f"{file.name}: 0." in packed.stdout
    assert "left out: load/mixed.json.gz, openmetrics.txt.gz (--with-raw takes most of it)" in packed.stderr
    unpacked = lab(tmp_path / "others", "unpack", str(file))
    assert unpacked.returncode == 0, unpacked.stderr
    assert unpacked.stdout.strip() == str(tmp_path / "others" / run.run_id)
    assert run.run_id in lab(tmp_path / "others", "runs").stdout
    again = lab(tmp_path / "others", "unpack", str(file))
    assert again.returncode == 0
    assert "was there already" in again.stderr


def test_an_interrupted_run_says_so_on_both_sides(tmp_path: Path, folder: Path) -> None:
    run = a_recorded_run(tmp_path / "runs", state="interrupted")
    packed = lab(tmp_path / "runs", "pack", run.run_id, "--out", str(folder / "x.tar.xz"))
    assert f"run {run.run_id} was interrupted: it can be used as far as it goes" in packed.stderr
    unpacked = lab(tmp_path / "runs", "unpack", str(folder / "x.tar.xz"), "--into", str(folder / "into"))
    assert unpacked.returncode == 0
    assert "was interrupted" in unpacked.stderr
    assert (folder / "into" / run.run_id / "run.json").is_file()


def test_bad_input_ends_with_2_and_says_what_is_wrong(tmp_path: Path, folder: Path) -> None:
    (folder / "x.tar.xz").write_bytes(b"no pack")
    refused = lab(tmp_path / "runs", "unpack", str(folder / "x.tar.xz"))
    assert refused.returncode == 2
    assert "is no pack" in refused.stderr
    missing = lab(tmp_path / "runs", "pack", "none")
    assert missing.returncode == 2
    assert "there is no run 'none'" in missing.stderr
