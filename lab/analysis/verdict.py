"""The answer of a run: passed, failed or invalid. Never passed where nobody could have known better."""

from collections.abc import Sequence

from lab.model import Analysis, Doubt, DoubtKind, Estimate, Finding, Observation, Outcome, Plan, Threshold, Verdict
from lab.thresholds import holds, unit_of

_MORE_DATA = "make the phase longer, raise its rate, or hold a statistic against it that needs fewer values"


def judge(analysis: Analysis, plan: Plan) -> Verdict:
    """Hold the observations against their limits.

    Invalid where a doubt forbids an answer, a threshold has nothing to be held against, or there is no finding at all;
    failed where a threshold is missed; passed otherwise.
    """
    pairs = [(seen, _threshold(seen, plan)) for seen in analysis.observations]
    findings = tuple(_finding(seen, threshold) for seen, threshold in pairs)
    doubts = (*analysis.doubts, *_close_calls(pairs))
    return Verdict(outcome=_outcome(findings, doubts), findings=findings, doubts=doubts)


def _threshold(seen: Observation, plan: Plan) -> Threshold:
    # a plan may hold the same text against different phases, each with a remedy of its own
    return next(t for t in plan.thresholds if t.text == seen.threshold and (not t.phases or seen.phase in t.phases))


def _outcome(findings: Sequence[Finding], doubts: Sequence[Doubt]) -> Outcome:
    outcomes = {finding.outcome for finding in findings}
    if not findings or Outcome.INVALID in outcomes or any(doubt.invalidates for doubt in doubts):
        return Outcome.INVALID
    return Outcome.FAILED if Outcome.FAILED in outcomes else Outcome.PASSED


def _finding(seen: Observation, threshold: Threshold) -> Finding:
    outcome, remedy = Outcome.INVALID, _MORE_DATA
    if seen.outcome is not None:
        outcome = seen.outcome
    elif seen.observed is not None:
        outcome = Outcome.PASSED if holds(threshold, seen.observed.value) else Outcome.FAILED
    if outcome != Outcome.INVALID:
        remedy = "" if outcome == Outcome.PASSED else threshold.remedy
    return Finding(
        threshold=threshold.text,
        phase=seen.phase,
        observed=seen.observed,
        limit=threshold.limit,
        unit=unit_of(threshold),
        outcome=outcome,
        started_at=seen.started_at,
        ended_at=seen.ended_at,
        remedy=remedy,
        why=seen.why,
        subject=seen.subject,
        windows=seen.windows,
        missed=seen.missed,
    )


def _close_calls(pairs: Sequence[tuple[Observation, Threshold]]) -> list[Doubt]:
    """Give a doubt, which forbids nothing, per threshold whose limit lies inside an interval."""
    close: dict[str, list[str]] = {}
    for seen, threshold in pairs:
        if seen.observed is not None and seen.outcome is None and _is_close(seen.observed, threshold):
            close.setdefault(threshold.text, []).append(seen.phase)
    return [
        Doubt(
            kind=DoubtKind.CLOSE_CALL,
            what=f"{text} is a close call",
            why=f"the limit lies inside the 95 % interval of what was observed in {', '.join(phases)}",
            remedy="a longer phase narrows the interval",
        )
        for text, phases in close.items()
    ]


def _is_close(observed: Estimate, threshold: Threshold) -> bool:
    if threshold.limit == 0:
        return False  # it asks that none was seen; that there can be none is what no run of any length shows
    return holds(threshold, observed.low) != holds(threshold, observed.high)
