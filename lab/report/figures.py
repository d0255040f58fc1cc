"""How figures are written: three digits that matter, units said once, a dash for what is not known."""

import re
from datetime import UTC, datetime

from lab.model import Estimate

NOTHING = "–"

# what XML 1.0 cannot hold and a terminal would obey, and a log line may have
_UNPRINTABLE = re.compile("[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Give text of others with a replacement character for each that is not to be shown."""
    return _UNPRINTABLE.sub("\ufffd", text)


def milliseconds(seconds: float | None) -> str:
    """Give seconds as milliseconds with three digits that matter, without the unit."""
    return NOTHING if seconds is None else three_digits(seconds * 1000)


def estimate_ms(estimate: Estimate | None, *, interval: bool = False) -> str:
    """Give an estimate in milliseconds, with its interval where that is asked for."""
    if estimate is None:
        return NOTHING
    value = milliseconds(estimate.value)
    return f"{value} ({milliseconds(estimate.low)}–{milliseconds(estimate.high)})" if interval else value


def three_digits(value: float) -> str:
    """Give a number with three digits that matter, and never with an exponent."""
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:.{decimals}f}"


def in_unit(value: float, unit: str) -> str:
    """Give a value of a threshold in its unit: a key of lab.threshold_metrics.UNITS, with `/h` behind it or not."""
    base, per_h = unit.removesuffix("/h"), "/h" if unit.endswith("/h") else ""
    if base == "bytes":
        return f"{three_digits(value / 1e6)} MB{per_h}"
    if base == "value":
        return f"{three_digits(value)}{' ' + per_h if per_h else ''}"
    if unit == "per_s":
        return f"{three_digits(value)} /s"
    if unit == "ratio":
        return f"{three_digits(value * 100)} %"
    if unit == "count":
        return f"{value:.0f}"
    return f"{three_digits(value)} s" if value >= 1 else f"{milliseconds(value)} ms"


def estimate_in_unit(estimate: Estimate | None, unit: str) -> str:
    """Give an estimate with its interval (where it has any width) in a threshold's unit."""
    if estimate is None:
        return NOTHING
    value, low, high = (in_unit(figure, unit) for figure in (estimate.value, estimate.low, estimate.high))
    if estimate.low == estimate.high:
        return value
    # one unit for all three, where they share it
    number, _, sign = value.partition(" ")
    if sign and all(figure.endswith(f" {sign}") for figure in (low, high)):
        return f"{number} ({low.removesuffix(f' {sign}')}–{high.removesuffix(f' {sign}')}) {sign}"
    return f"{value} ({low} to {high})"


def per_s(rate: float) -> str:
    """Give a rate."""
    return f"{rate:.1f}"


def percent(ratio: float | None, *, decimals: int = 0) -> str:
    """Give a ratio as a percentage, a whole one unless more is asked for."""
    return NOTHING if ratio is None else f"{ratio:.{decimals}%}"


def duration(seconds: float | None) -> str:
    """Give a stretch of time in the unit that suits it."""
    if seconds is None:
        return NOTHING
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def cores(value: float | None) -> str:
    """Give CPU use in cores."""
    return NOTHING if value is None else f"{value:.2f}"


def megabytes(size_bytes: float) -> str:
    """Give a size."""
    return f"{size_bytes / 1e6:.0f} MB"


def moment(epoch_s: float | None) -> str:
    """Give a UTC time."""
    return NOTHING if epoch_s is None else f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(epoch_s: float) -> str:
    """Give the UTC time of day."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%H:%M:%S}"


def window(started_at: float, ended_at: float) -> str:
    """Give a window as two UTC times of day."""
    return f"{clock(started_at)}–{clock(ended_at)}" if ended_at > started_at else NOTHING


def place(phase: str, started_at: float, ended_at: float) -> str:
    """Give " in <phase> at <window>" of what is about them, with a blank before it; "" of what is about neither."""
    where = f" in {phase}" if phase else ""
    return where + (f" at {window(started_at, ended_at)}" if ended_at > started_at else "")
