"""Pages in a real browser: Debian's Chromium, driven by Playwright. No page may ask for anything, or say an error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.report.html import IndexedRun, render, render_index, scalability
from tests.lab.report.a_law import a_law
from tests.lab.report.a_page import a_page
from tests.lab.report.in_browser import Open

pytestmark = pytest.mark.needs("chromium", "playwright")

KINDS = {
    *("rates", "percentiles", "heatmap", "errors", "waiting", "cores", "memory"),
    *("histogram", "ecdf", "tail", "ramp", "staircase", "cliff", "growth", "usl"),
}
HACKED = "window.hacked === undefined && [...document.querySelectorAll('iframe')].every((f) => !f.contentWindow.hacked)"


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a run that has everything."""
    return render(a_page(tmp_path_factory.mktemp("run")))


def test_every_chart_is_drawn_and_nothing_is_asked_for_or_complained_of(open_page: Open, html: str) -> None:
    opened = open_page(html)
    figures = opened.page.locator("figure.chart")
    kinds = figures.evaluate_all("(all) => all.map((each) => each.dataset.chart)")
    assert set(kinds) >= KINDS
    assert figures.evaluate_all("(all) => all.filter((each) => !each.dataset.drawn).length") == 0
    blank = """(all) => all.filter((canvas) => !canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value)).length"""
    assert opened.page.locator("figure.chart canvas").evaluate_all(blank) == 0
    assert [url.split(":")[0] for url in opened.asked] == ["file"]
    assert opened.complaints == []


def test_the_verdict_and_its_doubts_are_on_the_first_screen(open_page: Open, html: str) -> None:
    page = open_page(html).page
    for words in ("h1", ".headline", "aside h2", ".tiles"):
        box = page.locator(words).first.bounding_box()
        assert box["y"] + box["height"] <= 900, words
    assert page.locator("h1").inner_text().strip().endswith("PASSED")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_looks_different_in_the_dark_and_never_scrolls_sideways(
    scheme: str, width: int, open_page: Open, html: str, tmp_path: Path
) -> None:
    opened = open_page(html, width=width, scheme=scheme)
    assert opened.page.evaluate("document.documentElement.dataset.theme") == scheme
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    light = opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 249)"
    assert light == (scheme == "light")
    assert len(opened.screenshot(f"{scheme}-{width}", tmp_path)) > 50_000
    assert opened.complaints == []


def test_the_switch_wins_over_the_system_and_charts_are_drawn_anew(open_page: Open, html: str) -> None:
    page = open_page(html).page
    pixels = "() => document.querySelector('.rates canvas').toDataURL()"
    before = page.evaluate(pixels)
    page.get_by_label("Dark").check(force=True)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(pixels) != before
    page.get_by_label("Auto").check(force=True)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


# in whole seconds, of each chart over time; charts of a group follow one another after the event, not within it
RANGE = """() => [...document.querySelectorAll('figure[data-group=time] .canvas')].map((canvas) => {
  const { startValue, endValue } = echarts.getInstanceByDom(canvas).getOption().dataZoom[0];
  return Math.round((endValue - startValue) / 1000);
})"""


def ranges_are(page: Any, told: str) -> None:
    """Wait until what is told of each chart's range, `s`, holds for all of them."""
    page.wait_for_function(f"() => ({RANGE})().every((s) => {told})", timeout=60_000)


def test_charts_over_time_zoom_together_by_button_and_by_drag(open_page: Open, html: str) -> None:
    opened = open_page(html)
    page = opened.page
    ranges_are(page, "s === 300")
    page.get_by_role("button", name="soak").click()
    ranges_are(page, "s === 100")
    page.get_by_role("button", name="zoom in").click()
    ranges_are(page, "s === 50")
    page.get_by_role("button", name="whole run").click()
    canvas = page.locator(".percentiles .canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    page.mouse.up()
    ranges_are(page, "30 < s && s < 100")
    assert len(set(page.evaluate(RANGE))) == 1
    page.mouse.dblclick(box["x"] + box["width"] * 0.5, middle)
    ranges_are(page, "s === 300")
    assert opened.complaints == []


def test_what_services_say_is_shown_and_never_run(open_page: Open, tmp_path: Path) -> None:
    opened = open_page(render(a_page(tmp_path, hostile=True)))
    page = opened.page
    page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    page.locator("iframe").wait_for(timeout=60_000)
    page.frame_locator("iframe").locator("g[data-d]").first.wait_for(state="attached", timeout=60_000)
    for chart in page.locator(".cores .canvas, .memory .canvas, .heatmap .canvas").all():
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    page.locator(".memory .canvas b", has_text="100 MB").first.wait_for(state="attached")
    assert "window.hacked" in page.locator(".memory .canvas").inner_text()  # in the tooltip
    assert page.locator(".canvas img, .canvas script, main img").count() == 0
    assert page.evaluate(HACKED)
    assert page.locator("li code").first.inner_text().startswith("</script><script>window.hacked = 1")
    assert [url.split(":")[0] for url in opened.asked if url != "about:srcdoc"] == ["file"]
    assert opened.complaints == []


def test_flame_graphs_open_inside_the_page_in_its_theme_and_can_be_searched(open_page: Open, html: str) -> None:
    opened = open_page(html)
    page = opened.page
    page.get_by_label("Dark").check(force=True)
    page.locator("details.flame > summary").click()
    frame = page.frame_locator("details.flame iframe")
    frame.locator("#search").fill("innocent")
    assert frame.locator("#found").text_content() == "1 boxes match, 60.0 % of what is shown"
    page_color = "(svg) => getComputedStyle(svg).getPropertyValue('--page').trim()"
    assert frame.locator("svg").evaluate(page_color) == "#16181c"
    assert opened.complaints == []


def test_tables_sort_by_figures_with_their_units_and_keep_rows_below_their_heading(open_page: Open, html: str) -> None:
    page = open_page(html).page
    page.evaluate("""() => {
      document.querySelector('main').insertAdjacentHTML('beforeend', `<table id="t">
        <thead><tr><th>name</th><th>took</th></tr></thead>
        <tbody><tr class="heading"><td>one</td><td></td></tr><tr><td>b</td><td>1.2 s</td></tr>
        <tr><td>a</td><td>900 ms</td></tr><tr><td>c</td><td>–</td></tr></tbody>
        <tbody><tr><td>d</td><td>2.00 (1–3) ms</td></tr></tbody></table>`);
      lab.makeSortable(document.getElementById('t'));
    }""")
    names = "() => [...document.querySelectorAll('#t tbody tr')].map((row) => row.cells[0].textContent).join('')"
    head = page.locator("#t th button").nth(1)
    head.press("Enter")
    assert page.evaluate(names) == "onebacd"
    assert page.locator("#t th").nth(1).get_attribute("aria-sort") == "descending"
    head.press("Enter")
    assert page.evaluate(names) == "oneabcd"


def test_the_keyboard_reaches_the_verdict_the_theme_the_zoom_and_every_table(open_page: Open, html: str) -> None:
    page = open_page(html).page
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "document.activeElement.closest('.skip, .theme, nav, aside, .zoom, .choice, th, summary')?.className "
            "?? document.activeElement.tagName"
        )
        reached.add(at)
        if page.evaluate("document.activeElement === document.body"):
            break
    tags = set(page.evaluate("[...new Set([...document.querySelectorAll('.zoom')].map((each) => each.className))]"))
    assert tags | {"skip", "theme", "choice"} <= reached


def test_every_chart_can_be_read_as_a_table(open_page: Open, html: str) -> None:
    page = open_page(html).page
    page.locator(".rates details.data > summary").first.click()
    rows = page.locator(".rates details.data tbody tr")
    rows.first.wait_for()
    assert rows.count() > 20
    assert page.locator(".rates details.data thead").first.inner_text().split() == [
        "UTC",
        "planned",
        "achieved",
        "answered",
    ]


def test_the_law_is_drawn_with_its_interval_its_peak_and_points_that_tell_themselves_apart(
    open_page: Open, html: str
) -> None:
    page = open_page(html).page
    canvas = page.locator("#capacity .usl .canvas")
    canvas.scroll_into_view_if_needed()
    found = canvas.evaluate("""(canvas) => {
      const chart = echarts.getInstanceByDom(canvas);
      const { series } = chart.getOption();
      const dots = series.filter((each) => each.type === 'scatter');
      return {
        names: series.map((each) => each.name),
        counts: dots.map((each) => each.data.length),
        fills: dots.map((each) => each.itemStyle.color),
        page: getComputedStyle(document.documentElement).getPropertyValue('--page').trim(),
        peak: series.flatMap((each) => each.markLine?.data ?? []).map((each) => each.label.formatter),
        at: chart.convertToPixel({ gridIndex: 0 }, dots[1].data[0].slice(0, 2)),
      };
    }""")
    assert found["names"] == ["interval", "law", "law without what was held out", "measured", "measured, held out"]
    assert found["counts"] == [12, 2]
    assert found["fills"][0] != found["page"] == found["fills"][1]  # hollow
    assert found["peak"][0].startswith("peak: ")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + found["at"][0], box["y"] + found["at"][1], steps=3)
    page.locator("#capacity .usl .canvas b", has_text=" to ").first.wait_for(state="attached")
    assert "measured with 50 journeys under way" in canvas.inner_text()


def test_a_law_that_ends_before_its_peak_goes_on_as_another_line(open_page: Open, tmp_path: Path) -> None:
    law = a_law(most=25)
    made = a_page(tmp_path)
    document = replace(made.documents[1], data={"scalability": scalability.data_of(law)})
    opened = open_page(render(replace(made, documents=(document,))))
    names = opened.page.locator(".usl .canvas").evaluate(
        "(canvas) => echarts.getInstanceByDom(canvas).getOption().series.map((each) => each.name)"
    )
    assert "law, beyond what was measured" in names
    assert opened.complaints == []


def test_paper_is_light_has_every_chart_and_opens_the_doubts(open_page: Open, html: str) -> None:
    opened = open_page(html, scheme="dark")
    page = opened.page
    page.evaluate("""() => addEventListener('beforeprint', () => {
      const closed = document.querySelectorAll('details.doubt:not([open])').length;
      window.printed = [document.documentElement.dataset.theme, closed];
    })""")
    assert len(page.pdf(prefer_css_page_size=True, print_background=True)) > 50_000
    assert page.evaluate("window.printed") == ["light", 0]
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert opened.complaints == []


def test_without_scripts_the_verdict_and_the_tables_are_complete(chromium: Any, html: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("h1").inner_text().strip().endswith("PASSED")
    assert page.locator("table tbody tr").count() > 20
    context.close()


def test_the_index_filters_and_links(open_page: Open) -> None:
    runs = [
        IndexedRun(
            run_id=f"2026010{day}T120000Z-mixed-{plan}",
            record={"started_at": 1.7e9, "scenario": {"name": "mixed"}, "plan": {"name": plan}, "target": "stubs"},
            verdict={"outcome": outcome, "findings": [], "doubts": []},
            analysis=None,
            files=("report.html",),
        )
        for day, plan, outcome in ((3, "smoke", "passed"), (2, "soak", "failed"), (1, "smoke", "failed"))
    ]
    opened = open_page(render_index(runs), awaited="table.runs")
    opened.page.locator("#wanted").fill("smoke FAILED")
    assert opened.page.locator("table.runs tbody tr:visible").count() == 1
    assert opened.page.locator("#shown").inner_text() == "1 of 3 runs"
    assert opened.complaints == []
