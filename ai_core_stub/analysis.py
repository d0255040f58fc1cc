"""One analysis, from CSV to answer; runs in a worker process."""

import time
from typing import Any

import numpy as np

from ai_core_stub.explainers import EXPLAINERS, Explanation
from ai_core_stub.fitting import FittedModel, fit
from ai_core_stub.jobs import Done, Job
from ai_core_stub.tables import Floats, Table, read_table


def analyse(job: Job) -> Done:
    """Parse, fit, explain. Raises TableError for a table that cannot be learned from."""
    marks = [time.perf_counter()]
    table = read_table(job.csv, job.target)
    marks.append(time.perf_counter())
    model = fit(table, job.recipe)
    marks.append(time.perf_counter())
    rows = table.features[: job.samples]
    explanation = EXPLAINERS[job.explainer](model, table.features, rows, job.recipe)
    marks.append(time.perf_counter())
    parts = zip(("parse", "fit", "explain"), np.diff(marks), strict=True)
    return Done(
        result=_result(job, table, model, explanation, rows), seconds={name: round(float(s), 6) for name, s in parts}
    )


def _result(job: Job, table: Table, model: FittedModel, explanation: Explanation, rows: Floats) -> dict[str, Any]:
    margin = model.margin(rows)
    return {
        "explainer": job.explainer,
        "target": job.target,
        "seed": job.recipe.seed,
        "rows": len(table.target),
        "samples": len(rows),
        "features": list(table.names),
        "model": _quality(model),
        "baseValue": _plain(explanation.base),
        "importance": _ranked(table.names, explanation.importance()),
        "attributions": _attributions(explanation, margin, job.recipe.attribution_rows),
        "additivityError": explanation.additivity_error(margin),
    }


def _quality(model: FittedModel) -> dict[str, Any]:
    return {
        "kind": type(model.estimator).__name__,
        "task": model.task,
        "metric": model.metric,
        "score": model.score,
        "trainRows": model.train_rows,
        "testRows": model.test_rows,
    }


def _ranked(names: tuple[str, ...], importance: Floats) -> list[dict[str, Any]]:
    order = np.argsort(-importance, kind="stable")
    return [{"feature": names[i], "meanAbsShap": float(importance[i])} for i in order]


def _attributions(explanation: Explanation, margin: Floats, count: int) -> list[dict[str, Any]]:
    return [
        {"row": row, "margin": _plain(np.atleast_1d(margin[row])), "values": [_plain(v) for v in values]}
        for row, values in enumerate(explanation.values[:count])
    ]


def _plain(outputs: Floats) -> Any:  # a number where there is one output, else one per class
    return outputs.item() if outputs.size == 1 else outputs.tolist()
