"""Services that began anew while a run went on: what they had warmed up or stored was lost in the middle of it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lab.analysis.series import Series
from lab.model import OBSERVERS, Doubt, DoubtKind, Resume

_NOT_OF_THE_SYSTEM = ("k6", *OBSERVERS)
"""k6 is another one in each phase, and the system works without who observes it."""
_OURS = "lab"


def restarts(series: Mapping[str, Series], resumes: Sequence[Resume] = ()) -> tuple[Doubt, ...]:
    """Give a doubt, which forbids a verdict, per service whose process changed while it should have lived on.

    A run that went on with services that were started anew is told of, and forbids nothing: its phases are whole.
    """
    return (*_changed(series, resumes), *_anew(resumes))


def _changed(series: Mapping[str, Series], resumes: Sequence[Resume]) -> Iterator[Doubt]:
    processes = series.get("processes")
    for service in processes.services() if processes is not None else ():
        if service in _NOT_OF_THE_SYSTEM or processes is None:
            continue
        changes = _changes(processes, service, resumes)
        times = f"{len(changes)} time{'s' if len(changes) > 1 else ''}"
        if changes:
            yield Doubt(
                kind=DoubtKind.RESTART,
                what="a service restarted",
                why=f"the process of {service} changed {times} during the run",
                remedy="read its log (`lab logs`), find out why it ended, and run again",
                invalidates=True,
                started_at=changes[0][0],
                ended_at=changes[-1][1],
            )


def _anew(resumes: Sequence[Resume]) -> Iterator[Doubt]:
    if any(resume.anew for resume in resumes):
        yield Doubt(
            kind=DoubtKind.RESUMED,
            what="the run went on with services started anew",
            why="it was interrupted, and its earlier phases were measured on other processes than its later ones",
            remedy="to hold phases against one another, run again without a break",
        )


def _changes(processes: Series, service: str, resumes: Sequence[Resume]) -> list[tuple[float, float]]:
    """Give the last time at which each process was seen that ended before it should, and the first of the next one."""
    track = processes.track("process_start_time_seconds", service)
    # the kernel keeps it in ticks of 10 ms, and it is computed from the boot time, which may be corrected a little
    changed = np.flatnonzero(np.abs(np.diff(track.value)) > 1.0)
    expected = [resume.at for resume in resumes if resume.anew or service == _OURS]
    spans = [(float(track.time[place]), float(track.time[place + 1])) for place in changed]
    return [(before, after) for before, after in spans if not any(before <= at <= after for at in expected)]
