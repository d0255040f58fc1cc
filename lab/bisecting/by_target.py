"""A commit is good when it meets a target, and bad when it misses it."""

import re
from dataclasses import dataclass, replace

from lab.analysis.marking import MAX_RUNS, Told, told_by
from lab.bisecting.measure import Keep, Measure
from lab.errors import CommitError, ConfigError
from lab.model import Mark, Threshold, Trial
from lab.thresholds import parse

_ALIKE = ("p50", "p90", "p95", "p99", "p999", "mean", "max")
_MAX_UNUSABLE = 3


def read_target(text: str, *, route: str = "") -> Threshold:
    """Read a target; `p95 < 300ms` alone is about `http_req_duration`, and `route` is put into its labels.

    Raises ConfigError with a caret under what cannot be read.
    """
    head = re.split("[<>]", text, maxsplit=1)[0].strip()
    label = f'{{route="{route}"}}' if route else ""
    if head in _ALIKE:
        text = text.replace(head, f"{head}(http_req_duration{label})", 1)
    elif label and "{" in head:
        raise ConfigError(f"--route: the target has labels of its own; write route={route!r} among them")
    elif label and head.endswith(")"):
        text = text.replace(head, f"{head[:-1]}{label})", 1)
    elif label:
        text = text.replace(head, f"{head}{label}", 1)
    return parse(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTarget:
    """Marks commits by a target, with up to five runs where the limit lies close."""

    threshold: Threshold
    measure: Measure
    seed: int

    def __call__(self, trial: Trial, keep: Keep) -> Trial:
        """Give a trial with its mark; it is skipped where the runs do not tell, or the commit cannot be measured."""
        while True:
            told = told_by(self.threshold, trial.runs)
            if told.mark is not None or _is_exhausted(trial, told):
                return replace(trial, mark=told.mark or Mark.SKIP, figures=told.figures, why=_why(trial, told))
            try:
                run = self.measure(trial.commit, seed=self.seed + len(trial.runs), is_base=False)
            except CommitError as error:
                return replace(trial, mark=Mark.SKIP, figures=told.figures, why=str(error))
            trial = replace(trial, runs=(*trial.runs, run))
            keep(trial)


def _is_exhausted(trial: Trial, told: Told) -> bool:
    useless = sum(bool(run.unusable) for run in trial.runs)
    return told.is_hopeless or useless >= _MAX_UNUSABLE or len(trial.runs) - useless >= MAX_RUNS


def _why(trial: Trial, told: Told) -> str:
    if told.mark is not None:
        return ""
    unusable = [run.unusable for run in trial.runs if run.unusable]
    if len(unusable) >= _MAX_UNUSABLE:
        return f"{len(unusable)} runs gave no verdict, the last one since {unusable[-1]}"
    return told.why if told.is_hopeless else f"{told.why}, after {len(trial.runs)} runs"
