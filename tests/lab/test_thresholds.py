"""The grammar of thresholds: what can be written, and how what cannot is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ConfigError
from lab.threshold_metrics import METRICS
from lab.thresholds import holds, parse, unit_of


@pytest.mark.parametrize(
    ("text", "statistic", "limit", "unit"),
    [
        ("p95(http_req_duration) < 1s", "p95", 1.0, "s"),
        ("p50(http_req_waiting)<300ms", "p50", 0.3, "s"),
        ("max(upload_to_report) <= 2min", "max", 120.0, "s"),
        ("rate(http_req_failed) < 0.5%", "rate", 0.005, "ratio"),
        ("rate(analysis_failed) < 0.005", "rate", 0.005, "ratio"),
        ("count(http_req_duration) >= 1000", "count", 1000.0, "count"),
        ("  mean( iteration_duration ) > 1e-3s ", "mean", 0.001, "s"),
        ("error_rate < 0.5%", "rate", 0.005, "ratio"),
        ("rss_growth(ai_core) < 5MB/h", "growth", 5e6, "bytes/h"),
        ("open_files_growth < 20/h", "growth", 20.0, "value/h"),
        ("recovery_time < 2min", "value", 120.0, "s"),
        ("break_point >= 200/s", "value", 200.0, "per_s"),
        ("max(process_resident_memory_bytes{service=ai_core}) < 2GiB", "max", 2.0**31, "bytes"),
        ("rate(http_requests_total{service=backend,status=200}) > 40/s", "rate", 40.0, "per_s"),
        ("mean(host_cpu_ratio) < 80%", "mean", 0.8, "ratio"),
    ],
)
def test_limits_are_read_in_their_units(text: str, statistic: str, limit: float, unit: str) -> None:
    threshold = parse(text)
    assert threshold.statistic == statistic
    assert threshold.limit == pytest.approx(limit)
    assert unit_of(threshold) == unit
    assert threshold.text == text.strip()


def test_selectors_are_read_bare_quoted_and_in_k6s_way() -> None:
    written = 'p95(http_req_duration{scenario:upload_analyze, route="GET /report/{id}"}) < 1s'
    assert parse(written).selector == (("scenario", "upload_analyze"), ("route", "GET /report/{id}"))


@pytest.mark.parametrize(
    ("text", "window_s"),
    [
        ("p95(http_req_duration) < 1s over 30s windows", 30.0),
        ('error_rate{route="GET /report/{id}"} < 0.5% over 1min windows', 60.0),
        ("max(up{service=backend}) <= 1 over 5 s window", 5.0),
        ("p95(http_req_duration) < 1s", None),
    ],
)
def test_windows_are_read(text: str, window_s: float | None) -> None:
    assert parse(text).window_s == window_s


def test_short_names_are_the_long_ones() -> None:
    short, long = parse("error_rate{scenario=mixed} < 1%"), parse("rate(http_req_failed{scenario=mixed}) < 1%")
    assert (short.statistic, short.metric, short.selector) == (long.statistic, long.metric, long.selector)
    assert parse("rss_growth(ai_core) < 5MB/h").selector == (("service", "ai_core"),)
    assert parse("rss_growth < 5MB/h").selector == ()


def test_phases_and_remedy_are_kept() -> None:
    threshold = parse("p95(http_req_duration) < 1s", phases=("sustain",), remedy="add a worker")
    assert (threshold.phases, threshold.remedy) == (("sustain",), "add a worker")


@pytest.mark.parametrize(
    ("text", "message", "pointed_at"),
    [
        ("p95(http_req_duraton) < 1s", "did you mean 'http_req_duration'", "http_req_duraton"),
        ("p96(http_req_duration) < 1s", "unknown statistic of http_req_duration", "p96"),
        ("p95(http_req_failed) < 1%", "there are: rate, count", "p95"),
        ("p95(http_req_duration{senario=x}) < 1s", "did you mean 'scenario'", "senario"),
        ("p95(ai_core_analyze{part=explan}) < 1s", "did you mean 'explain'", "explan"),
        ('p95(ai_core_analyze{scenario="an explan", part=explan}) < 1s', "did you mean 'explain'", "explan})"),
        ("p95(ai_core_analyze{explainer=tree}) < 1s", "needs the label part, one of parse, fit", "{explainer"),
        ("p95(http_req_duration{scenario}) < 1s", "label=value", "scenario"),
        ("p95(http_req_duration{scenario=a,scenario=b}) < 1s", "given twice", "scenario=b"),
        ("p95(http_req_duration) < 1", "needs a unit", ""),
        ("p95(http_req_duration) < 1%", "needs a unit", "%"),
        ("rate(http_req_failed) < 1s", "ratio (0.005) or a percentage", "s"),
        ("rate(http_req_failed) < 5", "cannot be above 1", "5"),
        ("count(checks_failed) < 5ms", "a count has no unit", "ms"),
        ("p95(http_req_duration) < -1s", "0 or more", "-1s"),
        ("p95(http_req_duration) < x1s", "is no number", "x1s"),
        ("p95(http_req_duration) < nans", "0 or more", "nans"),
        ("p95(http_req_duration", "is no threshold", ""),
        ("p95(http_req_duration) < 1s over 30 windows", "is no threshold", "windows"),
        ("p95(http_req_duration) < 1s over 1s windows", "a window lasts at least 2 s", "1s windows"),
        ("recovery_time < 5s over 30s windows", "has no windows", "30s windows"),
        ("rss_growth(ai_core) < 5MB", "write /h behind the unit", "MB"),
        ("rss_growth(ai_core) > 5MB/h", "growth is held below a limit", "> 5MB/h"),
        ("growth(process_rss{service=ai_core}) < 5/h", "unknown metric that grows", "process_rss"),
        ("eror_rate < 1%", "did you mean 'error_rate'", "eror_rate"),
        ("error_rate(ai_core) < 1%", "takes labels", "ai_core) < 1%"),
        ("recovery_time(spike) < 5s", "takes nothing", "spike) < 5s"),
        ("max(process_resident_memory_bytes{service=ai_core}) < 5", "a size needs a unit", ""),
        ("p95(heap_bytes) < 5MB", "named with the label service, or begins with host_", "heap_bytes"),
        ("median(heap_bytes{service=backend}) < 5MB", "unknown statistic of heap_bytes", "median"),
        ("p95(http_req_duration) = 1s", "is no threshold", "= 1s"),
        ("", "is no threshold", ""),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, message: str, pointed_at: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text)
    said, shown, caret = raised.value.problems[0].split("\n")
    assert message in said
    assert shown == f"    {text}"
    place = caret.index("^") - 4
    rest = text[place:].strip() if not pointed_at else text[place:]
    assert rest.startswith(pointed_at) if pointed_at else rest == ""


def test_every_problem_of_a_threshold_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        parse("p96(ai_core_analyze{part=explan,foo=1}) < 1")
    assert len(raised.value.problems) == 4


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [("<", True, False, False), ("<=", True, True, False), (">", False, False, True), (">=", False, True, True)],
)
def test_a_value_is_held_against_the_limit(comparison: str, below: bool, at: bool, above: bool) -> None:
    threshold = parse(f"p95(http_req_duration) {comparison} 1s")
    assert [holds(threshold, value) for value in (0.5, 1.0, 1.5)] == [below, at, above]


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, float]:
    name = draw(st.sampled_from(sorted(METRICS)))
    metric = METRICS[name]
    statistic = draw(st.sampled_from(metric.statistics))
    comparison = draw(st.sampled_from(["<", "<=", ">", ">="]))
    blank = draw(st.sampled_from(["", " ", "  "]))
    number = draw(st.integers(0, 100))
    unit, factor = {"rate": ("%", 0.01), "count": ("", 1.0)}.get(statistic, ("ms", 0.001))
    selectors = ["{part=fit,scenario=mixed}"] if metric.needed else ["", "{scenario=mixed}", '{scenario="mixed"}']
    selector = draw(st.sampled_from(selectors))
    return f"{statistic}{blank}({name}{selector}){blank}{comparison}{blank}{number}{unit}", name, number * factor


@given(written())
def test_whatever_the_grammar_allows_is_read_back(case: tuple[str, str, float]) -> None:
    text, metric, limit = case
    threshold = parse(text)
    assert threshold.metric == metric
    assert threshold.limit == pytest.approx(limit)
    assert parse(threshold.text) == threshold


@given(st.text(max_size=60))
def test_no_text_at_all_raises_anything_but_a_clear_error(text: str) -> None:
    problems: tuple[str, ...] = ("it was read",)
    try:
        parse(text)
    except ConfigError as error:
        problems = error.problems
    assert problems
