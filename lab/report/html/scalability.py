"""The Universal Scalability Law of a run as a chart; where it is refused, words say why in its place."""

from typing import Any

from lab.model import Estimate, Scalability
from lab.report.capacity import scalability_sentences
from lab.report.html.chart import Chart
from lab.report.html.payload import short

KIND = "usl"
"""The name by which scripts know the chart."""


def charts_of(law: Scalability, anchor: str) -> tuple[Chart, ...]:
    """Give the chart of a law in the document at an anchor; none where the law was refused."""
    if not law.curve:
        return ()
    told = " ".join(scalability_sentences(law))
    return (Chart(kind=KIND, subject=anchor, title="Throughput against journeys under way", told=told),)


def note_of(law: Scalability) -> str:
    """Give what stands in place of a chart where the law was refused; "" where there is a chart."""
    return "" if law.curve else " ".join(scalability_sentences(law))


def data_of(law: Scalability) -> dict[str, Any]:
    """Give what the chart draws: points as [drive, N, X, whether held out], the curve as [N, X, low, high]."""
    peak_n, peak_x = law.peak_concurrency, law.peak_per_s
    return {
        "points": [
            (each.drive, short(each.journeys), short(each.requests_per_s), each.is_held_out) for each in law.points
        ],
        "curve": [(short(n), short(x.value), short(x.low), short(x.high)) for n, x in law.curve],
        "held_out": [(short(n), short(x)) for n, x in (law.hold_out.curve if law.hold_out else ())],
        "peak": None if peak_n is None or peak_x is None else {"rate": _short(peak_x), "journeys": _short(peak_n)},
    }


def _short(estimate: Estimate) -> dict[str, float | None]:
    return {"value": short(estimate.value), "low": short(estimate.low), "high": short(estimate.high)}
