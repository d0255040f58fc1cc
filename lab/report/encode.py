"""`analysis.json` and `verdict.json`: plain values, units in the names, labels as objects."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lab.model import Analysis, Verdict


def analysis(found: Analysis) -> dict[str, Any]:
    """Give every figure of a run. None stands for a percentile that the count cannot support."""
    content = asdict(found)
    content["points"] = [{**point, "labels": dict(point["labels"])} for point in content["points"]]
    return content


def verdict(found: Verdict) -> Mapping[str, Any]:
    """Give the answer of a run."""
    return asdict(found)
