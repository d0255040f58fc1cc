"""What stands against each failed finding: the plan's own remedy, and the playbooks of what was seen in its phase."""

from collections.abc import Sequence
from dataclasses import replace

from lab.model import Finding, Outcome, Plan, Playbook, Threshold, Verdict


def remedied(verdict: Verdict, plan: Plan, playbooks: Sequence[Playbook]) -> Verdict:
    """Give the verdict with a remedy beside each failed finding, and in `lacking` the findings that have none.

    A finding is remedied by its threshold's own `remedy`, and by the playbooks of its phase that relieve what it is
    about. One that nothing remedies fails a run as much as the finding itself does.
    """
    findings = tuple(
        _remedied(finding, plan, playbooks) if finding.outcome == Outcome.FAILED else finding
        for finding in verdict.findings
    )
    lacking = tuple(_name(each) for each in findings if each.outcome == Outcome.FAILED and not each.remedy)
    return replace(verdict, findings=findings, lacking=lacking)


def _remedied(finding: Finding, plan: Plan, playbooks: Sequence[Playbook]) -> Finding:
    metric = _threshold(finding, plan).metric
    fitting = [
        playbook.title
        for playbook in playbooks
        if finding.phase in playbook.symptom.phases and metric.startswith(playbook.relieves)
    ]
    found = [finding.remedy, f"playbooks.md: {'; '.join(fitting)}" if fitting else ""]
    return replace(finding, remedy=". ".join(part for part in found if part))


def _threshold(finding: Finding, plan: Plan) -> Threshold:
    # a plan may hold the same text against different phases
    own = [each for each in plan.thresholds if each.text == finding.threshold]
    return next((each for each in own if finding.phase in each.phases), own[0])


def _name(finding: Finding) -> str:
    subject = f" of {finding.subject}" if finding.subject else ""
    return f"{finding.threshold}{subject} in {finding.phase}"
