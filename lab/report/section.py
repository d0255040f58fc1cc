"""A table of a report, before anyone decides how it looks."""

from dataclasses import dataclass

from lab.model import Outcome

INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table with a title. Columns whose name begins with `>` hold numbers, and are set to the right.

    `marks` gives the outcome that a row stands for, where rows have one. `headings` are the rows that stand above
    others, whose first cell is set off by `INDENT`. `note` follows the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[Outcome, ...] = ()
    headings: frozenset[int] = frozenset()
    note: str = ""
