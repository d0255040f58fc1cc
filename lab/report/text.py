"""A report for the terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.model import Doubt, Outcome, Report
from lab.report.figures import place, printable
from lab.report.section import Section
from lab.report.sections import facts, headline, reasons, sections

STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.INVALID: "yellow"}


def render(report: Report) -> RenderableType:
    """Give the report, the verdict first."""
    return Group(*_blocks(report))


def verdict_line(report: Report) -> Text:
    """Give the verdict in one sentence, in its color."""
    return Text(headline(report), style=f"bold {STYLES[report.verdict.outcome]}")


def _blocks(report: Report) -> Iterator[RenderableType]:
    yield verdict_line(report)
    for reason in reasons(report):
        yield Padding(Text(printable(reason), style=STYLES[report.verdict.outcome]), (0, 0, 0, 2))
    yield Text()
    yield _facts(report)
    for section in sections(report, brief=True):
        yield Text()
        yield titled(section)
    if report.verdict.doubts:
        yield Text()
        yield Text("Doubts", style="bold")
        yield from map(_doubt, report.verdict.doubts)


def _facts(report: Report) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in facts(report):
        table.add_row(name, Text(text))
    return table


def titled(section: Section) -> Group:
    """Give a section whole: its title, its rows where it has some, its note."""
    note = Padding(Text(section.note, style="dim"), (0, 0, 0, 2)) if section.note else None
    parts = (Text(section.title, style="bold"), table(section) if section.rows else None, note)
    return Group(*(part for part in parts if part is not None))


def table(section: Section) -> Padding:
    """Give the rows of a section."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in section.columns:
        name = column.removeprefix(">")
        if column == name:
            table.add_column(name, overflow="fold")
        else:  # a number is never broken, nor is a word above it
            table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    for index, row in enumerate(section.rows):
        style = "bold" if index in section.headings else ""
        mark = STYLES[section.marks[index]] if section.marks else ""
        table.add_row(*(Text(cell, style=mark if place == 0 else style) for place, cell in enumerate(row)))
    return Padding(table, (0, 0, 0, 2))


def _doubt(doubt: Doubt) -> RenderableType:
    where = place(doubt.phase, doubt.started_at, doubt.ended_at)
    what = Text(f"{doubt.what}{where}", style="yellow" if doubt.invalidates else "")
    rest = Text(f"{printable(doubt.why)}\n→ {doubt.remedy}", style="dim")
    return Group(Padding(what, (0, 0, 0, 2)), Padding(rest, (0, 0, 0, 4)))
