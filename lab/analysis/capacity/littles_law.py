"""Little's law as a check of the measurement: what is under way is rate times time.

Source: Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961.

Two counts that know nothing of one another are held against it. The virtual users that k6 says are busy, once a second,
against the lengths of the journeys that it recorded; and the requests that a service says it has in flight whenever it
is scraped, against the sum of the times that it has recorded. A service answers a scrape between its requests, so its
own count is sampled at moments that hang on its load: that check is shown, and only the first one raises a doubt.
"""

from collections.abc import Iterator, Sequence

from lab.analysis.capacity.slices import Recorded, summed_where, under_way
from lab.analysis.points import Points
from lab.analysis.quantiles import mean
from lab.analysis.series import Series
from lab.model import Doubt, DoubtKind, Estimate, LittleCheck, PhaseKind, Window

LARGE = 0.1
"""The residual from which on the law counts as broken: rate, time or count was measured wrongly."""

_LEAST_READINGS = 30
_LEAST_UNDER_WAY = 0.02
_STEADY = (PhaseKind.BASELINE, PhaseKind.SUSTAIN, PhaseKind.SOAK, PhaseKind.RAMP)


def little_checks(recorded: Recorded) -> tuple[LittleCheck, ...]:
    """Give the checks of every phase in which little is cut off at the edges: all but warm-up, spike and stress."""
    found = []
    for window in _steady(recorded.evidence.windows):
        found += [*_journeys(window, recorded.points), *_services(window, recorded)]
    return tuple(found)


def _steady(windows: Sequence[Window]) -> list[Window]:
    return [window for window in windows if window.kind in _STEADY and window.ended_at > window.started_at]


def _journeys(window: Window, points: Points) -> Iterator[LittleCheck]:
    rows = points.of("vus", window.name) & (points.time >= window.started_at) & (points.time <= window.ended_at)
    counted = mean(points.value[rows]) if rows.sum() >= _LEAST_READINGS else None
    ended = points.of("iteration_duration", window.name)
    rate = float(ended.sum()) / (window.ended_at - window.started_at)
    by_law = under_way(points, window.name, window.started_at, window.ended_at)
    if counted is not None and rate:
        yield from _check(window, "journeys (k6)", counted, rate, by_law, is_exact=True)


def _services(window: Window, recorded: Recorded) -> Iterator[LittleCheck]:
    scrape = recorded.series.get("scrape")
    if scrape is None:
        return
    for service in scrape.services():
        gauge = scrape.track("http_requests_in_flight", service).within(window).value
        rate = _of(scrape, "http_request_duration_seconds_count", service, window)
        by_law = _of(scrape, "http_request_duration_seconds_sum", service, window)
        counted = mean(gauge) if len(gauge) >= _LEAST_READINGS else None
        if counted is not None and rate and by_law:
            yield from _check(window, f"requests in {service}", counted, rate, by_law, is_exact=False)


def _of(scrape: Series, metric: str, service: str, window: Window) -> float | None:
    """Give how fast the sum of a counter over all labels of a service rises, per second."""
    return summed_where(scrape, metric, f"service={service}").within(window).increase_per_s()


def _check(
    window: Window, subject: str, counted: Estimate, rate: float, by_law: float, *, is_exact: bool
) -> Iterator[LittleCheck]:
    if by_law < _LEAST_UNDER_WAY:
        return
    yield LittleCheck(
        phase=window.name,
        subject=subject,
        counted=counted,
        rate_per_s=rate,
        time_s=by_law / rate,
        residual=counted.value / by_law - 1,
        is_exact=is_exact,
    )


def is_broken(check: LittleCheck) -> bool:
    """Whether the law is surely broken: by more than LARGE, and by more than the count's own interval leaves open."""
    by_law = check.rate_per_s * check.time_s
    outside = not check.counted.low <= by_law <= check.counted.high
    return check.is_exact and abs(check.residual) > LARGE and outside


def little_doubts(windows: Sequence[Window], points: Points) -> tuple[Doubt, ...]:
    """Give a doubt per phase in which the journeys that k6 counted cannot be those whose lengths it recorded."""
    checks = [check for window in _steady(windows) for check in _journeys(window, points)]
    return tuple(_doubt(check) for check in checks if is_broken(check))


def _doubt(check: LittleCheck) -> Doubt:
    by_law = check.rate_per_s * check.time_s
    return Doubt(
        kind=DoubtKind.LITTLES_LAW,
        what="Little's law does not hold",
        why=(
            f"{check.subject}: {check.counted.value:.2f} were counted under way, and {check.rate_per_s:.2f}/s of "
            f"{check.time_s:.3f} s make {by_law:.2f}"
        ),
        remedy="look for lost samples, or for a clock that was set, and run again",
        phase=check.phase,
    )
