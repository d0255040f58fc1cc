"""What profiles come to: one of them in words, two held against one another, and what grew in a heap over a soak."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.heaps import AllocationSite, SiteGrowth
from lab.model.profiles import Profile, ProfileKind, ThreadTime
from lab.model.stacks import HotFrame, StackDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadMeanwhile:
    """The requests that ended while a profiler looked on, by route and scenario; of each how many.

    `requests` leaves out polls beyond the nominal ones, `extra_polls` counts them: a slow system draws more of them,
    and would seem to need less CPU for each request.
    """

    seconds: float
    requests: int
    extra_polls: int
    cells: tuple[tuple[str, str, int], ...] = ()

    @property
    def rate_per_s(self) -> float:
        """Nominal requests per second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    def of_route(self, route: str) -> int:
        """How many requests of a route ended, with all polls."""
        return sum(count for each, _, count in self.cells if each == route)

    def scenarios(self, route: str = "") -> tuple[tuple[str, float], ...]:
        """Give the share of each scenario in the requests (of one route), the largest first."""
        counts: dict[str, int] = {}
        for each, scenario, count in self.cells:
            if route in ("", each):
                counts[scenario] = counts.get(scenario, 0) + count
        total = sum(counts.values())
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple((scenario, count / total) for scenario, count in ordered if total)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTime:
    """The samples whose stacks show for which route they worked, as a share of all that were not idle.

    `requests` are those of the route that ended meanwhile, `scenarios` whose they were. Where a route belongs to
    several scenarios, nothing tells which of them a sample was for.
    """

    route: str
    samples: int
    share: float
    requests: int
    cpu_s_per_request: float | None
    scenarios: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HotCode:
    """A function that a profile found hot; `route` is the one that at least nine tenths of its samples worked for."""

    frame: HotFrame
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSite:
    """What was allocated at a place and is still held, over all processes of one role."""

    role: str
    site: AllocationSite


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSummary:
    """One profile of a run: when, in which phase and drive of it ("" outside all), and where time or memory goes.

    `moment` is what the plan calls that, "" where it was asked for by hand.

    CPU: `by_own` are the functions with most time of their own, `by_total` those with most together with what they
    call; functions that hand on nearly all of it, and what only carries the program, are left out of the latter.
    Heap: `held` are the places that allocated what is still held. `why` says why there is neither, "" where there is.
    """

    kind: ProfileKind
    service: str
    profiler: str
    phase: str
    drive: str
    started_at: float
    ended_at: float
    rate_hz: float
    samples: int
    lost: int
    cpu_s: float
    threads: ThreadTime | None
    files: tuple[tuple[str, str], ...]
    note: str
    load: LoadMeanwhile
    moment: str = ""
    by_own: tuple[HotCode, ...] = ()
    by_total: tuple[HotCode, ...] = ()
    unnamed_share: float = 0.0
    routes: tuple[RouteTime, ...] = ()
    held: tuple[HeldSite, ...] = ()
    why: str = ""


class GrowthBasis(StrEnum):
    """How the growth of a heap was seen.

    `between`: what is held at the end and was not at the begin, of processes that were followed all the while.
    `repeated`: what was allocated and kept in each of several stretches, each followed by itself.
    """

    BETWEEN = "between"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakGrowth:
    """What grew in the heap of a service over a soak, the fastest place first; only places that grew are in it.

    `stretches` are when profiles were taken. `repeated`: `bytes_per_h` is that of the slowest stretch, and
    `grown_bytes` the sum of all. `resident_bytes` is by how much everything grew, None where that is not known.
    """

    phase: str
    service: str
    profiler: str
    basis: GrowthBasis
    started_at: float
    ended_at: float
    stretches: tuple[tuple[float, float], ...]
    sites: tuple[SiteGrowth, ...]
    grown_bytes: int
    resident_bytes: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSide:
    """One of two profiles that are compared: of which run, the load meanwhile, and what a sample of it stands for."""

    run_id: str
    profile: Profile
    load: LoadMeanwhile
    seconds_per_sample: float

    @property
    def scale_s(self) -> float:
        """The CPU seconds per request that one sample stands for."""
        return self.seconds_per_sample / self.load.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDifference:
    """Two CPU profiles of one service, in the same phase, moment or step of two runs: CPU seconds per request.

    `drive` is what both are of, such as `stress, break`, or the name of a step.
    `clumping` is how many samples one call gives, `variation` by what share CPU per request varies by itself (None: not
    known; see lab/analysis/stack_diff.py). `notes` say what makes the two hard to compare.
    """

    service: str
    phase: str
    drive: str
    before: ProfileSide
    after: ProfileSide
    found: StackDifference
    clumping: float
    variation: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileComparison:
    """The profiles of two runs held against one another; `notes` say what of them has no partner, and what differs."""

    before_run: str
    after_run: str
    differences: tuple[ProfileDifference, ...]
    notes: tuple[str, ...] = ()
