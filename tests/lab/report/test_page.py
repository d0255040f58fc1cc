"""The page as text: what it says, what it never lets through, and that it is the same each time."""

import json
import random
import re
from collections import Counter
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from markupsafe import escape

from lab.analysis import analyse
from lab.model import Outcome
from lab.playbooks import diagnose
from lab.report.capacity import scalability_sentences
from lab.report.html import Chart, FlameFile, IndexedRun, render, render_index, scalability
from lab.report.html.documents import as_html
from lab.report.html.files import INDEX_SCRIPTS, SCRIPTS, text_of
from lab.report.html.flames import pack
from lab.report.html.key_figures import KeyFigure, key_figures, margins, nearest
from lab.report.profiles import title_of
from lab.report.sections import sections
from tests.lab.playbooks.a_case import ACase
from tests.lab.report.a_law import a_law
from tests.lab.report.a_page import HOSTILE, a_page

_MOST_BYTES = 5_000_000


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    loaded = json.loads(found[1])
    assert isinstance(loaded, dict)
    return loaded


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    assert render(a_page(tmp_path)) == render(a_page(tmp_path))


def test_the_verdict_comes_first_and_its_doubts_stand_beside_it(tmp_path: Path) -> None:
    page = render(a_page(tmp_path))
    first, _, rest = page.partition('<section id="findings">')
    assert '<span class="outcome">PASSED</span>' in first
    assert "something else used the machine" in first
    assert "end what else runs on the machine" in first
    assert "P95 of requests" in first
    assert 'id="timeline"' in rest


def test_a_failed_run_says_what_was_missed_and_what_to_do(tmp_path: Path) -> None:
    made = a_page(tmp_path, thresholds=("p95(http_req_duration) < 100ms", "error_rate < 0.5%"))
    finding = replace(made.report.verdict.findings[0], remedy="add an index")
    assert finding.outcome == Outcome.FAILED
    verdict = replace(made.report.verdict, findings=(finding, *made.report.verdict.findings[1:]))
    first, _, _ = render(replace(made, report=replace(made.report, verdict=verdict))).partition(
        '<section id="findings">'
    )
    assert "FAILED" in first
    assert "add an index" in first
    assert "p95(http_req_duration) &lt; 100ms in sustain: observed 200 ms" in first


def test_every_table_of_the_summary_is_on_the_page_once(tmp_path: Path) -> None:
    made = a_page(tmp_path)
    of_their_own = {"Findings", "The slowest requests", "Profiles"}
    titles = Counter(section.title for section in sections(made.report) if section.title not in of_their_own)
    page = render(made)
    assert {title: page.count(f"<summary><h3>{escape(title)}</h3>") for title in titles} == titles


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page = render(a_page(tmp_path))
    library = text_of("vendor/echarts.min.js")
    own = page.replace(library, "")
    assert "default-src 'none'" in unescape(own)
    assert not re.search(r"""(?:src)=|<link""", own)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", own)


def test_text_of_services_cannot_end_the_element_that_it_stands_in(tmp_path: Path) -> None:
    page = render(a_page(tmp_path, hostile=True))
    assert page.count("<script") == 1 + len(SCRIPTS)
    assert "<img" not in page.replace(text_of("vendor/echarts.min.js"), "")
    assert "&lt;/script&gt;&lt;script&gt;window.hacked = 1" in page
    assert HOSTILE not in page


def test_scripts_cannot_end_their_own_element() -> None:
    for name in {*SCRIPTS, *INDEX_SCRIPTS}:
        assert "</script" not in text_of(name).lower()
        assert "<!--" not in text_of(name)


def test_the_policy_names_every_script_and_no_other(tmp_path: Path) -> None:
    page = render(a_page(tmp_path))
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    assert found[1].count("sha256-") == len(SCRIPTS) + 1  # that of flame graphs runs in frames
    assert "unsafe-inline" not in found[1].split("style-src")[0]


def test_what_is_drawn_keeps_the_slowest_request_of_the_run(tmp_path: Path) -> None:
    drawn = data_of(render(a_page(tmp_path)))
    timelines = drawn["timelines"]
    assert isinstance(timelines, dict)
    assert max(value for value in timelines[""]["slowest"]["v"] if value is not None) == 1.5


def test_a_run_that_drove_nothing_has_a_page_all_the_same(tmp_path: Path) -> None:
    made = a_page(tmp_path)
    whole = replace(made.curves.whole, started_at=0.0, ended_at=0.0)
    empty = replace(
        made.curves, whole=whole, distributions=(), heatmap=replace(made.curves.heatmap, cells=()), close_ups=()
    )
    analysis = replace(
        made.report.analysis,
        windows=(),
        load=(),
        ramps=(),
        resiliences=(),
        break_points=(),
        leaks=(),
        slowest=(),
        latencies=(),
    )
    page = render(replace(made, curves=empty, report=replace(made.report, analysis=analysis), flames=(), documents=()))
    assert "<figure" not in page
    assert "PASSED" in page


# ---------------------------------------------------------------------------------------------------------- its parts


def test_margins_are_shares_of_the_limit_whichever_side_it_is_on(tmp_path: Path) -> None:
    report = a_page(tmp_path, thresholds=("p95(http_req_duration) < 1s", "error_rate < 0.5%")).report
    fast, failing = margins(report)
    assert fast.used == pytest.approx(0.2, rel=0.01)
    assert fast.told == "20% of the limit"
    assert failing.used is not None
    assert failing.finding.observed
    assert failing.used == pytest.approx(failing.finding.observed.value / 0.005)


def test_a_limit_from_below_is_told_as_how_many_times_it_was_reached(tmp_path: Path) -> None:
    report = a_page(tmp_path).report
    threshold = replace(report.plan.thresholds[0], comparison=">", limit=0.1)
    finding = replace(report.verdict.findings[0], limit=0.1)
    changed = replace(
        report,
        plan=replace(report.plan, thresholds=(threshold,)),
        verdict=replace(report.verdict, findings=(finding,)),
    )
    (margin,) = margins(changed)
    assert margin.told == "2.0 times what is asked"
    assert margin.used == pytest.approx(0.5, rel=0.01)


def test_key_figures_have_the_load_that_was_held_and_the_worst_of_each_kind(tmp_path: Path) -> None:
    report = a_page(tmp_path, thresholds=("p95(http_req_duration) < 1s", "error_rate < 0.5%")).report
    figures: dict[str, KeyFigure] = {}
    for figure in key_figures(report):
        figures.setdefault(figure.name, figure)
    assert figures["Load held"].value == "2.0 /s"
    assert figures["P95 of requests"].outcome == "passed"
    assert figures["Failed requests"].outcome in {"passed", "failed"}
    assert figures["Break point"].value == "57.3 /s"


def test_a_run_that_passed_says_what_was_nearest_to_its_limit(tmp_path: Path) -> None:
    report = a_page(tmp_path).report
    assert nearest(report).startswith("Nearest to its limit: p95(http_req_duration) < 1s in sustain")
    assert nearest(replace(report, verdict=replace(report.verdict, outcome=Outcome.INVALID))) == ""


def test_documents_become_html_without_tags_pictures_or_scripts_of_their_own() -> None:
    html = as_html(
        "# Title\n\n<b onclick=x>bold</b> *really*\n\n![x](http://a/b.png)\n\n[go](javascript:alert(1))\n\n|a|\n|-|\n|1|\n"
    )
    assert "<h3>Title</h3>" in html
    assert "&lt;b onclick=x&gt;" in html
    assert "<em>really</em>" in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<table class="sortable">' in html


def test_documents_bring_charts_and_what_these_draw(tmp_path: Path) -> None:
    made = a_page(tmp_path)
    chart = Chart(kind="ramp", subject="ramp", title="Throughput against load", told="It bends.")
    document = replace(made.documents[0], charts=(chart,), data={"peak": 163.8})
    page = render(replace(made, documents=(document,)))
    assert "Throughput against load" in page
    assert data_of(page)["documents"] == {"playbooks": {"peak": 163.8}}


def test_the_law_of_a_run_is_a_chart_whose_words_are_those_of_the_plan() -> None:
    law = a_law()
    (chart,) = scalability.charts_of(law, "capacity")
    assert (chart.kind, chart.subject) == ("usl", "capacity")
    assert chart.told == " ".join(scalability_sentences(law))
    assert "above them by" in chart.told
    assert scalability.note_of(law) == ""
    data = scalability.data_of(law)
    assert [point[3] for point in data["points"]].count(True) == 2
    assert all(low <= x <= high for _, x, low, high in data["curve"])


def test_a_law_that_is_refused_says_so_in_words_and_has_no_chart(tmp_path: Path) -> None:
    law = a_law(contention=0, coherency=0)
    assert scalability.charts_of(law, "capacity") == ()
    made = a_page(tmp_path)
    document = replace(made.documents[1], charts=(), data={}, note=scalability.note_of(law))
    page = render(replace(made, documents=(document,)))
    assert "The Universal Scalability Law is not fitted: throughput still rises in a straight line" in page
    assert "requests/s is missing; drive stress steps there." in page
    assert 'data-chart="usl"' not in page


def test_tables_of_profiles_stand_with_their_flame_graphs_and_nowhere_else(tmp_path: Path) -> None:
    made = a_page(tmp_path)
    summary = made.report.analysis.profiles[0]
    flame = replace(made.flames[0], profile=replace(made.flames[0].profile, files=summary.files))
    page = render(replace(made, flames=(flame,)))
    chapter = page.partition('<section id="profiles">')[2].partition("</section>")[0]
    inside = chapter.partition('<details class="flame"')[2].partition("data-packed")[2]
    assert summary.by_own[0].frame.words in unescape(inside).partition("</table>")[0]
    heap = f"<h3>{escape(title_of(made.report.analysis.profiles[1]))}</h3>"
    assert (page.count(heap), chapter.count(heap)) == (1, 1)
    assert "x.folded cannot be read: gone" in chapter.partition("<details")[0]  # where it goes, for all of them
    assert "What grew in the heap" in chapter
    assert "What grew in the heap" not in page.partition('<section id="provenance">')[2]


def test_bottlenecks_stand_below_the_findings(tmp_path: Path) -> None:
    (tmp_path / "unwell").mkdir()
    case = ACase(tmp_path / "unwell")
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=0.15, labels="service=backend")
    case.samples = [case.request(second + part / 10, took_s=0.4) for second in range(60) for part in range(10)]
    evidence = case.evidence()
    made = a_page(tmp_path)
    page = render(replace(made, report=replace(made.report, diagnosis=diagnose(evidence, analyse(evidence)))))
    findings = page.partition('<section id="findings">')[2].partition("</section>")[0]
    assert "<h3>Bottlenecks</h3>" in findings
    assert "event loop" in findings.partition("<h3>Bottlenecks</h3>")[2]
    assert '<a href="#playbooks">' in findings


def test_flame_graphs_beyond_the_room_are_named_instead(tmp_path: Path) -> None:
    (flame,) = a_page(tmp_path).flames
    small, large = pack(
        [flame, FlameFile(profile=flame.profile, name="large.svg", svg=flame.svg)],
        most_bytes=len(pack([flame])[0].packed),
    )
    assert small.packed
    assert large.packed == ""
    noise = random.Random(14).randbytes(2_000_000).hex()  # nothing that could be compressed into the room
    assert "profiles/cpu.svg" in render(replace(a_page(tmp_path), flames=(replace(flame, svg=noise),)))


def test_a_page_with_as_many_flame_graphs_as_there_is_room_for_stays_below_five_megabytes(tmp_path: Path) -> None:
    made = a_page(tmp_path)
    room = 5_000_000 - len(render(replace(made, flames=())).encode())
    assert room > 1_500_000 + 1_500_000  # the flame graphs, and the data of a run of three hours


# ---------------------------------------------------------------------------------------------------------- the index


def an_indexed(run_id: str, outcome: str | None, **fields: object) -> IndexedRun:
    verdict = {"outcome": outcome, "findings": [], "doubts": []} if outcome else None
    record = {
        "started_at": 1.7e9,
        "scenario": {"name": "mixed"},
        "plan": {"name": "smoke"},
        "target": "stubs",
        **fields,
    }
    return IndexedRun(run_id=run_id, record=record, verdict=verdict, analysis=None, files=("report.html", "summary.md"))


def test_the_index_links_to_reports_and_has_runs_that_were_never_concluded() -> None:
    page = render_index([an_indexed("b", "failed"), an_indexed("a", None, state="interrupted")])
    assert '<a href="b/report.html">2023-11-14 22:13:20</a>' in page
    assert '<a href="a/summary.md">summary.md</a>' in page
    assert "not concluded yet" in page


def test_the_index_shows_figures_of_the_busiest_steady_phase() -> None:
    latency = {"count": 1000, "p95_s": {"value": 0.0123}}
    analysis = {
        "windows": [{"phase": "sustain", "kind": "sustain"}, {"phase": "spike", "kind": "spike"}],
        "load": [
            {"phase": "sustain", "planned_rate_per_s": 50, "achieved_rate_per_s": 49.96},
            {"phase": "spike", "planned_rate_per_s": 250, "achieved_rate_per_s": 250},
        ],
        "latencies": [{"phase": "sustain", "scenario": None, "route": None, "failed": 5, "latency": latency}],
        "break_points": [{"rate_per_s": {"value": 163.8}}],
    }
    page = render_index([replace(an_indexed("a", "passed"), analysis=analysis)])
    cells = re.findall(r'<td class="number">([^<]*)</td>', page)
    assert cells == ["1000", "50.0", "12.3 ms", "0.50%", "164 /s", "0"]


def test_a_run_of_another_version_keeps_no_other_from_the_index() -> None:
    odd = replace(an_indexed("odd", "passed"), analysis={"windows": [{}], "load": [1]})
    page = render_index([odd, an_indexed("a", "passed")])
    assert "another version of the lab" in page
    assert '<a href="a/report.html">2023-11-14 22:13:20</a>' in page


def test_the_index_escapes_what_a_record_says() -> None:
    page = render_index([an_indexed("a", "passed", target="<script>x</script>")])
    assert "&lt;script&gt;x" in page


def test_an_index_over_nothing_says_how_to_begin() -> None:
    assert "lab run mixed --up" in render_index([])
