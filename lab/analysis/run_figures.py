"""The figures of a run that a history follows, from `analysis.json` alone."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lab.analysis.comparison.measures import (
    Effects,
    cpu_per_request,
    error_rate,
    latency,
    memory_growth,
    request_rate,
)
from lab.model import OBSERVERS, BreakOutcome, Cell, Measure, PhaseKind

STEADY = (PhaseKind.BASELINE, PhaseKind.SUSTAIN, PhaseKind.SOAK)
"""Kinds of phases whose load has one rate, so that their figures of two runs mean the same."""

_MEMORY = "process_resident_memory_bytes"
_TOOLS = ("k6", "lab", *OBSERVERS)
"""What is watched beside the system under test."""


_EFFECTS = Effects(ratio=0.05, growth_bytes_per_h=1e6)
_RATE_EFFECT = 0.02
_ERROR_EFFECT = 0.001

PERCENTILES = {f"{name}_s": latency(name, _EFFECTS) for name in ("p50", "p95", "p99")}
ERROR_RATE = replace(error_rate(), effect=_ERROR_EFFECT)
ACHIEVED_RATE = replace(request_rate(_EFFECTS), name="achieved_rate", effect=_RATE_EFFECT)
CPU_PER_REQUEST = cpu_per_request(_EFFECTS)
MEMORY_GROWTH = memory_growth(_EFFECTS)
BREAK_POINT = replace(request_rate(_EFFECTS), name="break_point")

MEASURES = (*PERCENTILES.values(), ERROR_RATE, ACHIEVED_RATE, CPU_PER_REQUEST, MEMORY_GROWTH, BREAK_POINT)
"""Every measure of a history, in the order in which it is shown. Changes of less than `effect` are none."""

Figures = dict[tuple[Measure, Cell], float]


def run_figures(analysis: Mapping[str, Any]) -> Figures:
    """Give the figures of a run by what they are and what they are about, from the content of its `analysis.json`.

    Percentiles are in seconds, `cpu_per_request` in CPU seconds, `memory_growth` in bytes per hour, rates per second,
    `error_rate` is a ratio. Raises KeyError, TypeError or ValueError where the content is not that of an analysis.
    """
    kinds = {window["phase"]: window["kind"] for window in analysis["windows"]}
    steady = {phase for phase, kind in kinds.items() if kind in STEADY}
    found = {
        **dict(_latencies(analysis, steady)),
        **dict(_rates(analysis, steady)),
        **dict(_cpu(analysis, steady)),
        **dict(_growths(analysis, steady)),
        **dict(_break_points(analysis)),
    }
    order = {measure.name: place for place, measure in enumerate(MEASURES)}
    return dict(sorted(found.items(), key=lambda item: order[item[0][0].name]))


_Found = Iterator[tuple[tuple[Measure, Cell], float]]


def _latencies(analysis: Mapping[str, Any], steady: set[str]) -> _Found:
    """Give percentiles and the error rate of each phase, and percentiles of each scenario where there are several."""
    cells = [each for each in analysis["latencies"] if each["phase"] in steady and each["route"] is None]
    scenarios = {each["scenario"] for each in cells if each["scenario"]}
    for each in cells:
        scenario = each["scenario"] or ""
        if scenario and len(scenarios) < 2:
            continue
        cell = Cell(phase=each["phase"], scenario=scenario)
        latency = each["latency"]
        for name, measure in PERCENTILES.items():
            if latency[name] is not None:
                yield (measure, cell), float(latency[name]["value"])
        if not scenario and latency["count"]:
            yield (ERROR_RATE, cell), each["failed"] / latency["count"]


def _rates(analysis: Mapping[str, Any], steady: set[str]) -> _Found:
    for each in analysis["load"]:
        if each["phase"] in steady:
            yield (ACHIEVED_RATE, Cell(phase=each["phase"])), float(each["achieved_rate_per_s"])


def _cpu(analysis: Mapping[str, Any], steady: set[str]) -> _Found:
    for each in analysis["usage"]:
        if each["phase"] in steady and each["service"] not in _TOOLS and each["cpu_s_per_request"] is not None:
            cell = Cell(phase=each["phase"], service=each["service"])
            yield (CPU_PER_REQUEST, cell), float(each["cpu_s_per_request"])


def _growths(analysis: Mapping[str, Any], steady: set[str]) -> _Found:
    for each in analysis["leaks"]:
        if each["phase"] in steady and each["metric"] == _MEMORY and each["slope_per_h"] is not None:
            cell = Cell(phase=each["phase"], service=each["service"])
            yield (MEMORY_GROWTH, cell), float(each["slope_per_h"]["value"])


def _break_points(analysis: Mapping[str, Any]) -> _Found:
    for each in analysis["break_points"]:
        if each["outcome"] == BreakOutcome.FOUND and each["rate_per_s"] is not None:
            yield (BREAK_POINT, Cell(phase=each["phase"])), float(each["rate_per_s"]["value"])
