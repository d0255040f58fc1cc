"""The page of a history in a real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.history import Wanted, history
from lab.report.html import render_history
from tests.lab.many_runs import ARunOfMany, wobbling

pytestmark = pytest.mark.needs("chromium", "playwright")

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
SLOW_SINCE = 12


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of runs one of whose figures regressed, and whose target and commits are called what no page may run."""
    root = tmp_path_factory.mktemp("runs")
    for n in range(20):
        factor = wobbling(n) * (1.5 if n >= SLOW_SINCE else 1)
        ARunOfMany(
            p95_s=0.1 * factor,
            p99_s=None if n == 3 else 0.2 * wobbling(n),
            cpu_s=0.002 / factor,
            commit=HOSTILE + str(n),
            target=HOSTILE,
            versions={HOSTILE: str(n >= SLOW_SINCE)},
        ).write(root, n)
    found = history(root, Wanted())
    return render_history(found, {found.groups[0].runs[0].run_id: "run/report.html"})


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # where it is missing, tests skip with the reason

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., tuple[Any, list[str]]]


@pytest.fixture
def open_page(chromium: Any, html: str, tmp_path: Path) -> Iterator[Open]:
    contexts = []
    path = tmp_path / "history.html"
    path.write_text(html, encoding="utf-8")

    def make(*, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str]]:
        """Give the page, and what it asked for and complained of."""
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn-ms]", timeout=60_000, state="attached")
        return page, said

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_change_is_drawn_and_nothing_is_asked_for_or_complained_of(
    scheme: str, width: int, open_page: Open, tmp_path: Path
) -> None:
    page, said = open_page(width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") == width
    figures = page.locator(".charts > figure.chart")
    assert figures.evaluate_all("(all) => all.filter((each) => !each.dataset.drawn).length") == 0
    kept = Path(os.environ.get("LAB_SCREENSHOTS", tmp_path))
    assert len(page.screenshot(path=kept / f"history-{scheme}-{width}.png", full_page=True)) > 30_000
    assert page.evaluate("window.hacked") is None
    assert said == []


def series_of(page: Any, title: str) -> dict[str, Any]:
    """Give what the chart of this title draws, by the names of its series."""
    canvas = page.locator("figure.chart", has=page.locator(f"h3:text-is('{title}')")).locator(".canvas")
    drawn: dict[str, Any] = canvas.evaluate(
        """(canvas) => Object.fromEntries(echarts.getInstanceByDom(canvas).getOption().series
          .map((series) => [series.name, { data: series.data, lines: series.markLine?.data ?? [] }]))"""
    )
    return drawn


def test_a_change_is_marked_at_the_run_since_which_it_is_and_levels_lie_beside_it(open_page: Open) -> None:
    page, _ = open_page()
    drawn = series_of(page, "p95, steady")
    assert [point[0] for point in drawn["regressed"]["data"]] == ["20260113T120000Z-mixed-nightly"]
    assert [line["xAxis"] for line in drawn["regressed"]["lines"]] == ["20260113T120000Z-mixed-nightly"]
    levels = [point[1] for point in drawn["level"]["data"]]
    assert len(set(levels[:SLOW_SINCE])) == 1
    assert levels[SLOW_SINCE] == pytest.approx(1.5 * levels[0], rel=0.02)
    assert "improved" in series_of(page, "cpu_per_request, steady, backend")
    assert "regressed" not in series_of(page, "p99, steady")


def test_what_regressed_is_said_first_and_in_tables_too(open_page: Open) -> None:
    page, _ = open_page()
    assert "regressed within the last 10 runs" in page.locator("h1").inner_text()
    row = page.locator("tbody tr", has_text="p95").first.inner_text()
    assert "regressed" in row
    assert "20260113T120000Z" in row
    page.get_by_text("as a table").first.click()
    assert page.locator("figure details.data table tbody tr").count() == 20
    page.locator("summary", has_text="Runs").last.click()
    assert page.get_by_role("link", name="20260101T120000Z-mixed-nightly").get_attribute("href") == "run/report.html"


def test_everything_is_reached_by_keyboard(open_page: Open) -> None:
    page, _ = open_page()
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName + ':' + document.activeElement.textContent.trim()"))
    assert "SUMMARY:as a table" in reached
    assert any(each.startswith("SUMMARY:Runs") for each in reached)
    assert any(each.startswith("SUMMARY:Figures that did not change") for each in reached)
    assert {"BUTTON:figure", "BUTTON:change"} <= reached
    assert any(each.startswith("INPUT:") for each in reached)


def test_a_closed_chapter_is_drawn_when_it_is_opened(open_page: Open) -> None:
    page, said = open_page()
    chapter = page.locator("details.level")
    chapter.locator("summary", has_text="Figures that did not change").click()
    widths = chapter.locator("canvas").evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().width)")
    assert widths
    assert min(widths) > 300
    assert said == []
