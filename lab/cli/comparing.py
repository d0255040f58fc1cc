"""Two sides held against one another: how every command that compares shows it, writes it, and ends."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lab.cli import ci_files
from lab.cli.shared import console
from lab.errors import ExitCode
from lab.model import Judgement

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.model import Comparison, ProfileComparison

_EXIT_CODES = {
    Judgement.REGRESSED: ExitCode.FAILED,
    Judgement.IMPROVED: ExitCode.PASSED,
    Judgement.UNCHANGED: ExitCode.PASSED,
    Judgement.CANNOT_TELL: ExitCode.INVALID,
}

_Command = TypeVar("_Command", bound=Callable[..., Any])


def share(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """Give the ratio that an option says, typed as `5%` or `0.05`; it is above 0 and below 10 (1000 %)."""
    if text is None:
        return None
    number = text.strip().removesuffix("%")
    try:
        ratio = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no share; write 5% or 0.05") from None
    if not (math.isfinite(ratio) and 0 < ratio < 10):
        raise click.BadParameter(f"{text!r} is not between 0 % and 1000 %; write 5% or 0.05")
    return ratio


def _writable(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse, before anything is measured, a file in a folder that is not there."""
    if path is not None and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder {path.absolute().parent} is not there; make it first")
    return path


def _file(option: str, told: str) -> Callable[[_Command], _Command]:
    kind = click.Path(path_type=Path, dir_okay=False, writable=True)
    return click.option(option, type=kind, metavar="FILE", callback=_writable, help=told)


_FILES = (
    _file("--markdown", "Write it as Markdown, for a comment of a pull request."),
    _file("--json", "Write every figure as JSON."),
    _file("--junit", "Write it as JUnit XML: what regressed is a failure, a headline that cannot be told an error."),
    _file("--html", "Write it as a page with a forest plot, which needs no other file."),
)

_JUDGING = (
    click.option(
        "--route",
        default="",
        metavar="ROUTE",
        help='Judge this route alone, against the other routes of its run, such as "GET /dashboard".',
    ),
    click.option("--effect", callback=share, metavar="SHARE", help="The smallest change that matters, such as 5%."),
    click.option(
        "--find",
        "look_for",
        callback=share,
        default="10%",
        show_default=True,
        metavar="SHARE",
        help="The change that is looked for: says how many pairs of runs would find it.",
    ),
)


def output_options(command: _Command) -> _Command:
    """Give a command `--markdown`, `--json`, `--junit` and `--html`: paths, or None, for `write_comparison`."""
    return _with(command, _FILES)


def judging_options(command: _Command) -> _Command:
    """Give a command `--route` (`route`, ""), `--effect` (`effect`, None) and `--find` (`look_for`, a ratio)."""
    return _with(command, _JUDGING)


def _with(command: _Command, options: Sequence[Callable[[_Command], _Command]]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def exit_code(comparison: "Comparison") -> ExitCode:
    """Give what a command ends with: 0 unchanged or improved, 1 regressed, 4 cannot tell."""
    return _EXIT_CODES[comparison.judgement]


def show_comparison(
    comparison: "Comparison", profiles: "ProfileComparison | None" = None, *, whole: bool = False
) -> None:
    """Print a comparison, and add it to the summary of the step where CI has one; `whole` prints every figure."""
    from lab.report import comparison_markdown, comparison_text

    out = console()
    out.print(comparison_text.render(comparison, profiles, whole=whole))
    out.print(comparison_text.judgement_line(comparison))  # again, where the eye is after a long table
    if ci_files.wants_summary():
        ci_files.add_summary(comparison_markdown.render(comparison, profiles))


def write_comparison(
    comparison: "Comparison",
    *,
    markdown: Path | None = None,
    json: Path | None = None,
    junit: Path | None = None,
    html: Path | None = None,
    profiles: "ProfileComparison | None" = None,
) -> None:
    """Write the files that are asked for, each whole or not at all. Raises RunDirError where one cannot be written."""
    from lab import rundir
    from lab.report import comparison_junit, comparison_markdown, encode

    if markdown:
        rundir.write_bytes(markdown, comparison_markdown.render(comparison, profiles).encode())
    if json:
        rundir.write_json(json, encode.comparison(comparison, profiles))
    if junit:
        rundir.write_bytes(junit, comparison_junit.render(comparison).encode())
    if html:
        from lab.report.html import comparison as page

        rundir.write_bytes(html, page.render(comparison, profiles).encode())
