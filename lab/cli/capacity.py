"""What a run says about capacity: the plan, what would come of changes, and how well another run was predicted."""

import sys
from typing import TYPE_CHECKING

import click

from lab.cli.shared import console, its_settings
from lab.errors import ExitCode
from lab.model import HEADROOM

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from collections.abc import Iterable

    from lab.model import Agreement, Capacity
    from lab.report.capacity import Statement
    from lab.report.section import Section


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--rate",
    "rates",
    type=click.FloatRange(min=0, min_open=True, max=1e6),
    multiple=True,
    help="Plan for this many requests per second; may be repeated.  [default: 50, 200, 500]",
)
@click.option(
    "--headroom",
    type=click.FloatRange(min=0, max=0.9),
    default=HEADROOM,
    show_default=True,
    help="The share of every resource that is to stay free.",
)
@click.option(
    "--what-if",
    "what_ifs",
    multiple=True,
    metavar="NAME=VALUE",
    help="What would come of a change, such as ai_core.explain=0.5; may be repeated.",
)
@click.option("--against", metavar="OTHER", help="Hold what RUN predicts, after any --what-if, against another run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def capacity(
    *,
    run: str,
    rates: tuple[float, ...],
    headroom: float,
    what_ifs: tuple[str, ...],
    against: str | None,
    as_json: bool,
) -> None:
    """Plan capacity from RUN, an id, its beginning, a path or `latest`; it must have a ramp or a stress phase.

    Says which resource fills up first and where, what given rates need, what changes would bring, and how large the
    errors of such predictions were at steps that the fit had not seen. The plan in the run directory is that of no
    options; with some, it is only shown.
    """
    from lab import capacity as planning
    from lab import rundir
    from lab.analysis.capacity import RATES, Asked

    root = its_settings().artifacts
    found = rundir.find(root, run)
    if against is not None:
        if rates or headroom != HEADROOM:
            raise click.UsageError("--rate and --headroom have no meaning with --against: the other run has its own")
        _show_agreement(planning.against(found, rundir.find(root, against), what_ifs), as_json=as_json)
        return
    asked = Asked(rates_per_s=rates or RATES, headroom=headroom, what_ifs=what_ifs)
    planned = planning.plan(found, asked)
    if asked == Asked():
        planning.keep(found, planned)
    _show_plan(planned, as_json=as_json)


def _show_plan(planned: "Capacity", *, as_json: bool) -> None:
    """Print a plan; end with 4 where the run carries none."""
    from lab.report import capacity as report
    from lab.report import capacity_tables, encode

    if as_json:
        _print_json(encode.capacity(planned))
    else:
        _print(report.headline(planned), report.statements(planned), capacity_tables.brief_sections(planned))
    if planned.missing:
        sys.exit(ExitCode.INVALID)


def _show_agreement(found: "Agreement", *, as_json: bool) -> None:
    from lab.report import capacity as report
    from lab.report import capacity_tables, encode

    if as_json:
        _print_json(encode.agreement(found))
        return
    title = f"{found.run_id} predicts {found.other_id}"
    _print(title, report.agreement_statements(found), capacity_tables.agreement_sections(found))


def _print(title: str, statements: "Iterable[Statement]", sections: "Iterable[Section]") -> None:
    from rich.text import Text

    from lab.report import text

    out = console()
    out.print(Text(title, style="bold"))
    for statement in statements:
        out.print(Text(f"  {statement.text}"))
    for section in sections:
        out.print(Text(f"\n{section.title}", style="bold"))
        out.print(text.table(section))


def _print_json(content: object) -> None:
    import orjson

    click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
