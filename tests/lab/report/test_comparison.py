"""Comparisons against golden files, which `LAB_WRITE_GOLDEN=1 scripts/check tests/lab/report` renews."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console

from lab.model import Comparison, Judgement
from lab.profile_diff import compare_profiles
from lab.report import comparison, comparison_junit, comparison_markdown, comparison_text, encode
from lab.report.html import comparison as html_page
from tests.lab.profiled_runs import a_run_directory, after, before
from tests.lab.report.a_comparison import COMPARISONS, FAILED, GROWTH, P95, a_comparison, a_figure, hundreds
from tests.lab.report.test_reports import hold_against_golden

ALL = {**COMPARISONS, "hundreds": hundreds}


def shown(found: Comparison, width: int, *, whole: bool = False) -> str:
    console = Console(width=width, legacy_windows=False)
    with console.capture() as capture:
        console.print(comparison_text.render(found, whole=whole))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", COMPARISONS)
def test_the_terminal_shows_it(name: str, width: int) -> None:
    content = shown(COMPARISONS[name](), width)
    assert max(map(len, content.splitlines())) <= width
    hold_against_golden(f"comparison-{name}-{width}.txt", content)


@pytest.mark.parametrize("name", COMPARISONS)
def test_markdown_shows_it(name: str) -> None:
    hold_against_golden(f"comparison-{name}.md", comparison_markdown.render(COMPARISONS[name]()))


@pytest.mark.parametrize("name", COMPARISONS)
def test_junit_shows_it(name: str) -> None:
    hold_against_golden(f"comparison-{name}.xml", comparison_junit.render(COMPARISONS[name]()))


@pytest.mark.parametrize("name", COMPARISONS)
def test_json_holds_every_figure(name: str) -> None:
    content = orjson.dumps(
        encode.comparison(COMPARISONS[name]()), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    ).decode()
    hold_against_golden(f"comparison-{name}.json", content + "\n")


@pytest.mark.parametrize("name", ALL)
def test_no_figure_is_written_as_none_that_nobody_can_read(name: str) -> None:
    found = ALL[name]()
    for text in (shown(found, 120, whole=True), comparison_markdown.render(found), comparison_junit.render(found)):
        assert not re.search(r"\b(nan|inf|None)\b", text)


@pytest.mark.parametrize("name", ALL)
def test_junit_is_red_where_the_judgement_is_not_good(name: str) -> None:
    found = ALL[name]()
    root = ET.fromstring(comparison_junit.render(found))  # noqa: S314  # of our own making
    suite = root.find("testsuite")
    assert suite is not None
    counts = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error")}
    assert (suite.get("failures"), suite.get("errors")) == (str(counts["failure"]), str(counts["error"]))
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert bool(counts["failure"]) == (found.judgement == Judgement.REGRESSED)
    is_good = found.judgement in (Judgement.IMPROVED, Judgement.UNCHANGED)
    assert is_good == (not any(counts.values()))


@pytest.mark.parametrize("name", ALL)
def test_the_first_line_is_the_judgement(name: str) -> None:
    found = ALL[name]()
    assert shown(found, 200).startswith(f"{found.judgement.upper()}: ")
    assert comparison_markdown.render(found).splitlines()[0] == comparison_markdown.MARKER
    assert f"{found.judgement.upper()}: " in comparison_markdown.render(found).splitlines()[1]


def test_hundreds_of_figures_fit_into_a_comment_the_worst_of_them_first() -> None:
    text = comparison_markdown.render(hundreds())
    assert 20_000 < len(text) <= comparison_markdown.MOST_CHARACTERS
    assert "more are left out here" in text
    rest = text[text.index("All other figures (788)") :]
    assert rest.count("| ❌ regressed |") == 131
    assert "unchanged |" not in rest


def test_names_of_any_length_fit_into_a_comment() -> None:
    figure = a_figure(is_headline=True)
    long = replace(figure, cell=replace(figure.cell, route="GET /" + "<x>" * 9000))
    found = a_comparison(*[long] * 40, notes=("n" * 70_000,) * 40, differs=("&" * 70_000,) * 40)
    found = replace(found, base=replace(found.base, runs=("r" * 300,) * 500))
    text = comparison_markdown.render(found)
    assert len(text) <= comparison_markdown.MOST_CHARACTERS
    assert text.count("<details>") == text.count("</details>")


def test_the_terminal_leaves_out_what_has_not_changed_unless_everything_is_asked_for() -> None:
    brief, whole = shown(hundreds(), 120), shown(hundreds(), 120, whole=True)
    assert re.search(r"Not shown: \d{3} unchanged and \d{3} cannot tell beside the headlines\.", brief)
    assert "Not shown" not in whole
    assert len(brief.splitlines()) < len(whole.splitlines())


def test_text_of_others_is_never_markup() -> None:
    found = COMPARISONS["forced"]()
    text = comparison_markdown.render(found)
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;img src=x> \\*2\\* cores" in text
    assert "\x1b" not in shown(replace(found, notes=("\x1b[31mred",)), 120)


def test_the_worst_stand_first() -> None:
    ordered = comparison.by_gravity(hundreds().figures)
    assert [each.judgement for each in ordered] == sorted(
        (each.judgement for each in ordered), key=["regressed", "cannot tell", "improved", "unchanged"].index
    )
    worst = [comparison.weight(each) for each in ordered if each.judgement == "regressed" and not each.is_headline]
    assert worst == sorted(worst, reverse=True)


def test_sides_that_are_called_as_their_runs_leave_room_for_figures() -> None:
    found = COMPARISONS["one-cell"]()
    long = "20260101T120000Z-auth_dashboard-smoke"
    found = replace(found, base=replace(found.base, name=long, runs=(long,)))
    assert comparison.labels(found) == ("base", "candidate")
    lines = shown(found, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("120 ms" in line for line in lines)
    named = replace(found, base=replace(found.base, name="v1"), candidate=replace(found.candidate, name="v2"))
    assert ">v1" in comparison.columns(named, wants=False)


def test_what_could_tell_more_hangs_on_what_there_is() -> None:
    single, paired = COMPARISONS["one-cell"](), COMPARISONS["cannot-tell"]()
    assert "`lab ab` does" in comparison.advice(single)
    assert "`lab ab --pairs 24`" in comparison.advice(paired)
    assert comparison.advice(replace(single, pairs=2)).startswith("2 pairs cannot say how many would tell")


@pytest.mark.parametrize(
    ("change", "measure", "told"),
    [
        (0.1234, P95, "+12.3 %"),
        (-0.004, P95, "-0.4 %"),
        (1.5, P95, "+150 %"),
        (float("inf"), P95, "+∞"),
        (4e10, P95, "+∞"),
        (-0.0021, FAILED, "-0.21 points"),
        (12.5e6, GROWTH, "+12.5 MB/h"),
    ],
)
def test_changes_are_written_with_sign_and_unit(change: float, measure: object, told: str) -> None:
    assert comparison.signed(change, measure) == told  # type: ignore[arg-type]


def test_the_functions_that_changed_are_named_where_both_sides_have_profiles(tmp_path: Path) -> None:
    runs = [
        a_run_directory(tmp_path, "010000", before(), requests=6467),
        a_run_directory(tmp_path, "020000", after(), requests=3900),
    ]
    found, profiles = COMPARISONS["regressed"](), compare_profiles(*runs)
    text = comparison_markdown.render(found, profiles)
    assert "<details><summary>CPU per request of shop in sustain, in ms</summary>" in text
    assert "shop.orders.seal" in text
    assert f"lab profile --diff {runs[0].run_id} {runs[1].run_id}" in text.replace("\\", "")
    console = Console(width=120, legacy_windows=False)
    with console.capture() as capture:
        console.print(comparison_text.render(found, profiles))
    assert "shop.orders.seal" in capture.get()
    assert "shop.orders.seal" in html_page.render(found, profiles)
    (changed,) = encode.comparison(found, profiles)["profiles"]
    assert (changed["service"], changed["phase"], changed["base_run"]) == ("shop", "sustain", runs[0].run_id)
    assert "shop.orders.seal" in {frame["words"] for frame in changed["changed"]}
    assert encode.comparison(found)["profiles"] == []
