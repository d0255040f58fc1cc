"""The grammar of thresholds, such as `p95(http_req_duration{scenario=upload_analyze}) < 1s`.

    threshold  = statistic "(" metric [ "{" label "=" value { "," label "=" value } "}" ] ")" comparison limit
    comparison = "<" | "<=" | ">" | ">="
    limit      = number [ "ms" | "s" | "min" | "%" ]

A value with a comma, a brace or a blank in it stands in double quotes. k6's `label:value` is read too.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lab.errors import ConfigError
from lab.model import Threshold

QUANTILES: Mapping[str, float] = MappingProxyType({"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999})
"""The percentiles there are, by statistic."""

_DURATION = (*QUANTILES, "mean", "max", "count")
_RATE = ("rate", "count")
_COUNT = ("count",)


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be held against a limit: the statistics that make sense of it, and the labels that it has.

    `needed` is a label without which its values are of different kinds and have no statistic in common.
    """

    statistics: tuple[str, ...]
    labels: tuple[str, ...]
    needed: str = ""


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "http_req_duration": Metric(_DURATION, ("scenario", "route")),
        "http_req_waiting": Metric(_DURATION, ("scenario", "route")),
        "http_req_failed": Metric(_RATE, ("scenario", "route")),
        "iteration_duration": Metric(_DURATION, ("scenario",)),
        "analysis_duration": Metric(_DURATION, ("scenario", "explainer")),
        "upload_to_report": Metric(_DURATION, ("scenario", "explainer")),
        "ai_core_analyze": Metric(_DURATION, ("scenario", "explainer", "part"), needed="part"),
        "analysis_failed": Metric(_RATE, ("scenario", "explainer")),
        "checks_failed": Metric(_COUNT, ("scenario", "check")),
    }
)
"""Durations are in seconds, rates are ratios; `checks_failed` has a count alone, since passed checks are not kept."""

_VALUES = {"explainer": ("tree", "kernel"), "part": ("parse", "fit", "explain", "total")}
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WHOLE = re.compile(
    r"""\s*(?P<statistic>\w+)\s*\(\s*(?P<metric>\w+)\s*(?:\{(?P<selector>(?:"[^"]*"|[^"}])*)\})?\s*\)
        \s*(?P<comparison><=|>=|<|>)\s*(?P<number>[-+]?[\w.]*?(?:[eE][-+]\d+)?)\s*(?P<unit>ms|s|min|%|)\s*""",
    re.VERBOSE,
)
_PAIR = re.compile(r"""\s*(?P<label>\w+)(?P<equals>\s*[=:]\s*)(?:"(?P<quoted>[^"]*)"|(?P<bare>[^",\s]+))\s*(?:,|$)""")
_FORM = "write it as p95(http_req_duration{scenario=upload_analyze}) < 1s"


def parse(text: str, *, phases: tuple[str, ...] = (), remedy: str = "") -> Threshold:
    """Read a threshold. Raises ConfigError with every problem in it, each with the text and a caret under its place."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise ConfigError(_pointed(text, _furthest(text), f"is no threshold; {_FORM}"))
    pairs, problems = _pairs(text, found)
    problems += _metric_problems(text, found, pairs)
    limit, limit_problems = _limit(text, found)
    if problems or limit_problems:
        raise ConfigError([*problems, *limit_problems])
    return Threshold(
        text=text.strip(),
        statistic=found["statistic"],
        metric=found["metric"],
        selector=tuple((label, _value(pair)) for label, pair in pairs.items()),
        comparison=found["comparison"],
        limit=limit,
        phases=phases,
        remedy=remedy,
    )


def unit_of(threshold: Threshold) -> str:
    """Give the unit of the threshold's limit and of what it observes: `s`, `ratio` or `count`."""
    if threshold.statistic in {"rate", "count"}:
        return {"rate": "ratio", "count": "count"}[threshold.statistic]
    return "s"


def holds(threshold: Threshold, value: float) -> bool:
    """Whether a value keeps within the limit."""
    return _COMPARISONS[threshold.comparison](value, threshold.limit)


def _metric_problems(text: str, found: re.Match[str], pairs: Mapping[str, re.Match[str]]) -> list[str]:
    metric = METRICS.get(found["metric"])
    if metric is None:
        return [_unknown(text, found.start("metric"), "metric", found["metric"], METRICS)]
    problems = []
    if found["statistic"] not in metric.statistics:
        what = f"statistic of {found['metric']}"
        problems.append(_unknown(text, found.start("statistic"), what, found["statistic"], metric.statistics))
    if metric.needed and metric.needed not in pairs:
        values = ", ".join(_VALUES[metric.needed])
        problems.append(_pointed(text, found.end("metric"), f"needs the label {metric.needed}, one of {values}"))
    for label, pair in pairs.items():
        value = _value(pair)
        if label not in metric.labels:
            what = f"label of {found['metric']}"
            problems.append(_unknown(text, pair.start("label"), what, label, metric.labels))
        elif value not in _VALUES.get(label, (value,)):
            problems.append(_unknown(text, pair.end("equals"), label, value, _VALUES[label]))
    return problems


def _value(pair: re.Match[str]) -> str:
    return str(pair["bare"] if pair["quoted"] is None else pair["quoted"])


def _pairs(text: str, found: re.Match[str]) -> tuple[dict[str, re.Match[str]], list[str]]:
    """Give the selector's pairs by their label, as far as they can be read."""
    pairs: dict[str, re.Match[str]] = {}
    place, end = found.span("selector") if found["selector"] is not None else (0, 0)
    while place < end:
        pair = _PAIR.match(text, place, end)
        if pair is None:
            return pairs, [_pointed(text, place, "write label=value, separated by commas")]
        if pair["label"] in pairs:
            return pairs, [_pointed(text, pair.start("label"), f"{pair['label']} is given twice")]
        pairs[pair["label"]] = pair
        place = pair.end()
    return pairs, []


def _limit(text: str, found: re.Match[str]) -> tuple[float, list[str]]:
    statistic, unit = found["statistic"], found["unit"]
    try:
        number = float(found["number"])
    except ValueError:
        return 0.0, [_pointed(text, found.start("number"), f"{found['number']!r} is no number")]
    if not math.isfinite(number) or number < 0:
        return 0.0, [_pointed(text, found.start("number"), "a limit is a number of 0 or more")]
    if statistic == "count":
        return number, [_pointed(text, found.start("unit"), "a count has no unit")] if unit else []
    if statistic == "rate":
        return _ratio(text, found, number)
    if unit not in _SECONDS:
        return 0.0, [_pointed(text, found.start("unit"), "a duration needs a unit: ms, s or min")]
    return number * _SECONDS[unit], []


def _ratio(text: str, found: re.Match[str], number: float) -> tuple[float, list[str]]:
    if found["unit"] not in {"", "%"}:
        return 0.0, [_pointed(text, found.start("unit"), "a rate is a ratio (0.005) or a percentage (0.5%)")]
    ratio = number / 100 if found["unit"] == "%" else number
    too_high = [_pointed(text, found.start("number"), "a rate cannot be above 1, which is 100%")]
    return ratio, too_high if ratio > 1 else []


def _unknown(text: str, place: int, what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return _pointed(text, place, f"unknown {what}: {name!r}{hint} (there are: {', '.join(names)})")


def _pointed(text: str, place: int, message: str) -> str:
    return f"{message}\n    {text}\n    {' ' * place}^"


def _furthest(text: str) -> int:
    """How far the text can be read: the longest beginning of it that is the beginning of some threshold."""
    steps = (
        r"\s*\w+",
        r"\s*\(",
        r"\s*\w+",
        r"""\s*(?:\{(?:"[^"]*"|[^"}])*\})?\s*\)""",
        r"\s*(?:<=|>=|<|>)",
        r"\s*[-+]?[\w.]*\s*%?",
    )
    place = 0
    for step in steps:
        match = re.compile(step).match(text, place)
        if match is None:
            break
        place = match.end()
    return len(text) - len(text[place:].lstrip())
