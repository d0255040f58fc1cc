"""What the scripts of a page draw, as JSON that is safe inside it: four digits that matter, times since the start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from lab.model import BreakPoint, Curve, Curves, Leak, Ramp, Report, Resilience, Timeline
from lab.threshold_metrics import RESULTS

MEMORY = "process_resident_memory_bytes"
_UNSAFE = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026", "\u2028".encode(): b"\\u2028"}
_UNSAFE["\u2029".encode()] = b"\\u2029"


def payload(report: Report, curves: Curves, documents: Mapping[str, Mapping[str, Any]]) -> str:
    """Give the JSON; `documents` has what charts of documents draw, by anchor.

    It holds no `<`, `>` or `&`, so that nothing in it ends the element that it stands in.
    """
    return as_json({**_content(report, curves), "documents": documents})


def as_json(value: Mapping[str, Any]) -> str:
    """Give JSON that holds no `<`, `>` or `&`, so that nothing in it ends the element that it stands in."""
    content = orjson.dumps(value)
    for sign, escaped in _UNSAFE.items():
        content = content.replace(sign, escaped)
    return content.decode()


def _content(report: Report, curves: Curves) -> dict[str, Any]:
    started_at = curves.whole.started_at
    return {
        "started_at": started_at,
        "phases": _phases(report, started_at),
        "limits": _limits(report),
        "timelines": {
            "": _timeline(curves.whole, started_at),
            **{phase: _timeline(timeline, started_at) for phase, timeline in curves.close_ups},
        },
        "distributions": [asdict(each) for each in curves.distributions],
        "heatmap": _heatmap(curves),
        "ramps": {ramp.phase: _ramp(ramp) for ramp in report.analysis.ramps},
        "spikes": {spike.phase: _spike(spike, started_at) for spike in report.analysis.resiliences},
        "stress": {point.phase: _stress(point, report) for point in report.analysis.break_points},
        "growth": {f"{leak.phase}/{leak.service}": _growth(leak) for leak in memory_leaks(report)},
    }


def _phases(report: Report, started_at: float) -> list[dict[str, Any]]:
    """Give each phase that was driven, from its first window's begin to the end of its last."""
    found: dict[str, dict[str, Any]] = {}
    for window in report.analysis.windows:
        phase = found.setdefault(
            window.phase, {"name": window.phase, "kind": window.kind, "from": _since(window.started_at, started_at)}
        )
        phase["to"] = _since(window.ended_at, started_at)
    return list(found.values())


def _limits(report: Report) -> list[dict[str, Any]]:
    """Give what the plan asks of single requests and analyses, which can be drawn as a line."""
    return [
        {"metric": each.metric, "statistic": each.statistic, "limit": each.limit, "text": each.text}
        for each in report.plan.thresholds
        if not each.selector and each.metric not in RESULTS and each.unit in ("s", "ratio")
    ]


# ------------------------------------------------------------------------------------------------------- over time


def _timeline(timeline: Timeline, started_at: float) -> dict[str, Any]:
    groups = ("rates", "percentiles", "errors", "cores", "memory", "waiting", "traffic")
    return {
        "from": _since(timeline.started_at, started_at),
        "to": _since(timeline.ended_at, started_at),
        "step": timeline.step_s,
        "slowest": _curve(timeline.slowest, started_at),
        **{group: [_curve(curve, started_at) for curve in getattr(timeline, group)] for group in groups},
    }


def _curve(curve: Curve, started_at: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": curve.name,
        "t": [_since(time, started_at) for time in curve.times],
        "v": _rounded(curve.values),
    }
    if curve.low and (curve.low != curve.values or curve.high != curve.values):
        told |= {"low": _rounded(curve.low), "high": _rounded(curve.high)}
    return told


def _since(time: float, started_at: float) -> float:
    since = round(time - started_at, 1)
    return int(since) if since == int(since) else since


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [short(value) for value in values]


def short(value: float | None) -> float | None:
    """Give a number with four digits that matter; a whole one without its point."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short == int(short) else short


def _heatmap(curves: Curves) -> dict[str, Any]:
    heat = curves.heatmap
    return {
        "step": heat.step_s,
        "per_decade": heat.per_decade,
        "cells": [(cell.step, cell.latency, cell.count) for cell in heat.cells],
    }


# ------------------------------------------------------------------------------------------------- answers of phases


def _ramp(ramp: Ramp) -> dict[str, Any]:
    return {
        "bins": [
            {
                "offered": short(each.offered_rate_per_s),
                "answered": short(each.achieved_rate_per_s),
                "p50": each.p50_s and asdict(each.p50_s),
                "p95": each.p95_s and asdict(each.p95_s),
            }
            for each in ramp.bins
        ],
        "knee": ramp.knee_per_s and asdict(ramp.knee_per_s),
        "baseline": ramp.baseline_s,
        "breaks": [{"text": each.threshold, "rate": asdict(each.rate_per_s)} for each in ramp.breaks],
    }


def _spike(spike: Resilience, started_at: float) -> dict[str, Any]:
    return {
        "from": _since(spike.surge_started_at, started_at),
        "to": _since(spike.surge_ended_at, started_at),
        "signals": {
            each.signal: {
                "band": each.band_high,
                "recovered": each.recovery_s and _since(spike.surge_ended_at + each.recovery_s.value, started_at),
            }
            for each in spike.recoveries
        },
    }


def _stress(point: BreakPoint, report: Report) -> dict[str, Any]:
    limits = {
        threshold.text: threshold.limit
        for phase in report.plan.phases
        if phase.name == point.phase and phase.staircase is not None
        for threshold in phase.staircase.breaks
    }
    return {
        "rate": point.rate_per_s and asdict(point.rate_per_s),
        "limits": limits,
        "steps": [
            {
                "step": each.step,
                "purpose": each.purpose,
                "outcome": each.outcome,
                "planned": short(each.rate_per_s),
                "achieved": short(each.achieved_rate_per_s),
                "seen": {seen.threshold: seen.observed and short(seen.observed.value) for seen in each.seen},
                "missed": each.missed,
            }
            for each in point.steps
        ],
    }


def memory_leaks(report: Report) -> Sequence[Leak]:
    """Give what became of the memory of each process family, where its slope is known."""
    driven = {window.phase for window in report.analysis.windows}
    known = [leak for leak in report.analysis.leaks if leak.slope_per_h is not None and leak.level is not None]
    return [leak for leak in known if leak.metric == MEMORY and leak.phase in driven]


def _growth(leak: Leak) -> dict[str, Any]:
    return {
        "warmup": leak.warmup_s,
        "level": leak.level,
        "slope": leak.slope_per_h and asdict(leak.slope_per_h),
        "effect": leak.effect_per_h,
    }
