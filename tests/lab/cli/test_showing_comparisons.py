"""How commands that compare show it: on the terminal, in files, to CI, and by their exit code."""

from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner

from lab.cli import ci_files, cli, driving
from lab.cli.comparing import exit_code, judging_options, output_options, show_comparison, write_comparison
from lab.errors import RunDirError
from tests.lab.report.a_comparison import COMPARISONS
from tests.lab.report.test_reports import failed

CODES = {"regressed": 1, "improved": 0, "unchanged": 0, "cannot-tell": 4, "forced": 1, "one-cell": 4, "nothing": 4}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_the_exit_code_is_the_judgement(name: str, code: int) -> None:
    assert exit_code(COMPARISONS[name]()) == code


def test_every_file_that_is_asked_for_is_written(tmp_path: Path) -> None:
    found = COMPARISONS["regressed"]()
    files = {name: tmp_path / name for name in ("markdown", "json", "junit", "html")}
    write_comparison(found, **files)
    assert files["markdown"].read_text(encoding="utf-8").startswith("<!-- lab compare -->\n## ❌ REGRESSED")
    assert orjson.loads(files["json"].read_bytes())["counts"]["regressed"] == 2
    assert 'failures="2"' in files["junit"].read_text(encoding="utf-8")
    assert "Content-Security-Policy" in files["html"].read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == set(files)


def test_a_file_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="cannot write"):
        write_comparison(COMPARISONS["regressed"](), json=tmp_path / "gone" / "it.json")


def test_a_step_of_ci_has_the_comparison_in_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    show_comparison(COMPARISONS["improved"]())
    assert summary.read_text(encoding="utf-8").startswith("before\n<!-- lab compare -->\n## ✅ IMPROVED")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == shown[-1] == "IMPROVED: 1 of 2 figures got better, none is seen worse"


def test_a_summary_that_cannot_be_written_is_said_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ci_files.wants_summary({"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert not ci_files.wants_summary({"GITHUB_STEP_SUMMARY": ""})
    ci_files.add_summary("# it", {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    ci_files.add_summary("# it", {"GITHUB_STEP_SUMMARY": ""})
    ci_files.add_summary("# it", {})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "the summary of the step could not be written" in said[0]


def test_a_run_adds_its_report_to_the_summary_and_ends_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = failed(tmp_path)
    summary = tmp_path / "summary.md"
    monkeypatch.setattr(driving, "_drive", lambda *_: (report, None))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert CliRunner().invoke(cli, ["run", "mixed"]).exit_code == 1
    assert summary.read_text(encoding="utf-8").startswith("# FAILED: 1 of 2 findings")


@click.command()
@judging_options
@output_options
def asked(**options: Any) -> None:
    click.echo(orjson.dumps(options, default=str))


def test_options_are_read_as_ratios_and_paths(tmp_path: Path) -> None:
    given = CliRunner().invoke(asked, ["--effect", "7.5%", "--find", "0.2", "--json", str(tmp_path / "it.json")])
    files = {"markdown": None, "json": str(tmp_path / "it.json"), "junit": None, "html": None}
    assert orjson.loads(given.output) == {"route": "", "effect": 0.075, "look_for": 0.2, **files}
    assert orjson.loads(CliRunner().invoke(asked, []).output)["look_for"] == 0.1


@pytest.mark.parametrize("text", ["0", "-5%", "nan", "inf%", "fast", "1000%", ""])
def test_what_is_no_share_is_a_usage_error(text: str) -> None:
    ended = CliRunner().invoke(asked, ["--effect", text])
    assert ended.exit_code == 2
    assert "write 5% or 0.05" in ended.output


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    ended = CliRunner().invoke(asked, ["--html", str(tmp_path / "gone" / "it.html")])
    assert ended.exit_code == 2
    assert "is not there; make it first" in ended.output
