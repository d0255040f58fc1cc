"""What a report says of the answers that phases exist for: ramps, spikes and soaks."""

from collections.abc import Iterator, Sequence
from statistics import median

from lab.model import (
    UNJUDGED,
    Estimate,
    LatencySummary,
    Leak,
    LeakOutcome,
    Outcome,
    PhaseKind,
    Ramp,
    RecoveryOutcome,
    Report,
    Resilience,
)
from lab.report.figures import (
    NOTHING,
    clock,
    duration,
    estimate_in_unit,
    estimate_ms,
    in_unit,
    per_s,
    percent,
    three_digits,
)
from lab.report.section import Section
from lab.threshold_metrics import HEAPS

_MEMORY = "process_resident_memory_bytes"
_MEASURES = {
    _MEMORY: ("memory", "bytes"),
    "process_open_fds": ("open files", "value"),
    "process_threads": ("threads", "value"),
    "process_sockets": ("sockets", "value"),
    **dict.fromkeys(HEAPS, ("heap", "bytes")),
}
_GROWTH = ("", "process", ">level", ">per hour (95 %)", ">limit", ">needs", ">full in")
_PER_1000 = ">per 1000 requests"
_LEAK_MARKS = {LeakOutcome.LEAK: Outcome.FAILED, LeakOutcome.NO_LEAK: Outcome.PASSED}
_SIGNALS = {
    "p95_s": ("P95", "s"),
    "error_rate": ("error rate", "ratio"),
    "queue_depth": ("analyses that wait", "value"),
}
_RECOVERY_MARKS = {
    RecoveryOutcome.RECOVERED: Outcome.PASSED,
    RecoveryOutcome.UNAFFECTED: Outcome.PASSED,
    RecoveryOutcome.NOT_RECOVERED: Outcome.FAILED,
}


def sections(report: Report, *, brief: bool = False) -> Iterator[Section]:
    """Give the sections of every ramp, spike and soak; in brief, a ramp's bins are left out."""
    yield _against_baseline(report)
    for ramp in report.analysis.ramps:
        yield _ramp(ramp)
        if not brief:
            yield _bins(ramp)
    for spike in report.analysis.resiliences:
        yield _spike(spike)
    for phase in dict.fromkeys(leak.phase for leak in report.analysis.leaks):
        yield _leaks(phase, [leak for leak in report.analysis.leaks if leak.phase == phase], brief=brief)
    yield _drifts(report)
    yield _connections(report)


def _against_baseline(report: Report) -> Section:
    """Hold the latency of every phase against that of the unloaded system, route by route in the mean."""
    names = [phase.name for phase in report.plan.phases if phase.kind == PhaseKind.BASELINE]
    cells = {(c.phase, c.route): c.latency for c in report.analysis.latencies if c.scenario is None}
    routes = [route for phase, route in cells if phase in names[:1] and route is not None]
    rows = []
    for phase in report.plan.phases:
        ratios = [
            later.value / unloaded.value
            for route in routes
            if (unloaded := cells[names[0], route].mean_s) and (later := _mean_of(cells.get((phase.name, route))))
        ]
        if ratios and phase.kind not in (*UNJUDGED, PhaseKind.BASELINE):
            middle, worst = median(ratios), max(ratios)
            rows.append((phase.name, f"{three_digits(middle)} times", f"{three_digits(worst)} times"))
    return Section(
        title="Mean latency against the unloaded system (baseline)",
        columns=("phase", ">median of routes", ">worst route"),
        rows=tuple(rows),
    )


def _mean_of(latency: LatencySummary | None) -> Estimate | None:
    return latency.mean_s if latency else None


def _ramp(ramp: Ramp) -> Section:
    baseline = NOTHING if ramp.baseline_s is None else in_unit(ramp.baseline_s, "s")
    rows = [("knee", _knee(ramp)), ("baseline (P90)", baseline)]
    highest = max(ramp.bins, key=lambda each: each.offered_rate_per_s)
    rates = f"offered {per_s(highest.offered_rate_per_s)}/s, answered {per_s(highest.achieved_rate_per_s)}/s"
    in_flight = f"{three_digits(highest.concurrency)} in flight"
    rows.append(("at its end", f"{rates}, {in_flight}, P50 {estimate_ms(highest.p50_s)} ms"))
    broke = [(f"broke {each.threshold}", estimate_in_unit(each.rate_per_s, "per_s")) for each in ramp.breaks]
    rows += broke or [("broke", "no threshold of the plan")]
    return Section(title=f"Ramp ({ramp.phase})", columns=("", ""), rows=tuple(rows))


def _knee(ramp: Ramp) -> str:
    if ramp.knee_per_s is None:
        return f"none: {ramp.why}"
    at = f", {three_digits(ramp.knee_concurrency)} in flight" if ramp.knee_concurrency is not None else ""
    return f"{estimate_in_unit(ramp.knee_per_s, 'per_s')}{at}"


def _bins(ramp: Ramp) -> Section:
    return Section(
        title=f"Latency against rate ({ramp.phase}), in ms",
        columns=("from", ">offered/s", ">answered/s", ">in flight", ">count", ">p50", ">p95 (95 %)", ">errors"),
        rows=tuple(
            (
                clock(each.started_at),
                per_s(each.offered_rate_per_s),
                per_s(each.achieved_rate_per_s),
                three_digits(each.concurrency),
                str(each.count),
                estimate_ms(each.p50_s),
                estimate_ms(each.p95_s, interval=True),
                percent(each.error_rate.value) if each.error_rate else NOTHING,
            )
            for each in ramp.bins
        ),
    )


def _spike(spike: Resilience) -> Section:
    rows = []
    for each in spike.recoveries:
        name, unit = _SIGNALS[each.signal]
        rows.append(
            (
                str(each.outcome).replace("_", " "),
                name,
                NOTHING if each.band_high is None else in_unit(each.band_high, unit),
                NOTHING if each.worst is None else in_unit(each.worst, unit),
                NOTHING if each.worst_at is None else clock(each.worst_at),
                estimate_in_unit(each.recovery_s, "s") if each.recovery_s else NOTHING,
            )
        )
    return Section(
        title=f"Recovery ({spike.phase}): {per_s(spike.base_rate_per_s)} to {per_s(spike.surge_rate_per_s)}/s and back",
        columns=("", "signal", ">band up to", ">worst", "at", ">recovered after"),
        rows=tuple(rows),
        marks=tuple(_RECOVERY_MARKS.get(each.outcome, Outcome.INVALID) for each in spike.recoveries),
        note=_spike_note(spike),
    )


def _spike_note(spike: Resilience) -> str:
    errors = percent(spike.error_rate.value, decimals=1) if spike.error_rate else NOTHING
    worst = NOTHING if spike.worst_p95_s is None else in_unit(spike.worst_p95_s, "s")
    backlog = {True: "drained", False: "not drained", None: "not seen"}[spike.backlog_drained]
    return (
        f"In the surge ({clock(spike.surge_started_at)}–{clock(spike.surge_ended_at)}): P95 {worst}, errors {errors}. "
        f"Backlog {backlog}. Counted from the surge's end; watched for {spike.ended_at - spike.surge_ended_at:.0f} s."
    )


def _leaks(phase: str, leaks: Sequence[Leak], *, brief: bool) -> Section:
    shown = [leak for leak in leaks if not brief or leak.metric == _MEMORY or leak.outcome == LeakOutcome.LEAK]
    hidden = len(leaks) - len(shown)
    why = dict.fromkeys(leak.why for leak in shown if leak.why)
    rest = [f"in {hidden} others (open files, threads, sockets) no leak was found; see analysis.json"] if hidden else []
    return Section(
        title=f"Growth ({phase})",
        columns=_GROWTH if brief else (*_GROWTH, _PER_1000),
        rows=tuple(_leak(leak)[: len(_GROWTH)] if brief else _leak(leak) for leak in shown),
        marks=tuple(_LEAK_MARKS.get(leak.outcome, Outcome.INVALID) for leak in shown),
        note="\n".join([*why, *rest, *_places(shown)]),
    )


def _places(leaks: Sequence[Leak]) -> list[str]:
    """Name the code that memory went to, where heap profiles tell."""
    return [f"{leak.service} {_MEASURES[leak.metric][0]}: {leak.where}" for leak in leaks if leak.where]


def _leak(leak: Leak) -> tuple[str, ...]:
    name, unit = _MEASURES[leak.metric]
    return (
        str(leak.outcome).replace("_", " "),
        f"{leak.service} {name}",
        NOTHING if leak.level is None else in_unit(leak.level, unit),
        estimate_in_unit(leak.slope_per_h, unit),
        in_unit(leak.effect_per_h, unit),
        duration(leak.needed_s),
        duration(leak.to_limit_s),
        estimate_in_unit(leak.slope_per_1000_requests, unit),
    )


def growth_sentence(leak: Leak) -> str:
    """Give in a sentence how fast something grew, and what follows from it."""
    name, unit = _MEASURES[leak.metric]
    ends = {
        LeakOutcome.LEAK: f"a leak: more than {in_unit(leak.effect_per_h, f'{unit}/h')} is one",
        LeakOutcome.NO_LEAK: f"no leak: {in_unit(leak.effect_per_h, f'{unit}/h')} would be one",
        LeakOutcome.INCONCLUSIVE: f"inconclusive: {leak.why}",
    }
    return f"Its {name} changed by {estimate_in_unit(leak.slope_per_h, f'{unit}/h')}; {ends[leak.outcome]}."


def _drifts(report: Report) -> Section:
    return Section(
        title="Drift of the median latency",
        columns=("phase", ">median", ">change over the phase (95 %)", ">warm-up left out"),
        rows=tuple(
            (
                drift.phase,
                in_unit(drift.level_s, "s"),
                f"{drift.change.value:+.0%} ({drift.change.low:+.0%} to {drift.change.high:+.0%})",
                duration(drift.warmup_s),
            )
            for drift in report.analysis.drifts
        ),
    )


def _connections(report: Report) -> Section:
    return Section(
        title="Connections",
        columns=("phase", "service", ">in the pool", ">opened", ">closed", ">TIME_WAIT, median", ">highest"),
        rows=tuple(
            (
                each.phase,
                each.service,
                f"{_whole(each.pool_min)} to {_whole(each.pool_max)}",
                _whole(each.opened),
                _whole(each.closed),
                _whole(each.time_wait_median),
                _whole(each.time_wait_max),
            )
            for each in report.analysis.connections
        ),
    )


def _whole(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"
