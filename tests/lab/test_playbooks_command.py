"""`lab playbooks`: what a run has is printed as it is."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from lab import rundir

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def lab_playbooks(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    own = {"LAB_ARTIFACTS": str(folder / "runs"), "LAB_HOME": str(folder / "home")}
    argv = [sys.executable, "-m", "lab", "playbooks", *arguments]
    return subprocess.run(argv, env=os.environ | own, capture_output=True, text=True, check=False)


def test_the_page_of_a_run_is_printed_byte_by_byte(tmp_path: Path) -> None:
    run = rundir.create(tmp_path / "runs", "mixed-smoke", now=NOON)
    run.write_record({"run_id": run.run_id, "state": "finished"})
    run.playbooks.write_text("# Playbooks\n\n- [bold]not markup[/bold] – `lab up`\n", encoding="utf-8")
    for name in ("latest", run.run_id, str(run.path)):
        done = lab_playbooks(tmp_path, name)
        assert (done.returncode, done.stdout) == (0, run.playbooks.read_text(encoding="utf-8"))


def test_a_run_that_is_not_there_is_bad_usage_and_says_what_to_do(tmp_path: Path) -> None:
    done = lab_playbooks(tmp_path, "nothing")
    assert done.returncode == 2
    assert "lab runs" in done.stderr
