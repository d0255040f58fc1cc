"""Virtual users that k6 lacked: whether a journey that never began found none free, or none made yet.

k6 keeps some VUs ready, and makes more while it runs, up to the ceiling of each of its scenarios. For each one that it
must make, it drops the journey that was due (see k6/README.md): so many drops below the ceiling are its way of working.
More of them than that mean that it could not make VUs fast enough, which is nobody's fault but its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.analysis.points import Points
from lab.analysis.quantiles import Floats
from lab.model import Doubt, DoubtKind, Window

_SLACK_S = 0.01
"""k6's times are whole milliseconds, and a VU is not free the moment its journey has ended."""

_MOST_PER_VU = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """VUs of one k6 scenario in one drive: when all it may have were busy, and the drops at and below that ceiling."""

    scenario: str
    ceiling: int
    full: Floats
    at_ceiling: Floats
    below: Floats


def vu_doubts(windows: Sequence[Window], points: Points) -> Iterator[Doubt]:
    """Give the doubts about a phase, driven in these windows: that all VUs were busy, and that some were lacking."""
    uses = [(window, use) for window in windows for use in _uses(window, points)]
    full = [(window, use) for window, use in uses if len(use.full)]
    if full:
        yield _at_ceiling(*max(full, key=lambda each: len(each[1].full)))
    lacking = [(window, use) for window, use in uses if len(use.below)]
    if lacking:
        found = _not_ready([window for window, _ in lacking], [use for _, use in lacking], points)
        if found.invalidates or not lacking[0][0].step:  # a step of a staircase is made to outgrow what is ready
            yield found


def _uses(window: Window, points: Points) -> Iterator[_Use]:
    ceilings = points.of("max_vus", window.name)
    for code, most in zip(points.scenario.codes[ceilings], points.value[ceilings], strict=True):
        scenario = points.scenario.name(int(code))
        own = points.scenario.equals(scenario)
        journeys = points.of("iteration_duration", window.name) & own
        ended = np.sort(points.time[journeys])
        begun = np.sort(points.time[journeys] - points.value[journeys])
        dropped = points.of("dropped_iterations", window.name) & own
        drops = np.repeat(points.time[dropped], np.rint(points.value[dropped]).astype(np.int64))
        is_full = _busy(drops, begun, ended, slack_s=_SLACK_S) >= most
        yield _Use(
            scenario=scenario,
            ceiling=round(float(most)),
            full=begun[_busy(begun, begun, ended) >= most],
            at_ceiling=drops[is_full],
            below=drops[~is_full],
        )


def _busy(moments: Floats, begun: Floats, ended: Floats, *, slack_s: float = 0.0) -> npt.NDArray[np.int64]:
    """How many journeys are under way at each moment: those that have begun by then, less those that have ended."""
    under_way: npt.NDArray[np.int64] = np.searchsorted(begun, moments + slack_s, "right") - np.searchsorted(
        ended, moments - slack_s
    )
    return under_way


def _at_ceiling(window: Window, use: _Use) -> Doubt:
    return Doubt(
        kind=DoubtKind.VUS_AT_CEILING,
        what="k6 had no virtual user left",
        why=(
            f"all {use.ceiling} that {use.scenario} may have were busy, and {len(use.at_ceiling)} of its journeys "
            "were dropped then"
        ),
        remedy="raise journeys.max_vus, or find out why journeys take so long",
        phase=window.phase,
        started_at=float(use.full[0]),
        ended_at=float(max(use.full[-1], use.full[0] + _SLACK_S)),
    )


def _not_ready(windows: Sequence[Window], uses: Sequence[_Use], points: Points) -> Doubt:
    drops = np.sort(np.concatenate([use.below for use in uses]))
    made = sum(_made(window, points) for window in {window.name: window for window in windows}.values())
    names = ", ".join(sorted({use.scenario for use in uses}))
    return Doubt(
        kind=DoubtKind.VUS_NOT_READY,
        what="k6 had to make virtual users",
        why=(
            f"{len(drops)} journeys of {names} were dropped while k6 might have had more VUs, and it made {made}: "
            "more journeys were under way than it keeps VUs ready for"
        ),
        remedy="find out why journeys take so long, or lower journeys.max_vus so far that all of them stand ready",
        invalidates=len(drops) > _MOST_PER_VU * (made + 1),  # the last one may not have been counted yet
        phase=windows[0].phase,
        started_at=float(drops[0]),
        ended_at=float(max(drops[-1], drops[0] + _SLACK_S)),
    )


def _made(window: Window, points: Points) -> int:
    counts = points.value[points.of("vus_max", window.name)]
    return round(float(np.ptp(counts))) if len(counts) else 0
