"""A report as Markdown: `summary.md`, and what a pull request shows."""

from collections.abc import Iterator

from lab.model import Doubt, Report
from lab.report.figures import place
from lab.report.section import INDENT, Section
from lab.report.sections import facts, headline, reasons, sections

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", **{sign: rf"\{sign}" for sign in "*_`[]"}})


def render(report: Report) -> str:
    """Give the whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {headline(report)}"
    yield ""
    for reason in reasons(report):
        yield f"- {plain(reason)}"
    if reasons(report):
        yield ""
    yield "| | |"
    yield "|---|---|"
    for name, text in facts(report):
        yield f"| {name} | {_cell(text)} |"
    for section in sections(report):
        yield from section_lines(section)
    if report.verdict.doubts:
        yield from ("", "## Doubts", "")
        for doubt in report.verdict.doubts:
            yield from _doubt(doubt)


def section_lines(section: Section) -> Iterator[str]:
    """Give a section, a blank line before it."""
    yield from ("", f"## {section.title}", "")
    yield "| " + " | ".join(name.removeprefix(">") for name in section.columns) + " |"
    yield "|" + "|".join("---:" if name.startswith(">") else "---" for name in section.columns) + "|"
    for index, row in enumerate(section.rows):
        yield "| " + " | ".join(_row(row, is_heading=index in section.headings)) + " |"
    for line in section.note.splitlines():
        yield from ("", plain(line))


def _row(row: tuple[str, ...], *, is_heading: bool) -> Iterator[str]:
    for cell in row:
        if is_heading and cell:
            yield f"**{_cell(cell)}**"
        else:
            yield _cell(cell.replace(INDENT, "\u2003", 1) if cell.startswith(INDENT) else cell)


def _doubt(doubt: Doubt) -> Iterator[str]:
    where = place(doubt.phase, doubt.started_at, doubt.ended_at)
    forbids = " (forbids a verdict)" if doubt.invalidates else ""
    yield f"- **{plain(doubt.what)}{where}**{forbids}: {plain(doubt.why)} → {plain(doubt.remedy)}"


def _cell(text: str) -> str:
    return plain(text).replace("|", r"\|")


def plain(text: str) -> str:
    """Keep text of others from becoming HTML, emphasis or a new line."""
    return "<br>".join(text.translate(_ESCAPES).splitlines())
