"""The grammar of thresholds, such as `p95(http_req_duration{scenario=upload_analyze}) < 1s over 30s windows`.

    threshold  = observed comparison limit [ "over" duration "windows" ]
    observed   = statistic "(" metric [ selector ] ")" | alias [ selector | "(" service ")" ] | result
    selector   = "{" label "=" value { "," label "=" value } "}"
    comparison = "<" | "<=" | ">" | ">="
    limit      = number [ unit ]

A value with a comma, a brace or a blank in it stands in double quotes. k6's `label:value` is read too. What there is to
be observed stands in `lab/threshold_metrics.py`.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lab.errors import ConfigError
from lab.model import Threshold
from lab.threshold_metrics import (
    ALIASES,
    GROWING,
    METRICS,
    RESULTS,
    SERVER_METRIC,
    UNIT_HELP,
    UNITS,
    VALUES,
    Metric,
    base_unit,
    is_server_metric,
)

MIN_WINDOW_S = 2.0
"""The shortest window: what collectors see comes once a second."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SELECTOR = r"""\{(?P<%s>(?:"[^"]*"|[^"}])*)\}"""
_UNIT = r"(?:[kMG]i?B|B)(?:/h)?|/h|/s|ms|min|s|h|%|"
_WHOLE = re.compile(
    rf"""\s*(?P<head>\w+)\s*
        (?:\(\s*(?P<argument>[\w-]+)\s*(?:{_SELECTOR % "selector"})?\s*\)|{_SELECTOR % "bare_selector"})?\s*
        (?P<comparison><=|>=|<|>)\s*(?P<number>[-+]?[\w.]*?(?:[eE][-+]\d+)?)\s*(?P<unit>{_UNIT})
        (?:\s+over\s+(?P<window>[\d.]+)\s*(?P<window_unit>ms|s|min|h)\s+windows?)?\s*""",
    re.VERBOSE,
)
_PAIR = re.compile(r"""\s*(?P<label>\w+)(?P<equals>\s*[=:]\s*)(?:"(?P<quoted>[^"]*)"|(?P<bare>[^",\s]+))\s*(?:,|$)""")
_FORM = "write it as p95(http_req_duration{scenario=upload_analyze}) < 1s, or with `over 30s windows` behind it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    """What the left side names; the places are where its parts stand in the text."""

    statistic: str
    metric: str
    statistic_at: int
    metric_at: int
    metric_end: int
    service: str = ""


def parse(text: str, *, phases: tuple[str, ...] = (), remedy: str = "") -> Threshold:
    """Read a threshold. Raises ConfigError with every problem in it, each with the text and a caret under its place."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise ConfigError(_pointed(text, _furthest(text), f"is no threshold; {_FORM}"))
    observed, problems = _observed(text, found)
    if observed is None:
        raise ConfigError(problems)
    pairs, pair_problems = _pairs(text, found)
    problems += pair_problems + _metric_problems(text, observed, pairs)
    limit, limit_problems = _limit(text, found, observed)
    if observed.statistic == "growth" and found["comparison"] not in {"<", "<="}:
        problems.append(_pointed(text, found.start("comparison"), "growth is held below a limit: write <"))
    window_s, window_problems = _window(text, found, observed)
    problems += limit_problems + window_problems
    if problems:
        raise ConfigError(problems)
    own = (("service", observed.service),) if observed.service else ()
    return Threshold(
        text=text.strip(),
        statistic=observed.statistic,
        metric=observed.metric,
        selector=(*own, *((label, _value(pair)) for label, pair in pairs.items())),
        comparison=found["comparison"],
        limit=limit,
        unit=_unit(observed),
        window_s=window_s,
        phases=phases,
        remedy=remedy,
    )


def unit_of(threshold: Threshold) -> str:
    """Give the unit of a threshold's limit and of what it observes.

    `s`, `ratio`, `count`, `bytes`, `per_s`, `value` (none), or one of them with `/h`.
    """
    return threshold.unit


def holds(threshold: Threshold, value: float) -> bool:
    """Whether a value keeps within the limit."""
    return _COMPARISONS[threshold.comparison](value, threshold.limit)


def _unit(observed: _Observed) -> str:
    base = base_unit(observed.statistic, observed.metric)
    return f"{base}/h" if observed.statistic == "growth" else base


# -------------------------------------------------------------------------------------------------- what is observed


def _observed(text: str, found: re.Match[str]) -> tuple[_Observed | None, list[str]]:
    head, head_at = found["head"], found.start("head")
    if head in RESULTS:
        extra = found.start("argument") if found["argument"] else found.start("bare_selector")
        problems = [_pointed(text, extra, f"{head} is the result of a phase and takes nothing")] if extra >= 0 else []
        return _whole("value", head, found), problems
    if head in ALIASES:
        statistic, metric = ALIASES[head]
        is_growth = statistic == "growth"
        if found["argument"] and not is_growth:
            return None, [_pointed(text, found.start("argument"), f"{head} takes labels, as in {head}{{route=...}}")]
        return _whole(statistic, metric, found, service=found["argument"] or ""), []
    if found["argument"] is None:
        return None, [_unknown(text, head_at, "name", head, (*ALIASES, *RESULTS))]
    place, end = found.span("argument")
    return _Observed(
        statistic=head, metric=found["argument"], statistic_at=head_at, metric_at=place, metric_end=end
    ), []


def _whole(statistic: str, metric: str, found: re.Match[str], *, service: str = "") -> _Observed:
    place, end = found.span("head")
    return _Observed(
        statistic=statistic, metric=metric, statistic_at=place, metric_at=place, metric_end=end, service=service
    )


def _metric_problems(text: str, observed: _Observed, pairs: Mapping[str, re.Match[str]]) -> list[str]:
    if observed.metric in RESULTS:
        return []
    if is_server_metric(observed.metric):
        return _server_problems(text, observed, pairs)
    metric = METRICS[observed.metric]
    problems = _statistic_problems(text, observed, metric)
    if metric.needed and metric.needed not in pairs:
        values = ", ".join(VALUES[metric.needed])
        problems.append(_pointed(text, observed.metric_end, f"needs the label {metric.needed}, one of {values}"))
    for label, pair in pairs.items():
        value = _value(pair)
        if label not in metric.labels:
            what = f"label of {observed.metric}"
            problems.append(_unknown(text, pair.start("label"), what, label, metric.labels))
        elif value not in VALUES.get(label, (value,)):
            problems.append(_unknown(text, pair.end("equals"), label, value, VALUES[label]))
    return problems


def _server_problems(text: str, observed: _Observed, pairs: Mapping[str, re.Match[str]]) -> list[str]:
    is_named = "service" in pairs or observed.metric.startswith("host_") or observed.statistic_at == observed.metric_at
    if not is_named:
        unknown = _unknown(text, observed.metric_at, "metric", observed.metric, METRICS)
        hint = "a metric of a server is named with the label service, or begins with host_"
        first, _, rest = unknown.partition("\n")
        return [f"{first}; {hint}\n{rest}"]
    problems = _statistic_problems(text, observed, SERVER_METRIC)
    if observed.statistic == "growth" and observed.metric not in GROWING:
        problems.append(_unknown(text, observed.metric_at, "metric that grows", observed.metric, GROWING))
    return problems


def _statistic_problems(text: str, observed: _Observed, metric: Metric) -> list[str]:
    if observed.statistic in metric.statistics:
        return []
    what = f"statistic of {observed.metric}"
    return [_unknown(text, observed.statistic_at, what, observed.statistic, metric.statistics)]


def _value(pair: re.Match[str]) -> str:
    return str(pair["bare"] if pair["quoted"] is None else pair["quoted"])


def _pairs(text: str, found: re.Match[str]) -> tuple[dict[str, re.Match[str]], list[str]]:
    """Give the selector's pairs by their label, as far as they can be read."""
    pairs: dict[str, re.Match[str]] = {}
    group = "selector" if found["selector"] is not None else "bare_selector"
    place, end = found.span(group) if found[group] is not None else (0, 0)
    while place < end:
        pair = _PAIR.match(text, place, end)
        if pair is None:
            return pairs, [_pointed(text, place, "write label=value, separated by commas")]
        if pair["label"] in pairs:
            return pairs, [_pointed(text, pair.start("label"), f"{pair['label']} is given twice")]
        pairs[pair["label"]] = pair
        place = pair.end()
    return pairs, []


# ------------------------------------------------------------------------------------------------- limit and window


def _limit(text: str, found: re.Match[str], observed: _Observed) -> tuple[float, list[str]]:
    try:
        number = float(found["number"])
    except ValueError:
        return 0.0, [_pointed(text, found.start("number"), f"{found['number']!r} is no number")]
    if not math.isfinite(number) or number < 0:
        return 0.0, [_pointed(text, found.start("number"), "a limit is a number of 0 or more")]
    base, unit = base_unit(observed.statistic, observed.metric), found["unit"]
    if observed.statistic == "growth":
        if not unit.endswith("/h"):
            return 0.0, [_pointed(text, found.start("unit"), "growth is so much per hour: write /h behind the unit")]
        unit = unit.removesuffix("/h")
    if unit not in UNITS[base]:
        return 0.0, [_pointed(text, found.start("unit"), UNIT_HELP[base])]
    limit = number * UNITS[base][unit]
    if base == "ratio" and limit > 1:
        return 0.0, [_pointed(text, found.start("number"), "a rate cannot be above 1, which is 100%")]
    return limit, []


def _window(text: str, found: re.Match[str], observed: _Observed) -> tuple[float | None, list[str]]:
    if found["window"] is None:
        return None, []
    place = found.start("window")
    if observed.metric in RESULTS or observed.statistic == "growth":
        return None, [_pointed(text, place, "it is about a whole phase, and has no windows")]
    try:
        window_s = float(found["window"]) * UNITS["s"][found["window_unit"]]
    except ValueError:
        return None, [_pointed(text, place, f"{found['window']!r} is no number")]
    if window_s < MIN_WINDOW_S:
        return None, [_pointed(text, place, f"a window lasts at least {MIN_WINDOW_S:g} s")]
    return window_s, []


# ------------------------------------------------------------------------------------------------------ what is said


def _unknown(text: str, place: int, what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return _pointed(text, place, f"unknown {what}: {name!r}{hint} (there are: {', '.join(names)})")


def _pointed(text: str, place: int, message: str) -> str:
    return f"{message}\n    {text}\n    {' ' * place}^"


def _furthest(text: str) -> int:
    """How far the text can be read: the longest beginning of it that is the beginning of some threshold."""
    selector = r"""(?:\{(?:"[^"]*"|[^"}])*\})"""
    opened = re.match(r"\s*\w+\s*\(", text)
    left = (r"\s*[\w-]+", rf"\s*{selector}?\s*\)") if opened else (rf"\s*{selector}?",)
    steps = (
        r"\s*\w+",
        *((r"\s*\(", *left) if opened else left),
        r"\s*(?:<=|>=|<|>)",
        r"\s*[-+]?[\w.]*(?:\s*(?!over\b)[%/A-Za-z]+)?",
        r"\s+over",
        r"\s+[\d.]+\s*",
        r"(?:ms|s|min|h)\b",
        r"\s+windows?",
    )
    place = 0
    for step in steps:
        match = re.compile(step).match(text, place)
        if match is None:
            break
        place = match.end()
    return len(text) - len(text[place:].lstrip())
