"""A report as one HTML file that needs nothing else: `report.html`, the index over all runs, and their history."""

from lab.report.html.chart import Chart
from lab.report.html.documents import Document
from lab.report.html.flames import FlameFile
from lab.report.html.history import render_history
from lab.report.html.index import IndexedRun, render_index
from lab.report.html.page import LogText, Page, render

__all__ = [
    "Chart",
    "Document",
    "FlameFile",
    "IndexedRun",
    "LogText",
    "Page",
    "render",
    "render_history",
    "render_index",
]
