"""The requests of a run, and those of one threshold or cell."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.analysis import columns
from lab.analysis.columns import Texts
from lab.analysis.quantiles import Bools, Floats

_COLUMNS = [
    "time",
    "phase",
    "scenario",
    "route",
    "status",
    "duration_s",
    "waiting_s",
    "start_delay_s",
    "error",
    "extra_poll",
]
_NO_TEXTS = Texts(np.zeros(0, np.int32), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One row per request, phase by phase in the order of their ends. `time` is the end, in epoch seconds."""

    path: Path
    time: Floats
    phase: Texts
    scenario: Texts
    route: Texts
    status: npt.NDArray[np.int16]
    duration_s: Floats
    waiting_s: Floats
    start_delay_s: Floats
    error: Texts
    extra_poll: Bools

    @property
    def response_time_s(self) -> Floats:
        """How long each request took from the moment at which it was due."""
        return self.duration_s + self.start_delay_s

    @property
    def failed(self) -> Bools:
        """Which requests were answered with 3xx (which is not followed), 4xx or 5xx, or not at all (status 0)."""
        failed: Bools = (self.status >= 300) | (self.status == 0)
        return failed


def read_samples(path: Path) -> Samples:
    """Read samples.parquet; an absent file is a run without requests."""
    found = columns.read(path, _COLUMNS)
    if found:
        return Samples(path=path, **found)
    nothing = np.zeros(0)
    return Samples(
        path=path,
        time=nothing,
        phase=_NO_TEXTS,
        scenario=_NO_TEXTS,
        route=_NO_TEXTS,
        status=nothing.astype(np.int16),
        duration_s=nothing,
        waiting_s=nothing,
        start_delay_s=nothing,
        error=_NO_TEXTS,
        extra_poll=nothing.astype(bool),
    )
