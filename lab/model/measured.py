"""What was measured: windows, progress, k6's own figures, and the files that an analysis reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lab.model.asked import Moment, PhaseKind, Plan, Scenario
from lab.model.doubts import Doubt
from lab.model.profiles import Profile


class RunState(StrEnum):
    """How far the driving of a run came."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """When an interrupted run went on (epoch seconds), and whether its services had been started anew."""

    at: float
    anew: bool


def drive_name(phase: str, step: int) -> str:
    """Give the name of one run of k6: the phase's, and the number of the step where the phase is driven in steps."""
    return f"{phase}-{step:02d}" if step else phase


class StepPurpose(StrEnum):
    """Why a step was driven: to find the break point of a stress phase, or to be profiled."""

    CLIMB = "climb"
    SEARCH = "search"
    CONFIRM = "confirm"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a stress phase, or what is driven again of another one, as recorded before it was driven.

    `drained_s` is how long the backlog before it took to be worked off; None where it was not, or nobody could tell.
    `moment` is what is profiled in it.
    """

    phase: str
    number: int
    rate_per_s: float
    duration_s: float
    purpose: StepPurpose
    drained_s: float | None = None
    moment: Moment | None = None

    @property
    def name(self) -> str:
        """What k6's output, samples and points of it are filed under."""
        return drive_name(self.phase, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time in which a phase offered its load, as k6's scenarios really began. Times are epoch seconds.

    Rates are nominal HTTP requests per second: journeys per second times the scenario's requests per journey. `step` is
    the number of the step of a stress phase, from 1; 0 where the phase is driven as a whole.
    """

    phase: str
    kind: PhaseKind
    step: int
    started_at: float
    ended_at: float
    planned_rate_per_s: float
    achieved_rate_per_s: float
    k6_exit_code: int | None
    note: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether k6 was seen to end by itself."""
        return self.k6_exit_code is not None

    @property
    def name(self) -> str:
        """What k6's output, samples and points of it are filed under."""
        return drive_name(self.phase, self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a running phase stands; rates over the last seconds, P95 in seconds over the same.

    `generator_pid` is the process that makes the load, for those who sample what it uses.
    """

    phase: str
    elapsed_s: float
    duration_s: float
    planned_rate_per_s: float
    achieved_rate_per_s: float
    requests: int
    failed: int
    p95_s: float | None
    generator_pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFigures:
    """k6's own figures of a phase, without the requests of its setup(); None where it gave none.

    Percentiles are linear, as everywhere in the lab; durations are http_req_duration.
    """

    requests: int
    failed: int
    iterations: int
    dropped_iterations: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None
    p999_s: float | None
    max_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the analysis of a run reads: values from `run.json`, and the files beside it.

    `samples` has one row per request, `points` one per value of k6's other metrics (see docs/run-directory.md);
    `series` maps a collector's name to its Parquet file; `summaries` maps a drive's name to k6's own figures of it;
    `log_index` and `slow_queries` say what logs hold. Files that a run does not have are missing from the maps, None,
    or do not exist. `truncated` names the phases whose output of k6 ends early. `service_cores` says how many cores a
    service can keep busy, `memory_bytes` what the machine has, `memory_limits` what a service is held to.
    `profiles` are what profilers saw meanwhile, and their files are in `profile_folder`.
    `is_external`: the lab has not started the services, and sees of them what they tell.
    """

    run_id: str
    state: RunState
    plan: Plan
    scenario: Scenario
    cores: int
    windows: tuple[Window, ...]
    samples: Path
    points: Path
    series: Mapping[str, Path]
    summaries: Mapping[str, SummaryFigures]
    log_index: Path | None = None
    slow_queries: Path | None = None
    steps: tuple[Step, ...] = ()
    service_cores: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: float | None = None
    memory_limits: Mapping[str, float] = field(default_factory=dict)
    is_external: bool = False
    profiles: tuple[Profile, ...] = ()
    profile_folder: Path | None = None
    resumes: tuple[Resume, ...] = ()
    truncated: tuple[str, ...] = ()
    incidents: tuple[Doubt, ...] = ()
