"""A gradient-boosted model of a table, and how good it is on rows that it has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from ai_core_stub.jobs import Recipe
from ai_core_stub.tables import Floats, Table

_HELD_OUT = 0.2
_MAX_CLASSES = 10
_MIN_CLASS_ROWS = 5  # so that both sides of the split have some of each class


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedModel:
    """A model and its hold-out score: r2 of a regression, accuracy of a classification."""

    estimator: Any
    task: str
    score: float
    train_rows: int
    test_rows: int

    @property
    def metric(self) -> str:
        """What `score` is."""
        return "accuracy" if self.task == "classification" else "r2"

    def margin(self, rows: Floats) -> Floats:
        """What SHAP values add up to: predictions, or of a classification the raw scores (log-odds)."""
        scores = self.estimator.decision_function if self.task == "classification" else self.estimator.predict
        return np.asarray(scores(rows), dtype=np.float64)


def fit(table: Table, recipe: Recipe) -> FittedModel:
    """Fit on four fifths of the rows and score on the rest; the same table and seed give the same model."""
    classes = is_classification(table.target)
    train_x, test_x, train_y, test_y = train_test_split(
        table.features,
        table.target,
        test_size=_HELD_OUT,
        random_state=recipe.seed,
        stratify=table.target if classes else None,
    )
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    estimator = kind(
        max_iter=recipe.trees,
        max_depth=4,
        early_stopping=False,
        # sklearn's 20 leaves a model of a small table without a single split
        min_samples_leaf=min(20, max(1, len(train_y) // 20)),
        random_state=recipe.seed,
    )
    estimator.fit(train_x, train_y)
    return FittedModel(
        estimator=estimator,
        task="classification" if classes else "regression",
        score=float(estimator.score(test_x, test_y)),
        train_rows=len(train_y),
        test_rows=len(test_y),
    )


def is_classification(target: Floats) -> bool:
    """Whether a target has few distinct integer values, each of them often enough to be learned and scored."""
    values, counts = np.unique(target, return_counts=True)
    few = len(values) <= _MAX_CLASSES and int(counts.min()) >= _MIN_CLASS_ROWS
    return bool(few and np.array_equal(values, np.round(values)))
