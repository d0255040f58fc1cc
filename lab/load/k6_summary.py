"""k6's own summary of a phase, as the scripts' handleSummary writes it (see k6/lib/summary.js)."""

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt, ValidationError

from lab.errors import LoadError
from lab.model import SummaryFigures


class _Durations(BaseModel):
    mean: NonNegativeFloat | None
    p50: NonNegativeFloat | None
    p90: NonNegativeFloat | None
    p95: NonNegativeFloat | None
    p99: NonNegativeFloat | None
    p999: NonNegativeFloat | None
    max: NonNegativeFloat | None


class _Figures(BaseModel):
    requests: NonNegativeInt
    failed: NonNegativeInt
    iterations: NonNegativeInt
    dropped_iterations: NonNegativeInt
    duration_ms: _Durations


def summary_of(load: Path, phase: str) -> Path:
    """Give the file that holds k6's own summary of a phase."""
    return load / f"{phase}.summary.json"


def read_summary(path: Path) -> SummaryFigures:
    """Read a `<phase>.summary.json`: counts, and durations in seconds. Raises LoadError: it is missing or damaged."""
    try:
        figures = _Figures.model_validate(_content(path)["figures"])
    except OSError as error:
        raise LoadError(f"{path}: cannot be read: {error.strerror}; was k6 killed?") from error
    except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError) as error:
        raise LoadError(f"{path}: is no summary that the lab's k6 scripts write: {error}") from error
    ms = figures.duration_ms
    return SummaryFigures(
        requests=figures.requests,
        failed=figures.failed,
        iterations=figures.iterations,
        dropped_iterations=figures.dropped_iterations,
        mean_s=_seconds(ms.mean),
        p50_s=_seconds(ms.p50),
        p90_s=_seconds(ms.p90),
        p95_s=_seconds(ms.p95),
        p99_s=_seconds(ms.p99),
        p999_s=_seconds(ms.p999),
        max_s=_seconds(ms.max),
    )


def _content(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000
