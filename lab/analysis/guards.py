"""Whether the generator and the machine did what they should in every window of a phase, and not in the mean alone.

Each guard is looked at in windows of `guards.window_s` that overlap by half, and its worst window makes the doubt. A
busy machine makes a system look slower and never faster, so that a pass stands beside it: in single windows it is told
and forbids nothing; over a whole phase it does (see load_doubts). What the generator does wrong can make a system look
better than it is, and forbids a verdict wherever it is seen.
"""

from collections.abc import Iterator, Mapping

from lab.analysis.generator_guards import generator_guards
from lab.analysis.guarding import doubts_of, seen_by
from lab.analysis.machine_guards import clock_and_disk, machine_guards
from lab.analysis.phases import watched
from lab.analysis.series import Series
from lab.analysis.values import Load
from lab.analysis.vus import vu_doubts
from lab.model import Doubt, Evidence


def guard_doubts(evidence: Evidence, load: Load, series: Mapping[str, Series]) -> Iterator[Doubt]:
    """Give the doubts about every phase that is no warm-up: one per kind, which names its worst window."""
    machine, window_s = machine_guards(evidence, series), evidence.plan.guards.window_s
    for phase in watched(evidence.plan):
        windows = [window for window in evidence.windows if window.phase == phase.name]
        if not windows:
            continue
        seen = [
            each
            for window in windows
            for guard in (*machine, *generator_guards(window, phase, evidence, load, series))
            for each in seen_by(guard, window, window_s)
        ]
        yield from doubts_of(seen, phase.name)
        yield from vu_doubts(windows, load.points)
        yield from clock_and_disk(windows, series)
