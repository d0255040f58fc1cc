"""Markdown documents of a run as HTML: no tags of theirs pass, nothing is loaded, and headings fit into the page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

from lab.report.html.chart import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that stands beside a report: where it is linked to, its title, its file's name, and its Markdown.

    `charts` stand above its text; what they draw is `data`, which scripts find as `lab.data.documents[anchor]`. `note`
    is what stands there in words, where something cannot be drawn.
    """

    anchor: str
    title: str
    file: str
    text: str
    charts: tuple[Chart, ...] = ()
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def as_html(text: str) -> Markup:
    """Give a document as HTML. Tags in it become text, images become links, and no link runs a script."""
    return Markup(_reader().render(text))  # noqa: S704  # markdown-it escapes text, and `html` is off


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.core.ruler.push("headings", _below_the_pages)
    reader.add_render_rule("table_open", _table_opens)
    reader.add_render_rule("table_close", _table_closes)
    return reader


def _below_the_pages(state: StateCore) -> None:
    """Move headings two levels down: the page's own are above them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"


def _table_opens(*_of_token: object) -> str:
    return '<div class="wide"><table class="sortable">\n'


def _table_closes(*_of_token: object) -> str:
    return "</table></div>\n"
