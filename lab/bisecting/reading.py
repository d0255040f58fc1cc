"""What one run tells of a commit, from its report."""

from lab.errors import CommitError
from lab.model import DoubtKind, Report, Threshold, TrialRun

_BEHIND = {DoubtKind.RATE, DoubtKind.DROPPED_ITERATIONS}


def read_run(report: Report, target: Threshold | None, *, is_base: bool) -> TrialRun:
    """Give what one run tells of a target, or (None) that it can be compared.

    Raises CommitError where a service died in it.
    """
    forbidding = [doubt for doubt in report.verdict.doubts if doubt.invalidates]
    died = [doubt for doubt in forbidding if doubt.kind == DoubtKind.INCIDENT]
    if died:
        raise CommitError(f"{died[0].what}: {died[0].why.splitlines()[0]} (run {report.run_id})")
    unusable = [doubt for doubt in forbidding if doubt.kind not in _BEHIND]
    text = target.text if target else None
    return TrialRun(
        run_id=report.run_id,
        is_base=is_base,
        observations=tuple(seen for seen in report.analysis.observations if seen.threshold == text),
        unusable="; ".join(f"{doubt.what}: {doubt.why}" for doubt in unusable),
        fell_behind=bool(forbidding) and not unusable,
    )
