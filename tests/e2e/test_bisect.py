"""The search for a slow commit through a real history of the stubs, each commit of it really brought up and driven."""

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.lab_command import Lab
from tests.lab.bisecting.a_history import git

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("sut", "ai_core_stub", "service_kit", "targets", "requirements.lock")
COMMITS, BROKEN, SLOW = 8, 4, 6
ROUTE = "GET /report/{id}"
PLAN = """
name = "short"
seed = 14
rate_per_s = 4
thresholds = [{ expect = "rate(http_req_failed) <= 0%" }]

# a slow, busy machine must not decide this test
[guards]
rate_tolerance = 0.5
dropped_iterations = 0.5
machine_cpu = 1
generator_cpu = 1
telemetry_gap_s = 60
start_delay_s = 30

[journeys]
deadline_s = 60

[[phases]]
name = "warmup"
kind = "warmup"
duration_s = 2

[[phases]]
name = "steady"
kind = "sustain"
duration_s = 5
"""


def edited(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {path.name}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def a_history_of_the_stubs(folder: Path) -> Path:
    """Commits 1 to 8; from the sixth on reports are 300 ms slower, and the fourth does not start."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    shutil.copyfile(ROOT / ".gitignore", folder / ".gitignore")
    main, settings = folder / "sut" / "__main__.py", folder / "sut" / "settings.py"
    starts = main.read_text(encoding="utf-8")
    for number in range(1, COMMITS + 1):
        (folder / "NEWS").write_text(f"change {number}\n", encoding="utf-8")
        main.write_text('raise SystemExit("cannot start")\n' if number == BROKEN else starts, encoding="utf-8")
        if number == SLOW:
            edited(
                settings, 'Field(None, alias="SUT_FAULT_SLOW_ROUTE")', f'Field("{ROUTE}", alias="SUT_FAULT_SLOW_ROUTE")'
            )
            edited(settings, 'Field(0, alias="SUT_FAULT_SLOW_MS"', 'Field(300, alias="SUT_FAULT_SLOW_MS"')
        git(folder, "add", "--all")
        who = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org", "-c", "commit.gpgsign=false")
        git(folder, *who, "commit", "--quiet", "--message", f"change {number}")
        git(folder, "tag", f"v{number}")
    return folder


def test_the_commit_that_made_the_backend_slower_is_named(lab: Lab) -> None:
    repository = a_history_of_the_stubs(lab.folder / "checkout")
    plan = lab.folder / "short.toml"
    plan.write_text(PLAN, encoding="utf-8")
    ended = lab(
        *("bisect", "report_retrieval", "--good", "v1", "--bad", f"v{COMMITS}", "--repo", str(repository)),
        *("--target", f'mean(http_req_duration{{route="{ROUTE}"}}) < 200ms', "--plan", str(plan), "--ports", "auto"),
        timeout_s=800,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first_bad = git(repository, "rev-parse", f"v{SLOW}")
    assert f"first bad commit: {first_bad} change {SLOW}" in ended.stdout
    assert re.search(
        rf"its parent {git(repository, 'rev-parse', f'v{SLOW - 1}')[:10]}: mean\(\S+ /report/\S+ in steady: .+ ms",
        ended.stdout,
    )
    assert f"{git(repository, 'rev-parse', f'v{BROKEN}')[:10]} is skipped: " in ended.stderr
    assert len(re.findall("^step ", ended.stderr, flags=re.MULTILINE)) <= 5
    found = next((lab.folder / "runs").glob("*-bisect-report_retrieval"))
    assert {path.name for path in found.iterdir()} == {"bisect.json", "bisect.log", "runs"}
    assert git(repository, "worktree", "list").count("\n") == 0
    assert git(repository, "status", "--porcelain") == ""
