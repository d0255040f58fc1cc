"""A report as JUnit XML, which every CI can show: a test case per finding, and one per doubt that forbids a verdict."""

from xml.etree import ElementTree as ET

from lab.model import Doubt, Finding, Outcome, Report
from lab.report.figures import estimate_in_unit, in_unit, place, printable
from lab.report.sections import headline


def render(report: Report) -> str:
    """Give the XML: a missed threshold is a failure; one without data, and a doubt that forbids a verdict, an error."""
    name = f"{report.scenario.name}.{report.plan.name}"
    cases = [_finding_case(name, finding) for finding in report.verdict.findings]
    cases += [_doubt_case(name, doubt) for doubt in report.verdict.doubts if doubt.invalidates]
    suite = ET.Element(
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        time=f"{(report.ended_at or report.started_at) - report.started_at:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in (("run", report.run_id), ("verdict", report.verdict.outcome), ("summary", headline(report))):
        ET.SubElement(properties, "property", name=key, value=value)
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _finding_case(suite: str, finding: Finding) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"{suite}.{finding.phase}",
        name=printable(f"{finding.threshold} in {finding.phase}"),
        time=f"{finding.ended_at - finding.started_at:.3f}",
    )
    observed = estimate_in_unit(finding.observed, finding.unit)
    limit = in_unit(finding.limit, finding.unit)
    if finding.outcome == Outcome.FAILED:
        because = f"; {finding.why}" if finding.why else ""
        _problem(case, "failure", f"observed {observed}, limit {limit}{because}", finding.remedy)
    elif finding.outcome == Outcome.INVALID:
        _problem(case, "error", finding.why, finding.remedy)
    return case


def _doubt_case(suite: str, doubt: Doubt) -> ET.Element:
    where = place(doubt.phase, doubt.started_at, doubt.ended_at)
    case = ET.Element("testcase", classname=f"{suite}.doubts", name=printable(doubt.what + where))
    _problem(case, "error", doubt.why, doubt.remedy)
    return case


def _problem(case: ET.Element, kind: str, message: str, remedy: str) -> None:
    problem = ET.SubElement(case, kind, message=printable(message), type=kind)
    problem.text = printable(remedy)
