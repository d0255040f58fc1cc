"""A comparison as JUnit XML: a test case per headline figure, and one per other figure that regressed."""

from xml.etree import ElementTree as ET

from lab.model import Compared, Comparison, Judgement
from lab.report.comparison import about, advice, headline, reason, title
from lab.report.figures import printable

_KINDS = {Judgement.REGRESSED: "failure", Judgement.CANNOT_TELL: "error"}


def render(found: Comparison) -> str:
    """Give the XML: what regressed is a failure, and a headline that cannot be told an error.

    So CI is red wherever the exit code of the comparison is not 0, and tells one from the other.
    """
    telling = [each for each in found.figures if each.is_headline or each.judgement == Judgement.REGRESSED]
    cases = [_case(each, found) for each in telling] or [_nothing(found)]
    suite = ET.Element(
        "testsuite",
        name="compare",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(found):
        ET.SubElement(properties, "property", name=name, value=printable(value))
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _properties(found: Comparison) -> list[tuple[str, str]]:
    return [
        ("judgement", found.judgement),
        ("summary", headline(found)),
        *((f"{side} {number}", run) for side, runs in _runs(found) for number, run in enumerate(runs, 1)),
        *(("differs", each) for each in found.differs),
        *(("note", each) for each in found.notes),
    ]


def _runs(found: Comparison) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("base", found.base.runs), ("candidate", found.candidate.runs)


def _case(figure: Compared, found: Comparison) -> ET.Element:
    where = f"compare.{printable(about(figure.cell))}"
    case = ET.Element("testcase", classname=where, name=printable(title(figure)))
    kind = _KINDS.get(figure.judgement)
    if kind:
        problem = ET.SubElement(case, kind, message=printable(reason(figure)), type=figure.judgement)
        problem.text = printable(advice(found)) if figure.judgement == Judgement.CANNOT_TELL else None
    return case


def _nothing(found: Comparison) -> ET.Element:
    case = ET.Element("testcase", classname="compare", name="headline figures")
    ET.SubElement(case, "error", message=printable(headline(found)), type=found.judgement).text = advice(found)
    return case
