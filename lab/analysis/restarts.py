"""Services that began anew while a run went on: what they had warmed up or stored was lost in the middle of it."""

from collections.abc import Mapping

import numpy as np

from lab.analysis.series import Series
from lab.model import Doubt

_NEW_IN_EACH_PHASE = ("k6",)


def restarts(series: Mapping[str, Series]) -> tuple[Doubt, ...]:
    """Give a doubt, which forbids a verdict, per service whose process changed."""
    if "processes" not in series:
        return ()
    processes = series["processes"]
    return tuple(
        Doubt(
            what="a service restarted",
            why=f"the process of {service} changed {times} time{'s' if times > 1 else ''} during the run",
            remedy="read its log (`lab logs`), find out why it ended, and run again",
            invalidates=True,
        )
        for service in processes.services()
        if service not in _NEW_IN_EACH_PHASE and (times := _changes(processes, service))
    )


def _changes(processes: Series, service: str) -> int:
    begun = processes.track("process_start_time_seconds", service).value
    # the kernel keeps it in ticks of 10 ms, and it is computed from the boot time, which may be corrected a little
    return int(np.count_nonzero(np.abs(np.diff(begun)) > 1.0))
