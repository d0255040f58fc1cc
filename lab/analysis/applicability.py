"""Thresholds about what a scenario never does: a plan serves every scenario, and not every one makes analyses."""

from collections.abc import Iterator

from lab.model import Doubt, DoubtKind, Evidence, Scenario, Threshold

_ANALYZE = "POST /analyze"
_NEEDED_ROUTE = {
    "analysis_failed": _ANALYZE,
    "analysis_duration": _ANALYZE,
    "ai_core_analyze": _ANALYZE,
    "upload_to_report": "POST /datasets",
}


def applies(threshold: Threshold, scenario: Scenario) -> bool:
    """Whether a scenario, by its routes, can make what the threshold is about; unknown routes may be any.

    Labels are not asked: one that matches nothing may be misspelt, and is a threshold with nothing to observe.
    """
    needed = _NEEDED_ROUTE.get(threshold.metric)
    return needed is None or not scenario.routes or needed in scenario.routes


def inapplicable(evidence: Evidence) -> Iterator[Doubt]:
    """Give a doubt, which forbids nothing, where thresholds are left out."""
    left_out = [each.text for each in evidence.plan.thresholds if not applies(each, evidence.scenario)]
    if left_out:
        yield Doubt(
            kind=DoubtKind.INAPPLICABLE,
            what="some thresholds are not for this scenario",
            why=f"{evidence.scenario.name} sends no such request: {'; '.join(left_out)}",
            remedy="run a scenario that does (mixed does), or a plan without them",
        )
