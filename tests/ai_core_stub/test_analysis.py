"""One analysis in this very process: models that are really fitted, SHAP values that really add up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from ai_core_stub.analysis import analyse
from ai_core_stub.explainers import Explanation, explain_by_kernel, explain_by_tree
from ai_core_stub.fitting import fit, is_classification
from ai_core_stub.jobs import Job, Recipe, TableError
from ai_core_stub.tables import read_table
from tests.ai_core_stub.a_table import a_csv

RECIPE = Recipe(
    seed=14,
    trees=20,
    samples={"tree": 50, "kernel": 10},
    kernel_background=15,
    kernel_evaluations=100,
    attribution_rows=3,
)


def a_job(csv: str | None = None, **fields: Any) -> Job:
    job = Job(csv=a_csv() if csv is None else csv, target="y", explainer="tree", samples=8, recipe=RECIPE)
    return replace(job, **fields)


KINDS = {
    "regression": a_csv(),
    "two classes": a_csv(classes=2),
    "three classes": a_csv(rows=90, classes=3),
    "with empty cells": a_csv(holes=20),
    "small": a_csv(rows=10),
}


@pytest.mark.parametrize("explainer", ["tree", "kernel"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_attributions_of_every_kind_of_table_add_up_to_the_margin(kind: str, explainer: str) -> None:
    result = analyse(a_job(KINDS[kind], explainer=explainer)).result
    assert result["additivityError"] < 1e-6
    assert len(result["attributions"]) == 3
    for row in result["attributions"]:
        sums = np.asarray(row["values"]).sum(axis=0) + np.asarray(result["baseValue"])
        assert sums == pytest.approx(np.asarray(row["margin"]), abs=1e-6)


def test_the_additivity_error_is_the_largest_distance_of_any_row_and_output() -> None:
    explanation = Explanation(values=np.array([[[1.0], [2.0]], [[0.0], [1.0]]]), base=np.array([0.5]))
    assert explanation.additivity_error(np.array([3.5, 1.5])) == 0
    assert explanation.additivity_error(np.array([3.25, 2.5])) == 1.0


def test_kernel_comes_near_what_tree_finds_exactly() -> None:
    table = read_table(a_csv(rows=150), "y")
    model = fit(table, RECIPE)
    recipe = replace(RECIPE, kernel_background=120, kernel_evaluations=500)
    tree = explain_by_tree(model, table.features, table.features[:20], recipe).importance()
    kernel = explain_by_kernel(model, table.features, table.features[:20], recipe).importance()
    assert np.argsort(tree).tolist() == np.argsort(kernel).tolist()
    assert kernel == pytest.approx(tree, rel=0.4, abs=0.3)


def test_importance_is_ranked_and_finds_the_feature_that_weighs_most() -> None:
    importance = analyse(a_job(a_csv(rows=200), samples=50)).result["importance"]
    assert importance[0]["feature"] == "x3"
    weights = [item["meanAbsShap"] for item in importance]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("explainer", ["tree", "kernel"])
def test_a_seed_gives_the_same_result_and_another_seed_another_one(explainer: str) -> None:
    job = a_job(explainer=explainer)
    first, again = analyse(job), analyse(job)
    assert first.result == again.result
    other = analyse(replace(job, recipe=replace(RECIPE, seed=15)))
    assert other.result["attributions"] != first.result["attributions"]


def test_what_was_drawn_before_makes_no_difference() -> None:
    # of 12 features there are far more coalitions than are tried, so some are drawn
    job = a_job(a_csv(features=12), explainer="kernel", samples=2)
    first = analyse(job)
    np.random.seed(1)  # the global generator is what KernelExplainer draws from
    np.random.random(7)  # likewise
    assert analyse(job).result == first.result


@pytest.mark.parametrize(
    ("csv", "task", "metric"),
    [
        (a_csv(), "regression", "r2"),
        (a_csv(classes=2), "classification", "accuracy"),
        (a_csv(rows=90, classes=3), "classification", "accuracy"),
    ],
)
def test_the_task_follows_from_the_target(csv: str, task: str, metric: str) -> None:
    model = analyse(a_job(csv)).result["model"]
    assert (model["task"], model["metric"]) == (task, metric)
    assert model["trainRows"] == 4 * model["testRows"]
    assert model["score"] <= 1


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        ([0, 1] * 10, True),
        ([-1, 5] * 10, True),
        ([0, 1.5] * 10, False),
        ([0] * 16 + [1] * 4, False),
        (list(range(10)) * 5, True),
        (list(range(11)) * 5, False),
    ],
)
def test_few_whole_numbers_that_come_often_are_classes(target: list[float], classes: bool) -> None:
    assert is_classification(np.array(target, dtype=float)) is classes


def test_the_score_is_of_rows_that_the_model_has_not_seen() -> None:
    rng = np.random.default_rng(1)
    noise = "x0,y\n" + "".join(f"{a:.3f},{b:.3f}\n" for a, b in rng.normal(size=(100, 2)))
    model = fit(read_table(noise, "y"), RECIPE)
    assert isinstance(model.estimator, HistGradientBoostingRegressor)
    # there is nothing to find in noise: on rows that it has learned from, the score would be far above
    assert model.score < 0.1


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        ("", "there is nothing in it"),
        (a_csv(rows=9), "needs at least 10"),
        (a_csv().replace("y", "z"), "there is no column 'y'"),
        ("x,y\n" + "1,a\n" * 12, "not numeric"),
        ("x,y\n" + "1,2\n" * 12, "the same in every row"),
        ("x,y\n" + "".join(f"{i},{i or ''}\n" for i in range(12)), "has empty cells"),
        ("x,y\n" + "".join(f"a,{i}\n" for i in range(12)), "no numeric column is left"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_in_words(csv: str, says: str) -> None:
    with pytest.raises(TableError, match=says):
        analyse(a_job(csv))


def test_a_column_of_text_is_left_out_and_empty_cells_are_not_a_number() -> None:
    lines = "".join(f"{i},town,{i * 2 if i else ''},{i % 5}\n" for i in range(12))
    table = read_table(f"a,place,b,y\n{lines}", "y")
    assert table.names == ("a", "b")
    assert np.isnan(table.features[0, 1])
    assert np.isfinite(table.features[1:]).all()


def test_the_parts_of_the_time_are_told() -> None:
    seconds = analyse(a_job()).seconds
    assert set(seconds) == {"parse", "fit", "explain"}
    assert all(part > 0 for part in seconds.values())
