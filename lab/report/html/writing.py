"""How templates write figures."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab.report.figures import clock, milliseconds, moment, percent, printable, window
from lab.report.section import INDENT

_MARKS = {"passed": "✓", "failed": "✕", "invalid": "?"}


def filters() -> dict[str, Callable[..., Any]]:
    """Give the filters, by the names that templates know them by."""
    return {
        "clock": clock,
        "fine_clock": fine_clock,
        "mark": mark,
        "milliseconds": milliseconds,
        "moment": moment,
        "percent": percent,
        "printable": printable,
        "window": window,
        "is_indented": is_indented,
    }


def mark(outcome: str) -> str:
    """Give the sign of an outcome, for those to whom its color says nothing."""
    return _MARKS.get(outcome, "")


def fine_clock(epoch_s: float | None) -> str:
    """Give the UTC time of day with milliseconds; "" where there is none."""
    return "" if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).strftime("%H:%M:%S.%f")[:-3]


def is_indented(cell: str) -> bool:
    """Whether a cell stands below a heading."""
    return cell.startswith(INDENT)
