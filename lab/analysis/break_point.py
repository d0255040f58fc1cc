"""The break point of a stress phase, and what was full when the system broke."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lab.analysis.columns import groups
from lab.analysis.disturbance import WHY, is_disturbed
from lab.analysis.quantiles import interpolated
from lab.analysis.series import Series
from lab.analysis.staircase import Bracket, bracket, counts, estimate, is_confirmed
from lab.analysis.steps import judge_step, trials
from lab.analysis.values import Load
from lab.model import (
    BreakOutcome,
    BreakPoint,
    Evidence,
    Phase,
    Saturation,
    StepOutcome,
    StepResult,
    drive_name,
)

FULL = 0.85
"""The share of its limit from which a resource counts as full: queues before it grow from there on."""

_ANALYZE = "POST /analyze"
_GENERATOR_WHY = "the generator could not offer the load, so nobody knows whether the system would have broken"


def break_points(evidence: Evidence, load: Load, series: Mapping[str, Series]) -> tuple[BreakPoint, ...]:
    """Give one per stress phase of the plan that was driven."""
    found = []
    for phase in evidence.plan.phases:
        if phase.staircase is not None:
            results = _results(phase, evidence, load)
            if results:
                found.append(_break_point(phase, results, evidence, load, series))
    return tuple(found)


def _results(phase: Phase, evidence: Evidence, load: Load) -> tuple[StepResult, ...]:
    windows = {window.name: window for window in evidence.windows}
    results = [
        judge_step(step, windows[step.name], phase, load, evidence.plan.guards)
        for step in evidence.steps
        if step.phase == phase.name and step.name in windows
    ]
    return tuple(
        replace(result, outcome=StepOutcome.UNKNOWN, why=WHY)
        if is_disturbed(evidence, windows[drive_name(phase.name, result.step)].started_at, result.ended_at)
        else result
        for result in results
    )


def _break_point(
    phase: Phase, results: Sequence[StepResult], evidence: Evidence, load: Load, series: Mapping[str, Series]
) -> BreakPoint:
    tried = trials(results)
    if not tried:
        return BreakPoint(phase=phase.name, outcome=BreakOutcome.INVALID, steps=tuple(results), why=_unjudged(results))
    found = bracket(tried)
    good, bad = found.good_per_s, found.bad_per_s
    outcome, why = _outcome(phase, results)
    saturated = _saturated(results, good, bad, evidence, series)
    is_broken = bad is not None
    return BreakPoint(
        phase=phase.name,
        outcome=outcome,
        steps=tuple(results),
        rate_per_s=estimate(phase, tried) if is_broken and good is not None else None,
        last_good_per_s=good,
        first_bad_per_s=bad,
        confirmed_good=counts(tried, good)[0] if good is not None else 0,
        confirmed_bad=counts(tried, bad)[1] if bad is not None else 0,
        first_broken=_first_broken(results, bad),
        where=_where(_first_broken(results, bad), results, bad, load),
        bottleneck=_bottleneck(saturated) if is_broken else "",
        saturated=saturated if is_broken else (),
        why=why,
    )


def _unjudged(results: Sequence[StepResult]) -> str:
    return next((result.why for result in results if result.why), "no step was driven to its end")


def _outcome(phase: Phase, results: Sequence[StepResult]) -> tuple[BreakOutcome, str]:
    tried, last = trials(results), results[-1]
    found = bracket(tried)
    if last.outcome == StepOutcome.GENERATOR:
        return BreakOutcome.INVALID, f"at {last.rate_per_s:.0f}/s: {last.why}; {_GENERATOR_WHY}"
    if last.outcome == StepOutcome.UNKNOWN:
        return BreakOutcome.INVALID, f"a step could not be judged: {last.why}"
    if found.bad_per_s is None and tried[-1].rate_per_s >= phase.rate_per_s * (1 - 1e-9):
        return BreakOutcome.NOT_BROKEN, f"nothing broke up to the ceiling of {phase.rate_per_s:g}/s"
    if is_confirmed(phase, tried):
        return BreakOutcome.FOUND, ""
    return BreakOutcome.UNCONFIRMED, _unconfirmed(found)


def _unconfirmed(found: Bracket) -> str:
    if found.bad_per_s is None:
        return f"nothing had broken at {found.good_per_s:.0f}/s when the steps ended; raise staircase.max_steps"
    if found.good_per_s is None:
        return f"even the lowest step, {found.bad_per_s:.0f}/s, was beyond the limits; lower start_rate_per_s"
    return "the steps ended before it was confirmed; raise staircase.max_steps"


def _bad_steps(results: Sequence[StepResult], bad_per_s: float | None) -> list[StepResult]:
    return [r for r in results if r.outcome == StepOutcome.BAD and bad_per_s is not None and r.rate_per_s == bad_per_s]


def _first_broken(results: Sequence[StepResult], bad_per_s: float | None) -> str:
    missed = Counter(text for result in _bad_steps(results, bad_per_s) for text in result.missed)
    return missed.most_common(1)[0][0] if missed else ""


def _where(broken: str, results: Sequence[StepResult], bad_per_s: float | None, load: Load) -> str:
    """Give the route that was worst in the steps at which the system broke.

    By P95, or by how many failed where failures are what broke. Analyses that failed have no route: they are asked for
    at one that says whether it takes them, and what becomes of them is told elsewhere.
    """
    if "analysis" in broken:
        return _ANALYZE
    names = {f"{result.phase}-{result.step:02d}" for result in _bad_steps(results, bad_per_s)}
    samples = load.samples
    rows = np.isin(samples.phase.codes, [code for code, name in enumerate(samples.phase.names) if name in names])
    chosen = np.flatnonzero(rows)
    by_failures = "error_rate" in broken or "http_req_failed" in broken
    worst = []
    for (route,), places in groups(samples.route.codes[chosen]):
        latency = np.sort(samples.response_time_s[chosen[places]])
        failed = float(samples.failed[chosen[places]].sum())
        worst.append((failed if by_failures else interpolated(latency, 0.95), samples.route.name(route)))
    return max(worst)[1] if worst else ""


# ------------------------------------------------------------------------------------------------------ what was full


def _saturated(
    results: Sequence[StepResult],
    good_per_s: float | None,
    bad_per_s: float | None,
    evidence: Evidence,
    series: Mapping[str, Series],
) -> tuple[Saturation, ...]:
    at_break = _windows_at(results, bad_per_s, StepOutcome.BAD)
    before = _windows_at(results, good_per_s, StepOutcome.GOOD)
    used_before = {name: used for name, used, _ in _used(before, evidence, series)}
    found = [
        Saturation(resource=name, used=used, used_before=used_before.get(name), limit=limit)
        for name, used, limit in _used(at_break, evidence, series)
    ]
    return tuple(sorted(found, key=lambda each: -each.used))


def _windows_at(
    results: Sequence[StepResult], rate_per_s: float | None, outcome: StepOutcome
) -> list[tuple[float, float]]:
    return [(r.started_at, r.ended_at) for r in results if r.rate_per_s == rate_per_s and r.outcome == outcome]


def _used(
    stretches: Sequence[tuple[float, float]], evidence: Evidence, series: Mapping[str, Series]
) -> Iterator[tuple[str, float, str]]:
    """Give each resource, the share of it that was used in some stretches of time (their mean), and its limit."""
    processes, host, scrape = series.get("processes"), series.get("host"), series.get("scrape")
    if processes is not None:
        for service in processes.services():
            track = processes.track("process_cpu_seconds_total", service)
            used = [track.between(*stretch).increase_per_s() for stretch in stretches]
            limit = min(evidence.service_cores.get(service, float(evidence.cores)), evidence.cores)
            yield from _mean(f"CPU of {service}", used, limit, f"{limit:g} cores")
    if host is not None:
        track = host.track("host_cpu_ratio")
        used = [track.between(*stretch).mean() for stretch in stretches]
        yield from _mean("CPU of the machine", used, 1.0, f"{evidence.cores} cores")
    if scrape is not None:
        yield from _pools(stretches, scrape)


def _pools(stretches: Sequence[tuple[float, float]], scrape: Series) -> Iterator[tuple[str, float, str]]:
    """Give the share of time in which something waited for a connection to MongoDB, per service that has a pool."""
    waiting = [c for c, text in enumerate(scrape.labels.names) if "state=waiting" in text]
    rows = scrape.metric.equals("mongodb_pool_connections") & np.isin(scrape.labels.codes, waiting)
    times, values = scrape.time[rows], scrape.value[rows]
    seen = [values[(times >= begin) & (times <= end)] for begin, end in stretches]
    shares = [float((part > 0).mean()) for part in seen if len(part)]
    yield from _mean("pool of connections to MongoDB", shares, 1.0, "time in which nothing waits for one")


def _mean(name: str, used: Sequence[float | None], limit: float, text: str) -> Iterator[tuple[str, float, str]]:
    known = [value for value in used if value is not None]
    if known:
        yield name, float(np.mean(known)) / limit, text


def _bottleneck(saturated: Sequence[Saturation]) -> str:
    """Name the fullest resource; of the machine, with the process that used most of it."""
    full = [each for each in saturated if each.used >= FULL]
    if not full:
        return "nothing that was watched was full: look at what the services themselves limit (queues, workers)"
    first = full[0]
    if first.resource != "CPU of the machine":
        return first.resource
    users = [each for each in saturated if each.resource.startswith("CPU of ") and each is not first]
    biggest = max(users, key=lambda each: each.used, default=None)
    return first.resource + (f", most of it by {biggest.resource.removeprefix('CPU of ')}" if biggest else "")
