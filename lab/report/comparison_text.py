"""A comparison for the terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.model import Comparison, ProfileComparison
from lab.report.comparison import OUTCOMES, facts, headline, profile_sections, reasons, sections
from lab.report.figures import printable
from lab.report.text import STYLES, titled


def render(found: Comparison, profiles: ProfileComparison | None = None, *, whole: bool = False) -> RenderableType:
    """Give the comparison, the judgement first; `whole` also has the figures that have not changed."""
    return Group(*_blocks(found, profiles, whole=whole))


def judgement_line(found: Comparison) -> Text:
    """Give the judgement in one sentence, in its color."""
    return Text(printable(headline(found)), style=f"bold {_style(found)}")


def _style(found: Comparison) -> str:
    return STYLES[OUTCOMES[found.judgement]]


def _blocks(found: Comparison, profiles: ProfileComparison | None, *, whole: bool) -> Iterator[RenderableType]:
    yield judgement_line(found)
    yield from _lines(reasons(found), _style(found))
    yield Text()
    yield _facts(found)
    if found.differs:
        yield from (Text(), Text("Forced, though these differ", style="bold yellow"))
        yield from _lines(found.differs, "yellow")
    for section in (*sections(found, whole=whole), *profile_sections(profiles)):
        yield Text()
        yield titled(section)
    if found.notes:
        yield from (Text(), Text("Notes", style="bold"))
        yield from _lines(found.notes, "")


def _lines(texts: Iterable[str], style: str) -> Iterator[RenderableType]:
    for each in texts:
        yield Padding(Text(printable(each), style=style), (0, 0, 0, 2))


def _facts(found: Comparison) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, told in facts(found):
        grid.add_row(printable(name), Text(printable(told)))
    return grid
