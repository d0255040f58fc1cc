"""An A/B of real services, one side much slower: killed on its way, cleared away, gone on with, and judged."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from lab.assets import CHECKOUT
from tests.e2e.lab_command import PLAN, Lab, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6"), pytest.mark.timeout(900)]

SLOW = ("SUT_FAULT_SLOW_ROUTE=POST /datasets", "SUT_FAULT_SLOW_MS=200")


def worktrees(lab: Lab) -> list[str]:
    """The worktrees of this checkout that git knows of, and that are below this lab's home."""
    command = ["git", "-C", str(CHECKOUT), "worktree", "list", "--porcelain"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if line.startswith(f"worktree {lab.folder.resolve()}")]


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="commits are compared, and this is no git checkout")
def test_a_slower_candidate_is_found_also_when_the_a_b_was_killed_on_its_way(lab: Lab) -> None:
    plan = lab.folder / "short.toml"
    text = PLAN.replace("duration_s = 12", "duration_s = 7").replace("rate_per_s = 8", "rate_per_s = 12")
    plan.write_text(text, encoding="utf-8")
    asked = ["ab", "upload_analyze", "--base", "HEAD", "--candidate", "HEAD", "--pairs", "4", "--plan", str(plan)]
    asked += [part for setting in SLOW for part in ("--candidate-set", f"services.backend.env.{setting}")]
    killed = lab.start(*asked, "--ports", "auto", "--route", "POST /datasets")
    wait_for(killed, "pair 1 of 4, candidate")
    wait_for(killed, "backend: ready")
    assert len(worktrees(lab)) == 2
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    assert "removed 2 worktrees" in lab("down", "--force").stderr
    assert worktrees(lab) == []
    folder = next((lab.folder / "runs").glob("*-ab-upload_analyze"))
    half = json.loads((folder / "ab.json").read_text(encoding="utf-8"))["half"]
    assert list(half) == ["base"]

    done = lab("ab", "--resume", folder.name, timeout_s=800)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "REGRESSED" in done.stdout
    ab = json.loads((folder / "ab.json").read_text(encoding="utf-8"))
    assert ab["pairs"][0][0] == half["base"]
    assert len(ab["pairs"]) == 4
    assert ab["is_over"]
    assert worktrees(lab) == []
    _has_what_it_promises(folder, ab["pairs"])

    assert lab("report", str(folder / "runs" / ab["pairs"][0][0])).returncode == 0
    again = lab("ab", "--resume", folder.name)
    assert again.returncode == 2
    assert "has its answer" in again.stderr


def _has_what_it_promises(folder: Path, pairs: list[list[str]]) -> None:
    assert {path.name for path in folder.glob("comparison.*")} == {
        f"comparison.{of}" for of in ("json", "md", "xml", "html")
    }
    records = [[json.loads((folder / "runs" / run / "run.json").read_text("utf-8")) for run in pair] for pair in pairs]
    assert [[run["side"]["name"] for run in pair] for pair in records] == [["base", "candidate"]] * 4
    assert [[run["seed"] for run in pair] for pair in records] == [[14, 14], [15, 15], [16, 16], [17, 17]]
    assert all(run["environment"]["overrides"] == [] for run, _ in records)
    assert all(run["environment"]["overrides"] == [f"services.backend.env.{s}" for s in SLOW] for _, run in records)
    commits = {run["side"]["commit"] for pair in records for run in pair}
    assert len(commits) == 1
