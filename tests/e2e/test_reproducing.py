"""A run goes to another machine in one file, gives the same report there, and is driven again and compared."""

from pathlib import Path

import pytest

from tests.e2e.lab_command import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6"), pytest.mark.timeout(300)]

JUDGED = ("analysis.json", "verdict.json", "summary.md", "playbooks.md", "report.html", "junit.xml", "capacity.json")
SHORT = ("--set", "phases.steady.duration_s=8")


@pytest.fixture(scope="module")
def packed(running_lab: Lab) -> tuple[Path, Path]:
    """A run that was driven here, and its pack."""
    done = running_lab("run", "mixed", "--plan", running_lab.plan, *SHORT, timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    file = running_lab.folder / "run.tar.xz"
    written = running_lab("pack", "--out", str(file))
    assert written.returncode == 0, written.stderr
    return (running_lab.folder / "runs" / "latest").resolve(), file


def test_its_report_is_the_same_to_the_byte_where_it_is_unpacked(packed: tuple[Path, Path], tmp_path: Path) -> None:
    run, file = packed
    there = Lab(tmp_path)
    assert there("unpack", str(file)).returncode == 0
    unpacked = tmp_path / "runs" / run.name
    for name in JUDGED:
        (unpacked / name).unlink()
    assert there("report", run.name).returncode == 0
    assert {name: (unpacked / name).read_bytes() for name in JUDGED} == {
        name: (run / name).read_bytes() for name in JUDGED
    }
    assert run.name in there("runs").stdout


def test_no_place_of_this_machine_and_no_output_of_k6_is_in_it(packed: tuple[Path, Path], tmp_path: Path) -> None:
    run, file = packed
    assert Lab(tmp_path)("unpack", str(file)).returncode == 0
    files = [path for path in (tmp_path / "runs" / run.name).rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.endswith(".json.gz") or path.name == "openmetrics.txt.gz"]
    text = b"".join(path.read_bytes() for path in files if path.suffix not in {".parquet", ".gz"})
    assert str(run.parent.parent).encode() not in text
    assert str(Path.home()).encode() + b"/" not in text


def test_it_is_driven_again_and_compared_with_what_came_in_the_pack(
    packed: tuple[Path, Path], running_lab: Lab, tmp_path: Path
) -> None:
    run, file = packed
    other = Lab(running_lab.folder, extra={"LAB_ARTIFACTS": str(tmp_path / "runs")})  # the same services, other runs
    done = other("run", "--like", str(file), timeout_s=200)
    assert done.returncode in {0, 1}, done.stdout + done.stderr  # 1: this machine was busier meanwhile
    assert f"as {run.name} was driven, on the same" in done.stderr
    assert f"{run.name}  " in done.stdout
    assert len([path for path in (tmp_path / "runs").iterdir() if (path / "run.json").is_file()]) >= 2
