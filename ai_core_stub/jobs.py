"""What goes to a worker process and what comes back; light, since the service imports it without SHAP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How every analysis of a service is made; `samples` are the explained rows of each explainer by default."""

    seed: int
    trees: int
    samples: Mapping[str, int]
    kernel_background: int
    kernel_evaluations: int
    attribution_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One analysis to make: explain the first `samples` rows of `csv` by a model of its column `target`."""

    csv: str
    target: str
    explainer: str
    samples: int
    recipe: Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a worker found: JSON values, and the wall seconds of parse, fit and explain."""

    result: dict[str, Any]
    seconds: dict[str, float]


class TableError(Exception):
    """The table cannot be learned from; its message is a sentence for the user."""
