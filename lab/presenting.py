"""The pages about runs, from run directories: their curves, log lines, flame graphs and documents put together."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lab import request_trail, rundir
from lab.analysis.curves import curves_of
from lab.model import Capacity, Evidence, Report, Scalability
from lab.report.html import Document, FlameFile, IndexedRun, LogText, Page, render, render_index, scalability
from lab.rundir import RunDir, write_bytes

INDEX = "index.html"

_CAPACITY = "capacity"
_DOCUMENTS = (("playbooks", "Playbooks", "playbooks.md"), (_CAPACITY, "Capacity plan", "capacity_plan.md"))
_LINKED = ("report.html", "summary.md", "capacity_plan.md", "playbooks.md", "junit.xml")
_MOST_LINES = 40
"""Lines of one request that a page shows; `lab logs` shows the others."""


def write_page(run: RunDir, report: Report, evidence: Evidence, planned: Capacity | None = None) -> None:
    """Write `report.html` into a run directory. Raises RunDirError where it cannot be."""
    write_bytes(run.html, render(page_of(run, report, evidence, planned)).encode())


def page_of(run: RunDir, report: Report, evidence: Evidence, planned: Capacity | None = None) -> Page:
    """Give everything that the page of a run shows; `planned` is what its capacity plan was made of."""
    return Page(
        report=report,
        curves=curves_of(evidence),
        trails=_trails(run, report),
        flames=tuple(_flames(run)),
        documents=tuple(_documents(run, planned)),
    )


def _trails(run: RunDir, report: Report) -> dict[str, tuple[LogText, ...]]:
    asked = [slow.request_id for slow in report.analysis.slowest if slow.request_id]
    if not asked or not run.log_files():
        return {}
    return {
        request: tuple(
            LogText(time=line.time, service=line.service, level=line.level, text=line.text)
            for line in lines[:_MOST_LINES]
        )
        for request, lines in request_trail.trails(run, asked).items()
    }


def _flames(run: RunDir) -> Iterable[FlameFile]:
    for profile in run.read_profiles():
        name = dict(profile.files).get("svg", "")
        path = run.profiles / name
        if name and path.parent == run.profiles and path.is_file():
            yield FlameFile(profile=profile, name=name, svg=path.read_text(encoding="utf-8"))


def _documents(run: RunDir, planned: Capacity | None) -> Iterable[Document]:
    for anchor, title, name in _DOCUMENTS:
        path = run.path / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            document = Document(anchor=anchor, title=title, file=name, text=text)
            law = planned.scalability if planned is not None and anchor == _CAPACITY else None
            yield document if law is None else _with_law(document, law)


def _with_law(document: Document, law: Scalability) -> Document:
    charts = scalability.charts_of(law, document.anchor)
    data = {"scalability": scalability.data_of(law)} if charts else {}
    return replace(document, charts=charts, note=scalability.note_of(law), data=data)


def write_index(root: Path) -> Path:
    """Write the page over all runs under `root`, newest first, and give its path. Raises RunDirError."""
    runs = [_indexed(run) for run in rundir.all_runs(root)[::-1]]
    root.mkdir(parents=True, exist_ok=True)
    write_bytes(root / INDEX, render_index(runs).encode())
    return root / INDEX


def _indexed(run: RunDir) -> IndexedRun:
    record = rundir.read_json(run.record)
    return IndexedRun(
        run_id=run.run_id,
        record=record if isinstance(record, dict) else {"state": "damaged"},
        verdict=rundir.read_json(run.verdict),
        analysis=rundir.read_json(run.analysis),
        files=tuple(name for name in _LINKED if (run.path / name).is_file()),
    )
