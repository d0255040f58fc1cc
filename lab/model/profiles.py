"""What a profiler saw: how long it looked, at whom, how often, and where the files are that it left."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.model.running import ComposeProject


class ProfileKind(StrEnum):
    """What is profiled: where time goes, what memory is used for, or every object that there is."""

    CPU = "cpu"
    HEAP = "heap"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTime:
    """What threads did while they were profiled, in seconds of all threads together.

    `gil_s` they held Python's global lock, `released_s` they ran without it (native code that had let it go, or code
    that waited for a CPU), `idle_s` they waited. Estimated from samples.
    """

    gil_s: float
    released_s: float
    idle_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile of one service. Times are epoch seconds; `rate_hz` is how often each process was looked at (0: heap).

    `phase` and `drive` say when it was taken: the phase and the step of it, "" outside a run; `moment` is what the plan
    calls that, "" where it was asked for by hand. `samples` counts stacks,
    `lost` those that could not be read. `files` are names in the run's `profiles/` by what they are: `folded` (one
    stack a line, frames by `;`, a count), `svg`, `gil` (folded: only what held the interpreter's lock), `all` (folded:
    threads that wait too), `cpuprofile`, `heapprofile`, `heapsnapshot`, `allocations`. `cpu_s` are the CPU seconds that
    the kernel counted for the processes meanwhile, 0 where it was not asked. `attached_at` and `detached_at` are when
    the profiler came and went, which is longer than it looked: it reads symbols before, and writes files after. `note`
    says what is lacking and why, "" for nothing.
    """

    kind: ProfileKind
    service: str
    profiler: str
    pids: tuple[int, ...]
    started_at: float
    ended_at: float
    rate_hz: float
    samples: int
    lost: int
    files: tuple[tuple[str, str], ...]
    phase: str = ""
    drive: str = ""
    moment: str = ""
    attached_at: float = 0.0
    detached_at: float = 0.0
    cpu_s: float = 0.0
    threads: ThreadTime | None = None
    note: str = ""

    @property
    def disturbed(self) -> tuple[float, float]:
        """From when to when it may have changed what was measured (epoch seconds)."""
        return self.attached_at or self.started_at, self.detached_at or self.ended_at

    def disturbs(self, started_at: float, ended_at: float) -> bool:
        """Whether it may have changed what was measured in a stretch of time (epoch seconds)."""
        began, ended = self.disturbed
        return began <= ended_at and ended >= started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is to be profiled: a service and its first process, with the workers below it.

    `project` is that of a service in a container, whose `pid` is 0 where this machine does not see it.
    `inspector_url` is where a Node process can be inspected ("" where it is to be asked by a signal). `lab_url` is the
    service's own URL, for what it offers in lab mode; `allowed_hosts` are those beside this machine that may be asked.
    `folder` is where files go, `stem` what their names begin with. `goes_on_s` is how long a heap is followed on, so
    that a later profile can be compared with this one: 0 ends that, None leaves it as it was. `marker` is the name by
    which the lab finds the profiler's own processes again.
    """

    service: str
    pid: int
    folder: Path
    stem: str
    inspector_url: str = ""
    lab_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    goes_on_s: float | None = None
    marker: str = "lab-profile"
    project: ComposeProject | None = None
