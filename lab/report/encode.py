"""`analysis.json` and `verdict.json`: plain values, units in the names, labels as objects."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab.model import Agreement, Analysis, Capacity, HeldOut, Verdict


def analysis(found: Analysis) -> dict[str, Any]:
    """Give every figure of a run. None stands for a percentile that the count cannot support."""
    content = asdict(found)
    content["points"] = [{**point, "labels": dict(point["labels"])} for point in content["points"]]
    return content


def capacity(found: Capacity) -> dict[str, Any]:
    """Give everything that a run says about capacity; scenarios, cores and latencies by their names."""
    content = asdict(found)
    named = ("scenarios", "cores", "latency_s")
    content["slices"] = [
        {key: dict(value) if key in named else value for key, value in piece.items()} for piece in content["slices"]
    ]
    content["parts_s"] = dict(content["parts_s"])
    content["holding_s"] = dict(content["holding_s"])
    content["plans"] = [{**plan, "latency_s": dict(plan["latency_s"])} for plan in content["plans"]]
    for held, hold_out in zip(found.hold_outs, content["hold_outs"], strict=True):
        hold_out["rows"] = _with_errors(held.rows)
    if found.latency is not None:
        content["latency"]["alternatives"] = dict(found.latency.alternatives)
    return content


def agreement(found: Agreement) -> dict[str, Any]:
    """Give a prediction held against another run."""
    return {**asdict(found), "rows": _with_errors(found.rows)}


def _with_errors(rows: Sequence[HeldOut]) -> list[dict[str, Any]]:
    return [{**asdict(row), "error": row.error} for row in rows]


def verdict(found: Verdict) -> Mapping[str, Any]:
    """Give the answer of a run."""
    return asdict(found)
