"""Whether k6 itself did what it should: guards in windows of how late, how many and how dearly it began journeys."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from lab.analysis.guarding import Figure, Guard, rate_of
from lab.analysis.load_check import begins_of
from lab.analysis.machine_guards import RELIEVE
from lab.analysis.phases import SHEDDING
from lab.analysis.planned import requests_between
from lab.analysis.quantiles import Floats, interpolated
from lab.analysis.samples import Samples
from lab.analysis.series import Series
from lab.analysis.values import Load
from lab.model import DoubtKind, Evidence, Phase, Scenario, Stage, Window

OffPlan = Callable[[float, float], tuple[float, float] | None]
_LEAST_STARTS = 100
"""Journeys that a P99 of their delays needs; where a window has fewer, the whole phase is looked at."""

_OWN_ERRORS = ("1010", "1100", "1101", "1110", "1111", "1202", "1210", "1213")
"""Error codes of k6 for what its own machine refused it: names, files, ports, buffers.

Those of a system that is slow, refuses, resets or hangs up (1000, 1050, 1201, 1211, 1212, 1220) are not among them.
See https://grafana.com/docs/k6/latest/javascript-api/error-codes/ and k6's lib/netext/httpext/error_codes.go: what
`socket` or `connect` answers beside a refusal is 1213.
"""


def generator_guards(
    window: Window, phase: Phase, evidence: Evidence, load: Load, series: Mapping[str, Series]
) -> Iterator[Guard]:
    """Give the guards of the generator in one drive of a phase."""
    yield _late_guard(window, evidence, load)
    yield _own_errors_guard(window, load.samples)
    if _is_whole(window, phase) and not window.step:  # steps may miss their rate (see load_doubts)
        yield from _rate_guards(window, phase, evidence, load)
    if "processes" in series:
        yield _cpu_guard(evidence, series["processes"])


def _is_whole(window: Window, phase: Phase) -> bool:
    # of a drive that was cut off, the journeys that were under way are not known
    return window.ended_at - window.started_at > sum(stage.duration_s for stage in phase.stages) - 0.001


def _late_guard(window: Window, evidence: Evidence, load: Load) -> Guard:
    limit = evidence.plan.guards.start_delay_s
    rows = load.points.of("start_delay", window.name)
    return Guard(
        kind=DoubtKind.START_DELAY,
        what="k6 began journeys late",
        figure=_late(load.points.time[rows], load.points.value[rows]),
        limit=limit,
        allowed=f"{limit * 1000:.0f} ms",
        shown=lambda seconds: f"one journey in a hundred began {seconds * 1000:.0f} ms after it was due",
        remedy=RELIEVE,
        forbids=window.kind not in SHEDDING,  # there, response times count from when requests were due
    )


def _late(times: Floats, delays: Floats) -> Figure:
    order = np.argsort(times, kind="stable")
    times, delays = times[order], delays[order]
    whole = _p99(delays)

    def figure(begin: float, end: float) -> float | None:
        first, last = np.searchsorted(times, [begin, end])
        own = _p99(delays[first:last])
        return whole if own is None else own

    return figure


def _p99(delays: Floats) -> float | None:
    return interpolated(np.sort(delays), 0.99) if len(delays) >= _LEAST_STARTS else None


def _own_errors_guard(window: Window, samples: Samples) -> Guard:
    codes = [code for code, name in enumerate(samples.error.names) if name in _OWN_ERRORS]
    rows = samples.phase.equals(window.name) & np.isin(samples.error.codes, codes)
    times, found = np.sort(samples.time[rows]), {samples.error.name(int(code)) for code in samples.error.codes[rows]}
    return Guard(
        kind=DoubtKind.GENERATOR_NETWORK,
        what="k6's own machine refused it files, ports or names",
        figure=lambda begin, end: float(np.ptp(np.searchsorted(times, [begin, end]))),
        limit=0.0,
        allowed="0",
        shown=lambda count: f"{count:.0f} requests never reached the system (k6's error {', '.join(sorted(found))})",
        remedy="raise the limit of open files (ulimit -n) or the range of local ports, or lower the rate",
        forbids=True,
    )


def _cpu_guard(evidence: Evidence, processes: Series) -> Guard:
    most = evidence.plan.guards.generator_cpu * evidence.cores
    return Guard(
        kind=DoubtKind.GENERATOR_CPU,
        what="the generator was saturated for a while",
        figure=rate_of(processes.track("process_cpu_seconds_total", "k6")),
        limit=most,
        allowed=f"{most:g}",
        shown=lambda cores: f"k6 used {cores:.2f} of {evidence.cores} cores",
        remedy=RELIEVE,
        forbids=True,
    )


def _rate_guards(window: Window, phase: Phase, evidence: Evidence, load: Load) -> Iterator[Guard]:
    begins, limits = np.sort(begins_of(window, load.points)), evidence.plan.guards
    shares = off_plan(begins, window.started_at, phase.stages, evidence.scenario, limits.start_delay_s)
    for place, words in enumerate(("fewer", "more")):
        yield Guard(
            kind=DoubtKind.RATE,
            what="the achieved rate was not the planned one for a while",
            figure=_share(shares, place),
            limit=limits.rate_tolerance,
            allowed=f"{limits.rate_tolerance:.1%}",
            shown=_shown(words),
            remedy="find out what kept k6 from its schedule: see the other doubts, and the phase's log under load/",
            forbids=window.kind not in SHEDDING,
        )


def _share(shares: OffPlan, place: int) -> Figure:
    def figure(begin: float, end: float) -> float | None:
        found = shares(begin, end)
        return None if found is None else found[place]

    return figure


def _shown(words: str) -> Callable[[float], str]:
    return lambda share: f"{share:.1%} {words} journeys began than were planned, whole ones aside"


def off_plan(begins: Floats, started_at: float, stages: Sequence[Stage], scenario: Scenario, late_s: float) -> OffPlan:
    """Give the share of its planned journeys that a window has too few, and the one that it has too many.

    `begins` is sorted, in epoch seconds as `started_at`, from when the stages count. A journey may begin up to `late_s`
    after it was due, and so outside the window that it was planned for; and each k6 scenario begins whole journeys, of
    which one at either edge is no more than rounding.
    """
    rounding = 2 * max(1, len(scenario.mix))

    def journeys(begin: float, end: float) -> float:
        return requests_between(stages, begin - started_at, end - started_at) / scenario.requests_per_journey

    def shares(begin: float, end: float) -> tuple[float, float] | None:
        planned = journeys(begin, end)
        begun = float(np.ptp(np.searchsorted(begins, [begin, end])))
        lacking, beyond = journeys(begin, end - late_s) - begun, begun - journeys(begin - late_s, end)
        return ((lacking - rounding) / planned, (beyond - rounding) / planned) if planned > 0 else None

    return shares
