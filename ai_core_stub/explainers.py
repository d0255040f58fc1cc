"""SHAP values of a model's rows, by the two ways that the contract names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import shap

from ai_core_stub.fitting import FittedModel
from ai_core_stub.jobs import Recipe
from ai_core_stub.tables import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """SHAP values: `values` is rows x features x outputs, `base` has one number per output.

    There is one output, except for a classification of more than two classes, which has one per class.
    """

    values: Floats
    base: Floats

    def additivity_error(self, margin: Floats) -> float:
        """The largest distance of base + sum(values) from the model's `margin`; 0 but for rounding.

        This is SHAP's local accuracy (Lundberg and Lee 2017, property 1).
        """
        sums = self.values.sum(axis=1) + self.base
        return float(np.abs(sums - margin.reshape(sums.shape)).max())

    def importance(self) -> Floats:
        """Mean |SHAP| of each feature over rows and outputs."""
        result: Floats = np.abs(self.values).mean(axis=(0, 2))
        return result


Explain = Callable[[FittedModel, Floats, Floats, Recipe], Explanation]


def explain_by_tree(model: FittedModel, _table: Floats, rows: Floats, _recipe: Recipe) -> Explanation:
    """Exact and fast: walks the trees' own paths."""
    explainer = shap.TreeExplainer(model.estimator)
    return _explanation(explainer.shap_values(rows), explainer.expected_value)


def explain_by_kernel(model: FittedModel, table: Floats, rows: Floats, recipe: Recipe) -> Explanation:
    """Slow and model-agnostic: a weighted regression on coalitions of features, over a sample of `table`."""
    generator = np.random.default_rng(recipe.seed)
    chosen = generator.choice(len(table), size=min(recipe.kernel_background, len(table)), replace=False)
    explainer = shap.KernelExplainer(model.margin, table[np.sort(chosen)])
    np.random.seed(recipe.seed)  # KernelExplainer draws its coalitions from numpy's global generator
    # fewer coalitions than features would leave the regression without a unique answer
    evaluations = max(recipe.kernel_evaluations, 4 * table.shape[1])
    values = explainer.shap_values(rows, nsamples=evaluations, l1_reg=0, silent=True)
    return _explanation(values, explainer.expected_value)


EXPLAINERS: Mapping[str, Explain] = {"tree": explain_by_tree, "kernel": explain_by_kernel}


def _explanation(values: Floats, base: object) -> Explanation:
    whole = np.asarray(values, dtype=np.float64)
    return Explanation(
        values=whole[:, :, np.newaxis] if whole.ndim == 2 else whole,
        base=np.atleast_1d(np.asarray(base, dtype=np.float64)),
    )
