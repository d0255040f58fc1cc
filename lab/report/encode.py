"""`analysis.json` and `verdict.json`, and comparisons: plain values, units in the names, labels as objects."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab.model import Agreement, Analysis, Capacity, Comparison, HeldOut, Judgement, ProfileComparison, Verdict

COMPARISON_VERSION = 1
"""Of the JSON of a comparison: a key may be added within a version; none goes, or means something else."""


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


def comparison(found: Comparison, profiles: ProfileComparison | None = None) -> dict[str, Any]:
    """Give a comparison, and what of its profiles changed. None stands for a figure that is not known, or not finite.

    A change is a ratio less 1 where the `scale` of its measure is `ratio`, else a difference in the measure's unit.
    """
    return {
        **_finite(asdict(found)),
        "version": COMPARISON_VERSION,
        "judgement": found.judgement,
        "counts": {each.value: sum(figure.judgement == each for figure in found.figures) for each in Judgement},
        "pairs_wanted": found.pairs_wanted,
        "profiles": [] if profiles is None else _profile_changes(profiles),
    }


def _profile_changes(profiles: ProfileComparison) -> list[dict[str, Any]]:
    return [
        {
            "service": each.service,
            "phase": each.phase,
            "drive": each.drive,
            "base_run": each.before.run_id,
            "candidate_run": each.after.run_id,
            "base_cpu_s_per_request": each.found.before_s,
            "candidate_cpu_s_per_request": each.found.after_s,
            "compared": each.found.compared,
            "changed": [_finite(asdict(frame)) for frame in each.found.changed],
        }
        for each in profiles.differences
    ]


def _finite(value: Any) -> Any:
    """Give plain values with None for every number that JSON has no sign for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
