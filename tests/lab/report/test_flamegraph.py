import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.model import Flame, FlameBox, FrameKind
from lab.report.flamegraph import flamegraph

SVG = "{http://www.w3.org/2000/svg}"


def a_box(words: str, depth: int, start: float, width: float, **fields: object) -> FlameBox:
    values: dict[str, object] = {"kind": FrameKind.PYTHON, "told": f"{width:.1%}", **fields}
    return FlameBox(words=words, depth=depth, start=start, width=width, **values)  # type: ignore[arg-type]  # the fields of the test


BOXES = (
    a_box("all", 0, 0, 1, kind=FrameKind.OTHER),
    a_box("app.serve", 1, 0, 0.6),
    a_box("app.explain", 1, 0.6, 0.4),
    a_box("sort in numpy", 2, 0, 0.3, kind=FrameKind.NATIVE),
    a_box("sort in libc", 3, 0.1, 0.1, kind=FrameKind.NATIVE),
    a_box("np::less<a, b> & co", 2, 0.6, 0.2, kind=FrameKind.NATIVE),
)


def a_flame(*boxes: FlameBox, **fields: object) -> Flame:
    values: dict[str, object] = {"title": "CPU of ai_core", "subtitle": "py-spy at 100 Hz", **fields}
    return Flame(boxes=boxes or BOXES, **values)  # type: ignore[arg-type]  # the fields of the test


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314  # written by the lab


def test_the_same_boxes_give_the_same_bytes() -> None:
    assert flamegraph(a_flame()) == flamegraph(a_flame())


def test_it_is_complete_without_its_script_and_loads_nothing() -> None:
    svg = flamegraph(a_flame())
    assert texts(svg)[:2] == ["CPU of ai_core", "py-spy at 100 Hz"]
    assert [text for text in texts(svg) if text in {box.words for box in BOXES}] == [box.words for box in BOXES]
    assert set(re.findall(r"https?://[^\"']*", svg)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    assert not re.search(r"@import|url\(|\bsrc=|href=", svg)


def test_every_box_has_a_tooltip_a_label_and_one_of_them_takes_the_keyboard() -> None:
    root = ET.fromstring(flamegraph(a_flame()))  # noqa: S314  # written by the lab
    boxes = [group for group in root.iter(f"{SVG}g") if "data-d" in group.attrib]
    assert [box.findtext(f"{SVG}title") for box in boxes] == [f"{box.words}: {box.told}" for box in BOXES]
    assert all(box.get("aria-label") == box.findtext(f"{SVG}title") for box in boxes)
    assert [box.get("tabindex") for box in boxes] == ["0", "-1", "-1", "-1", "-1", "-1"]


def test_names_are_cut_to_their_box_and_what_is_left_out_is_said() -> None:
    svg = flamegraph(a_flame(a_box("all", 0, 0, 1), a_box("a" * 60, 1, 0, 0.1), hidden="7 boxes are left out"))
    assert f"{'a' * 16}…" in texts(svg)
    assert texts(svg)[-1] == "7 boxes are left out"


def test_what_xml_cannot_hold_is_replaced() -> None:
    svg = flamegraph(a_flame(a_box("a\x00b\x1b]]>\ud800", 0, 0, 1)))
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}]]>\N{REPLACEMENT CHARACTER}" in texts(svg)
    svg.encode()


def test_a_profile_of_nothing_says_so() -> None:
    assert any("nothing used the CPU" in text for text in texts(flamegraph(Flame(title="x", subtitle="", boxes=()))))


def test_a_difference_says_what_its_colours_mean() -> None:
    svg = flamegraph(a_flame(a_box("all", 0, 0, 1), a_box("f", 1, 0, 0.5, shade=-4), is_difference=True))
    assert 'class="python d-4"' in svg
    assert {"halved or more", "within chance", "doubled or more"} <= set(texts(svg))


def test_the_largest_is_below_one_and_a_half_megabytes() -> None:
    long = "package.subpackage.module.Class.a_method_with_a_long_name"
    boxes = (a_box("all", 0, 0, 1), *(a_box(long, 1, number / 4000, 1 / 4000) for number in range(4000)))
    assert len(flamegraph(a_flame(*boxes)).encode()) < 1_500_000


@pytest.fixture
def in_browser(tmp_path: Path) -> Callable[[str, str], str]:
    """Opens an SVG in Chromium, does something to it, and gives what the script answers."""

    def ask(svg: str, script: str) -> str:
        page = tmp_path / "page.svg"
        answer = f"document.documentElement.setAttribute('data-answer', (() => {{ {script} }})())"
        asked = f"<script><![CDATA[{answer}]]></script>"
        page.write_text(svg.replace("</svg>", f"{asked}</svg>"), encoding="utf-8")
        program = shutil.which("chromium")
        assert program
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'chromium'}"]
        shown = subprocess.run(
            [program, *options, "--window-size=1200,600", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        found = re.search(r'data-answer="([^"]*)"', shown.stdout)
        assert found, shown.stdout[:500] + shown.stderr[-500:]
        return found[1]

    return ask


HELPERS = """
const box = (words) => [...document.querySelectorAll('g[data-d]')]
  .find((g) => g.getAttribute('aria-label').startsWith(words + ': '));
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
const shown = () => [...document.querySelectorAll('g[data-d]:not(.gone)')].length;
const width = (g) => parseFloat(g.querySelector('rect').getAttribute('width'));
const search = (text) => { const input = document.querySelector('#search'); input.value = text;
  input.dispatchEvent(new Event('input')); return document.querySelector('#found').textContent; };
"""


@pytest.mark.needs("chromium")
def test_a_click_zooms_and_escape_shows_all_again(in_browser: Callable[[str, str], str]) -> None:
    script = f"""{HELPERS}
    const steps = [shown()];
    box('app.explain').dispatchEvent(new MouseEvent('click', {{bubbles: true}}));
    steps.push(shown(), width(box('app.explain')), width(box('all')), width(box('np::less<a, b> & co')));
    press('Escape');
    steps.push(shown(), width(box('app.explain')));
    return steps.join(' ');"""
    assert in_browser(flamegraph(a_flame()), script) == "6 3 100 100 50 6 40"


@pytest.mark.needs("chromium")
def test_a_search_marks_what_matches_and_counts_what_lies_within_another_match_once(
    in_browser: Callable[[str, str], str],
) -> None:
    script = f"""{HELPERS}
    const told = [search('SORT in'), document.querySelectorAll('g.found').length];
    told.push(search('/^app\\\\.(serve|explain)$/'));
    return [...told, search('/(/'), search('')].join('|');"""
    assert in_browser(flamegraph(a_flame()), script) == (
        "2 boxes match, 30.0 % of what is shown|2|2 boxes match, 100.0 % of what is shown|"
        "0 boxes match, 0.0 % of what is shown|"
    )


@pytest.mark.needs("chromium")
def test_the_keyboard_reaches_every_box_and_tells_what_it_is(in_browser: Callable[[str, str], str]) -> None:
    script = f"""{HELPERS}
    box('all').focus();
    const way = [];
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowUp', 'ArrowLeft', 'Enter']) {{
      press(key); way.push(document.querySelector('#told').textContent.split(': ')[0]);
    }}
    return [...way, shown()].join('|');"""
    assert in_browser(flamegraph(a_flame()), script) == (
        "app.serve|app.explain|np::less&lt;a, b&gt; &amp; co|app.explain|app.serve|app.serve|4"
    )
