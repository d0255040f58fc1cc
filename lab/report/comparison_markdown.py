"""A comparison as Markdown: what a comment of a pull request shows, and the summary of a step of CI."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lab.model import Comparison, Judgement, ProfileComparison
from lab.report.comparison import by_gravity, facts, headline, legend, profile_sections, reasons, table
from lab.report.figures import printable
from lab.report.markdown import plain, section_lines
from lab.report.section import Section

MARKER = "<!-- lab compare -->"
"""The first line, by which a later comparison finds the comment of an earlier one."""

MOST_CHARACTERS = 65_000
"""What a comment on GitHub holds is 65 536 characters."""

_SIGNS = {Judgement.REGRESSED: "❌", Judgement.IMPROVED: "✅", Judgement.UNCHANGED: "✅", Judgement.CANNOT_TELL: "❔"}
_LIMITS = (1_000_000, 500, 200, 100, 50, 20, 10, 5)
"""How many rows of a table, lines and runs are shown: the first of these with which everything fits."""

_MOST_OF_A_CELL = 300


def render(found: Comparison, profiles: ProfileComparison | None = None) -> str:
    """Give the comment: the judgement, the headlines, and folded what else there is, in at most 65 000 characters."""
    for limit in _LIMITS:
        text = "\n".join(_lines(found, profiles, limit)) + "\n"
        if len(text) <= MOST_CHARACTERS:
            return text
    raise AssertionError("5 rows of cells of 300 characters fit in any case")


def _lines(found: Comparison, profiles: ProfileComparison | None, limit: int) -> Iterator[str]:
    yield from (MARKER, f"## {_SIGNS[found.judgement]} {_text(headline(found))}", "")
    if found.differs:
        yield from ("> **Forced, though these differ:**", ">")
        yield from (f"> - {each}" for each in _some(found.differs, limit))
        yield ""
    yield from (f"- {_text(reason)}" for reason in reasons(found))
    if found.headlines:
        yield from _table(table("Headline figures", found.headlines, found), limit)
    others = by_gravity(each for each in found.figures if not each.is_headline)
    if others:
        yield from _folded(f"All other figures ({len(others)})", _table(table("", others, found), limit))
    for section in profile_sections(profiles):
        yield from _folded(_text(section.title), _table(section, limit))
    yield from _folded("What was compared", _facts(found, limit))
    if found.notes:
        yield from _folded("Notes", ("", *(f"- {each}" for each in _some(found.notes, limit))))


def _table(section: Section, limit: int) -> Iterator[str]:
    """Give a section without its title, its rows only as far as the limit goes."""
    left = len(section.rows) - limit
    cut = replace(
        section,
        columns=tuple(_short(name) for name in section.columns),
        rows=tuple((_signed(row[0]), *(_short(cell) for cell in row[1:])) for row in section.rows[:limit]),
    )
    yield from ("", *list(section_lines(cut))[3:])
    if left > 0:
        yield from ("", f"{left} more are left out here; `--json` and `--html` have them all.")


def _signed(cell: str) -> str:
    """Give the first cell of a row: a judgement has its sign before it."""
    return f"{_SIGNS[Judgement(cell)]} {cell}" if cell in tuple(Judgement) else _short(cell)


def _folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{summary}</summary>", *lines, "", "</details>")


def _facts(found: Comparison, limit: int) -> Iterator[str]:
    told = tuple((name, text) for name, text in facts(found, most_runs=limit))
    yield from _table(Section(title="", columns=("", ""), rows=told, note=legend(found)), limit)


def _some(texts: tuple[str, ...], limit: int) -> Iterator[str]:
    yield from (_text(each) for each in texts[:limit])
    if len(texts) > limit:
        yield f"and {len(texts) - limit} more"


def _text(text: str) -> str:
    return plain(_short(text))


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MOST_OF_A_CELL else f"{shown[: _MOST_OF_A_CELL - 1]}…"
