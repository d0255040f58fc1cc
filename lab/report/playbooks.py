"""`playbooks.md`: the bottlenecks that a run shows, the way out of each, and what remedies each failed finding."""

from collections.abc import Iterator, Sequence

from lab.model import Action, Finding, Outcome, Playbook, Report, Sign, Symptom
from lab.report.figures import duration, moment, per_s, percent, three_digits, window
from lab.report.section import Section

_SHARE = (
    "Ranked by the share of the waiting that each explains: of the requests and analyses that were under way at a time "
    "(seconds of waiting per second, by Little's law), those that the bottleneck held up. Bottlenecks hold up the same "
    "requests, so shares do not add up to 100 %. What was seen beyond the planned load only, in a spike or a stress "
    "phase, comes last: it says what limits the system next."
)
_LACKING = "**lacking**: no rule explains it, and its threshold names none; this is a failure too"
_STEPS = (
    ("How to confirm", "confirm"),
    ("Mitigation now", "mitigation"),
    ("Fix", "fix"),
    ("How to verify", "verify"),
    ("Rollback", "rollback"),
)


def render(report: Report) -> str:
    """Give the whole page."""
    return "\n".join(_lines(report)) + "\n"


def bottlenecks(report: Report) -> Section:
    """Give a row per bottleneck, as a summary shows it."""
    found = report.diagnosis.playbooks
    return Section(
        title="Bottlenecks",
        columns=("bottleneck", ">explains", "phase and window, UTC", ">req/s", "confidence"),
        rows=tuple(
            (
                playbook.title,
                percent(playbook.symptom.share),
                f"{playbook.symptom.phase} {window(playbook.symptom.started_at, playbook.symptom.ended_at)}",
                per_s(playbook.symptom.rate_per_s),
                playbook.symptom.confidence,
            )
            for playbook in found
        ),
        note=f"what to do: playbooks.md, or lab playbooks {report.run_id}" if found else "",
    )


def _lines(report: Report) -> Iterator[str]:
    found = report.diagnosis.playbooks
    yield f"# Playbooks of {report.run_id}"
    yield ""
    yield (
        f"{report.scenario.name} through plan {report.plan.name} on {moment(report.started_at)}: "
        f"{report.verdict.outcome}. {len(found)} of {len(found) + len(report.diagnosis.unseen)} known bottlenecks were "
        "seen."
    )
    yield from ("", _SHARE)
    if found:
        yield from _table(bottlenecks(report))
    for number, playbook in enumerate(found, 1):
        yield from _playbook(number, playbook)
    yield from _findings(report)
    yield from _unseen(report)


def _table(section: Section) -> Iterator[str]:
    names = [name.removeprefix(">") for name in section.columns]
    yield from ("", "| " + " | ".join(["", *names]) + " |")
    yield "|---:|" + "|".join("---:" if name.startswith(">") else "---" for name in section.columns) + "|"
    for number, row in enumerate(section.rows, 1):
        yield "| " + " | ".join([str(number), *row]) + " |"


def _playbook(number: int, playbook: Playbook) -> Iterator[str]:
    symptom = playbook.symptom
    yield from ("", f"## {number}. {playbook.title}", "")
    yield f"**Symptom seen**: {_seen(symptom)}"
    yield ""
    yield from (_sign(sign) for sign in symptom.signs)
    yield ""
    yield f"Confidence: {symptom.confidence}{f' ({symptom.why})' if symptom.why else ''}."
    yield from ("", f"**Cause**: {playbook.advice.cause}")
    for title, name in _STEPS:
        yield from _actions(title, getattr(playbook.advice, name))


def _seen(symptom: Symptom) -> str:
    others = f" Also in {', '.join(symptom.phases[1:])}." if len(symptom.phases) > 1 else ""
    beyond = " Seen beyond the planned load only." if symptom.is_beyond_plan else ""
    return (
        f"in {symptom.phase} at {window(symptom.started_at, symptom.ended_at)} UTC "
        f"({duration(symptom.ended_at - symptom.started_at)}), at {per_s(symptom.rate_per_s)} requests per second. Of "
        f"{three_digits(symptom.waiting)} requests and analyses under way at a time it explains "
        f"{three_digits(symptom.explained)}: {percent(symptom.share)}.{others}{beyond}"
    )


def _sign(sign: Sign) -> str:
    mark = {True: "yes", False: "no", None: "not told"}[sign.holds]
    return f"- {mark}: {sign.text}"


def _actions(title: str, actions: Sequence[Action]) -> Iterator[str]:
    yield from ("", f"**{title}**", "")
    for action in actions:
        yield f"- {action.text}"
        if action.command:
            yield f"  `{action.command}`"


def _findings(report: Report) -> Iterator[str]:
    failed = [finding for finding in report.verdict.findings if finding.outcome == Outcome.FAILED]
    if not failed:
        return
    yield from ("", "## Failed findings, and what remedies them", "", "| finding | remedy |", "|---|---|")
    for finding in failed:
        remedy = _cell(finding.remedy) or _LACKING
        yield f"| `{_cell(finding.threshold)}`{_of(finding)} in {finding.phase} | {remedy} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _of(finding: Finding) -> str:
    return f" of {finding.subject}" if finding.subject else ""


def _unseen(report: Report) -> Iterator[str]:
    if not report.diagnosis.unseen:
        return
    yield from ("", "## Looked for and not seen", "")
    for each in report.diagnosis.unseen:
        untold = f" (cannot be told: the run has no {', '.join(each.lacking)})" if each.lacking else ""
        yield f"- {each.title}{untold}"
