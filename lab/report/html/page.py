"""`report.html`: one file with everything in it, which opens from a mail and asks nobody for anything."""

from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from lab.model import Curves, Outcome, Report, SlowRequest
from lab.report.figures import place, printable
from lab.report.html.chapters import chapters, placed
from lab.report.html.documents import Document, as_html
from lab.report.html.files import SCRIPTS, policy, templates, text_of
from lab.report.html.flames import FlameFile, pack
from lab.report.html.key_figures import key_figures, margins, nearest
from lab.report.html.payload import payload
from lab.report.html.profiled import profiled
from lab.report.html.writing import filters
from lab.report.sections import facts, headline, reasons, sections

_FLAME_SCRIPT = "flamegraph.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogText:
    """A log line: when (epoch seconds, None where it does not say), whose, how grave, and what it says."""

    time: float | None
    service: str
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that a page shows. `trails` maps the id of a slow request to the log lines of its way."""

    report: Report
    curves: Curves
    trails: dict[str, tuple[LogText, ...]]
    flames: tuple[FlameFile, ...] = ()
    documents: tuple[Document, ...] = ()


def render(page: Page) -> str:
    """Give the page. The same values give the same bytes."""
    scripts = [text_of(name) for name in SCRIPTS]
    environment = templates()
    environment.filters.update(filters())
    return environment.get_template("page.html").render(
        policy=policy([*scripts, flame_script()]),
        style=Markup(text_of("page.css")),  # noqa: S704  # a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # files of this package, which hold no </script>
        data=Markup(_data(page)),  # noqa: S704  # it holds no sign that HTML knows
        **_shown(page),
    )


def _data(page: Page) -> str:
    return payload(page.report, page.curves, {each.anchor: dict(each.data) for each in page.documents})


def flame_script() -> str:
    """Give the script of every flame graph, as it runs inside one."""
    return resources.files("lab.report").joinpath(_FLAME_SCRIPT).read_text(encoding="utf-8").strip()


def _shown(page: Page) -> dict[str, Any]:
    report = page.report
    tables = sections(report)
    return {
        "report": report,
        "headline": headline(report).partition(": ")[2],
        "reasons": [printable(reason) for reason in reasons(report)],
        "nearest": nearest(report),
        "key_figures": key_figures(report),
        "margins": margins(report),
        "remedies": [f for f in report.verdict.findings if f.outcome == Outcome.FAILED and f.remedy],
        "doubts": [(doubt, place(doubt.phase, doubt.started_at, doubt.ended_at)) for doubt in report.verdict.doubts],
        "chapters": chapters(report, page.curves, tables),
        "tables": {
            anchor: placed(tables, anchor) for anchor in ("bottlenecks", "errors", "resources", "provenance", "more")
        },
        "slowest": [_with_trail(each, page) for each in report.analysis.slowest],
        "profiled": profiled(report, pack(page.flames), placed(tables, "profiles")),
        "documents": [(document, as_html(document.text)) for document in page.documents],
        "facts": facts(report),
    }


def _with_trail(request: SlowRequest, page: Page) -> tuple[SlowRequest, tuple[LogText, ...]]:
    return request, page.trails.get(request.request_id, ())
