"""The run directory: made before anything starts, written in one step, found by name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import rundir
from lab.errors import RunDirError
from lab.model import PhaseKind, Window

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def a_run(root: Path, name: str = "mixed-smoke") -> rundir.RunDir:
    run = rundir.create(root, name, now=NOON)
    run.write_record({"run_id": run.run_id, "state": "running"})
    return run


def a_window(phase: str) -> Window:
    return Window(
        phase=phase,
        kind=PhaseKind.SUSTAIN,
        step=0,
        started_at=1.5,
        ended_at=2.5,
        planned_rate_per_s=10,
        achieved_rate_per_s=9.5,
        k6_exit_code=0,
    )


def test_a_run_is_named_by_time_and_what_was_run_and_latest_points_at_it(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    assert run.run_id == "20260102T120000Z-mixed-smoke"
    assert rundir.find(tmp_path, "latest") == run


def test_two_runs_of_one_second_get_two_directories(tmp_path: Path) -> None:
    first, second = a_run(tmp_path), a_run(tmp_path)
    assert first.path != second.path
    assert rundir.all_runs(tmp_path) == (first, second)


def test_a_disk_without_room_is_found_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"1 MB are free and this run may need .*LAB_ARTIFACTS"):
        rundir.require_room(tmp_path, requests=1e6, free_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_room_is_fine(tmp_path: Path) -> None:
    rundir.require_room(tmp_path / "new", requests=1000, free_bytes=10**9)
    assert (tmp_path / "new").is_dir()


def test_a_folder_that_cannot_be_written_is_found_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunDirError, match="cannot be written"):
        rundir.require_room(tmp_path / "file" / "runs", requests=1)
    with pytest.raises(RunDirError, match="cannot be written"):
        rundir.create(tmp_path / "file" / "runs", "x", now=NOON)


def test_windows_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.write_windows([a_window("a"), a_window("b")])
    assert run.windows() == (a_window("a"), a_window("b"))


def test_a_damaged_windows_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.windows_file.write_text("[{")
    with pytest.raises(RunDirError, match=r"windows\.json"):
        run.windows()


def test_a_record_is_replaced_in_one_step_and_keys_are_updated_alone(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.update_record(state="finished")
    assert run.read_record() == {"run_id": run.run_id, "state": "finished"}
    assert list(run.path.glob("*.part")) == []


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_directory_without_a_readable_record_is_no_run(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunDirError):
        rundir.RunDir(tmp_path).read_record()


def test_a_run_is_found_by_the_beginning_of_its_name_when_that_is_enough(tmp_path: Path) -> None:
    run = a_run(tmp_path, "mixed-smoke")
    assert rundir.find(tmp_path, "20260102") == run
    a_run(tmp_path, "mixed-quick")
    with pytest.raises(RunDirError, match="beginning of 2"):
        rundir.find(tmp_path, "20260102")


def test_a_run_of_an_ab_is_found_where_no_other_has_its_name(tmp_path: Path) -> None:
    runs = tmp_path / "20260102T110000Z-ab-mixed" / "runs"
    first, second = a_run(runs, "mixed-ab"), a_run(runs, "mixed-ab")
    assert rundir.find(tmp_path, first.run_id) == first
    assert rundir.find(tmp_path, second.run_id) == second
    with pytest.raises(RunDirError, match="beginning of 2"):
        rundir.find(tmp_path, "20260102T12")
    other = a_run(tmp_path, "mixed-smoke")
    assert rundir.find(tmp_path, "20260102T12") == other


def test_an_unknown_run_is_answered_with_where_runs_are_listed(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="lab runs"):
        rundir.find(tmp_path, "nothing")


def test_a_write_that_fails_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(RunDirError, match="taken"):
        rundir.write_bytes(tmp_path / "taken", b"x")
    assert list(tmp_path.glob("*.part")) == []
