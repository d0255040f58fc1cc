"""How figures went over many runs, and where they changed."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.shared import console, its_settings, say
from lab.errors import ConfigError, ExitCode

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.model import History, RunGroup

_SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@click.command()
@click.option("--scenario", default="", help="Only runs of this scenario.")
@click.option("--plan", default="", help="Only runs of the plan of this name.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Only this figure, such as p95 or error_rate; may repeat.",
)
@click.option("--since", metavar="DATE|AGE", help="Only runs from then on: 2026-01-31 (UTC), or 12h, 30d, 8w.")
@click.option(
    "--within", type=click.IntRange(min=3), default=10, show_default=True, help="A change so many runs ago is new."
)
@click.option(
    "--alpha",
    type=click.FloatRange(min=0, max=0.1, min_open=True),
    default=0.001,
    show_default=True,
    help="The share of figures without a change in which one is found.",
)
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts.")
@click.option("--markdown", "markdown_file", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown.")
@click.option("--json", "json_file", metavar="FILE", help="Write JSON; `-` prints it, and nothing else.")
@click.option(
    "--fail-on-regression", is_flag=True, help="End with 1 where the latest change of a figure is new and bad."
)
def history(
    *,
    scenario: str,
    plan: str,
    metrics: tuple[str, ...],
    since: str | None,
    within: int,
    alpha: float,
    html_file: Path | None,
    markdown_file: Path | None,
    json_file: str | None,
    fail_on_regression: bool,
) -> None:
    """Show how figures went over all runs, and where their level changed: since which run and commit, and by how much.

    Runs are compared with those of the same scenario, plan, target, engine and machine. Runs that are invalid,
    interrupted or were profiled meanwhile are left out. A figure needs six runs, and three of them after a change.
    """
    from lab import history as histories

    root = its_settings().artifacts
    wanted = histories.Wanted(
        scenario=scenario,
        plan=plan,
        metrics=metrics,
        since=None if since is None else _since(since),
        within=within,
        alpha=alpha,
    )
    found = histories.history(root, wanted)
    histories.write(root, found, html=html_file, markdown=markdown_file, json=_path(json_file))
    if json_file == "-":
        click.echo(histories.as_json(found).decode(), nl=False)
    else:
        _show(found, is_whole=bool(metrics))
        for path in (html_file, markdown_file, _path(json_file)):
            if path is not None:
                say(f"wrote {path}")
    if fail_on_regression and found.new_regressions:
        sys.exit(ExitCode.FAILED)


def _path(json_file: str | None) -> Path | None:
    return None if json_file in (None, "-") else Path(str(json_file))


def _since(text: str) -> float:
    """Give a date or an age as UTC epoch seconds."""
    import time
    from datetime import UTC, datetime

    age = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([hdw])\s*", text)
    if age is not None:
        return time.time() - float(age[1]) * _SECONDS[age[2]]
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"--since {text!r}: write a date such as 2026-01-31, or an age such as 12h, 30d or 8w"
        ) from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _show(found: "History", *, is_whole: bool) -> None:
    from rich.text import Text

    from lab.report import history as report

    out = console()
    style = "bold red" if found.new_regressions else "bold"
    out.print(Text(report.headline(found), style=style))
    for reason in report.left_out(found):
        out.print(Text(f"  {reason}"))
    for group in found.groups:
        _show_group(group, is_whole=is_whole)


def _sparkline_width(columns: int) -> int:
    """Give how many runs a sparkline shows on a terminal: what the other columns leave."""
    return min(max(columns - 84, 10), 60)


def _show_group(group: "RunGroup", *, is_whole: bool) -> None:
    from rich.text import Text

    from lab.report import history as report
    from lab.report import text

    out = console()
    out.print(Text(f"\n{report.title(group)}", style="bold"))
    out.print(Text(f"  {report.told(group)}", style="dim"))
    for section in report.changes_by_run(group):
        out.print(text.titled(section))
    tracks = group.tracks if is_whole else report.brief_tracks(group)
    if tracks:
        out.print(text.titled(report.track_section(tracks, _sparkline_width(out.width))))
    more = len(group.tracks) - len(tracks)
    if more:
        out.print(
            Text(f"  {more} more figures of scenarios did not change: --metric, --html or --markdown", style="dim")
        )
