"""Pages of comparisons: as text, and in a real browser, where none may ask for anything or say an error."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab.model import Cell
from lab.report.html.comparison import render
from tests.lab.report.a_comparison import CANNOT_TELL, COMPARISONS, P95, a_comparison, a_figure, hundreds
from tests.lab.report.in_browser import Open

in_browser = pytest.mark.needs("chromium", "playwright")
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert found
    return orjson.loads(found[1])


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_page_says_the_judgement_and_every_figure_and_asks_for_nothing(name: str) -> None:
    found = COMPARISONS[name]()
    html = render(found)
    assert html == render(found)
    assert f'<span class="outcome">{found.judgement.upper()}</span>' in html
    assert html.count("<tr data-row=") == len(found.figures)
    assert "default-src &#39;none&#39;" in html
    own = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["'](?!#)""", own)


def test_what_has_no_end_is_drawn_as_such_and_bands_are_those_of_the_judgement() -> None:
    (figure,) = data_of(render(COMPARISONS["one-cell"]()))["figures"]
    assert (figure["low"], figure["high"]) == (-100.0, None)
    inner, outer = figure["bands"]
    assert inner == pytest.approx([-100 * 0.05 / 1.05, 5.0], rel=1e-5)
    assert outer == pytest.approx([-100 * 0.1 / 1.1, 10.0], rel=1e-5)


def test_ratios_and_each_unit_of_differences_have_plots_of_their_own() -> None:
    data = data_of(render(COMPARISONS["regressed"]()))
    assert data["units"] == {"ratio": "%", "difference ": "percentage points", "difference bytes/h": "MB/h"}
    growth = next(each for each in data["figures"] if each["group"] == "difference bytes/h")
    assert (growth["value"], growth["low"], growth["high"]) == (3.0, -6.0, 12.0)


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_plots_are_drawn_in_both_themes_and_nothing_is_asked_for(
    scheme: str, width: int, open_page: Open, tmp_path: Path
) -> None:
    opened = open_page(render(COMPARISONS["regressed"]()), width=width, scheme=scheme)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("figure.chart.forest:visible").count() == 2
    blank = """(all) => all.filter((canvas) => !canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value)).length"""
    assert page.locator("figure.chart:visible canvas").evaluate_all(blank) == 0
    assert len(opened.screenshot(f"comparison-{scheme}-{width}", tmp_path)) > 30_000
    assert [url.split(":")[0] for url in opened.asked] == ["file"]
    assert opened.complaints == []


POINTS = """() => [...document.querySelectorAll('figure.forest')].filter((each) => !each.hidden).flatMap((each) =>
  echarts.getInstanceByDom(each.querySelector('.canvas')).getOption().series
    .filter((series) => series.type === 'scatter').flatMap((series) => series.data.map(([value]) => value)))"""


@in_browser
def test_a_judgement_and_words_choose_rows_and_the_plots_follow(open_page: Open) -> None:
    opened = open_page(render(COMPARISONS["regressed"]()))
    page = opened.page
    rows = page.locator("table.figures tbody tr:visible")
    assert rows.count() == 5
    page.get_by_label("all").check(force=True)
    assert rows.count() == 7
    assert len(page.evaluate(POINTS)) == 7
    page.get_by_label("cannot tell").check(force=True)
    assert rows.count() == 1
    assert page.evaluate(POINTS) == [8]
    page.get_by_label("all").check(force=True)
    page.locator("#wanted").fill("P95 get")
    assert page.locator("#shown").inner_text() == "1 of 7 figures"
    assert page.evaluate(POINTS) == [35]
    page.locator("#wanted").fill("no such thing")
    assert page.locator("figure.forest:visible").count() == 0
    assert opened.complaints == []


@in_browser
def test_the_plot_is_in_the_order_of_the_sorted_table(open_page: Open) -> None:
    opened = open_page(render(COMPARISONS["regressed"]()))
    page = opened.page
    head = page.locator("table.figures th button", has_text="change")
    head.press("Enter")
    first = page.locator("table.figures tbody tr:visible").first
    assert "GET /reports/{id}" in first.inner_text()
    head.press("Enter")
    assert "cpu_per_request" in first.inner_text()
    places = page.evaluate(
        """() => echarts.getInstanceByDom(document.querySelector('figure.forest .canvas')).getOption().series
        .filter((each) => each.type === 'scatter').flatMap((each) => each.data).sort((a, b) => a[1] - b[1])
        .map(([value]) => value)"""
    )
    assert places == [-11, 0.4, 21, 35]
    assert opened.complaints == []


@in_browser
def test_the_keyboard_reaches_the_theme_the_filters_and_the_heads_of_tables(open_page: Open) -> None:
    page = open_page(render(COMPARISONS["regressed"]())).page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.closest('.skip, .theme, nav, .filter, .search, th')?.className "
                "?? document.activeElement.tagName"
            )
        )
        if page.evaluate("document.activeElement === document.body"):
            break
    assert {"skip", "theme", "choice filter", "search", "number"} <= reached
    page.locator(".filter input:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("table.figures tbody tr:visible").count() == 7


@in_browser
def test_hundreds_of_figures_are_drawn_as_far_as_can_be_taken_in(open_page: Open) -> None:
    opened = open_page(render(hundreds()))
    page = opened.page
    page.get_by_label("all").check(force=True)
    assert len(page.evaluate(POINTS)) == 60
    assert page.locator("#shown").inner_text() == "800 of 800 figures; a plot has the first 60"
    assert opened.complaints == []


@in_browser
def test_names_of_others_are_shown_and_never_run(open_page: Open) -> None:
    figure = a_figure(0.1, 0.3, CANNOT_TELL, is_headline=True)
    figure = replace(figure, measure=replace(P95, name=HOSTILE), cell=Cell(phase="steady", route=HOSTILE))
    found = a_comparison(figure, notes=(HOSTILE,), differs=(HOSTILE,), under_test=(HOSTILE,))
    found = replace(found, base=replace(found.base, name=HOSTILE, told=HOSTILE, runs=(HOSTILE,)))
    opened = open_page(render(found))
    page = opened.page
    box = page.locator("figure.forest .canvas").bounding_box()
    at = page.evaluate(
        """() => { const chart = echarts.getInstanceByDom(document.querySelector('figure.forest .canvas'));
        return chart.convertToPixel({ gridIndex: 0 }, [10, 0]); }"""
    )
    page.mouse.move(box["x"] + at[0], box["y"] + at[1], steps=3)
    page.locator("figure.forest .canvas b", has_text="window.hacked").first.wait_for(state="attached")
    assert page.evaluate("window.hacked === undefined")
    assert page.locator("main img").count() == 0
    assert opened.complaints == []


@in_browser
def test_without_scripts_the_judgement_and_every_figure_are_there(chromium: Any, tmp_path: Path) -> None:
    path = tmp_path / "comparison.html"
    path.write_text(render(COMPARISONS["regressed"]()), encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("h1").inner_text().strip().endswith("REGRESSED")
    assert page.locator("table.figures tbody tr:visible").count() == 7
    context.close()
