"""Documents are in step with what they describe."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import cli
from lab.model import DoubtKind

ROOT = Path(__file__).resolve().parents[1]


def written_page() -> str:
    """Render in a process of its own: commands remember by which names their help was first asked for."""
    render = "import runpy; print(runpy.run_path('scripts/write_cli_docs.py')['render'](), end='')"
    command = [sys.executable, "-c", render]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_command_line_page_is_what_make_docs_would_write() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == written_page()


def test_every_command_is_in_the_page_and_has_help() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name, command in cli.commands.items():
        assert f"## lab {name}\n" in page
        assert command.help


def test_every_kind_of_doubt_is_in_the_table_and_the_lab_has_a_reason_for_it() -> None:
    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| .+ \| .+ \| .+ \|$", page, flags=re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"`([a-z_]+)`", row)} == set(DoubtKind)
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lab").rglob("*.py"))
    assert [kind for kind in DoubtKind if f"DoubtKind.{kind.name}," not in code] == []


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_lock_names_every_dependency_and_no_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.findall(r'^  "([a-z0-9-]+)[=>]', project, flags=re.MULTILINE)
    assert len(wanted) > 20
    assert [name for name in wanted if not re.search(rf"^{name}==", lock, flags=re.MULTILINE)] == []
    assert "://" not in lock


def test_every_metric_of_a_collector_is_in_the_page_about_telemetry() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lab" / "collectors").glob("*.py"))
    named = set(re.findall(r'"((?:host|process|mongodb|lab|scrape)_[a-z_]+)"', code))
    assert len(named) > 50
    assert [name for name in sorted(named) if f"`{name}`" not in page and f"`{name}{{" not in page] == []
