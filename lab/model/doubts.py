"""Reasons not to trust a figure."""

from dataclasses import dataclass
from enum import StrEnum


class DoubtKind(StrEnum):
    """What a doubt is about. A plan names these in `guards.invalidating` and `guards.tolerated`."""

    # the run itself
    INTERRUPTED = "interrupted"
    NOT_DRIVEN = "not_driven"
    NO_REQUESTS = "no_requests"
    INCIDENT = "incident"
    RESTART = "restart"
    RESUMED = "resumed"
    # what was recorded
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    SCRIPT = "script"
    NO_SUMMARY = "no_summary"
    DISAGREEMENT = "disagreement"
    TELEMETRY_MISSING = "telemetry_missing"
    TELEMETRY_GAP = "telemetry_gap"
    LABEL_EXPLOSION = "label_explosion"
    PROMETHEUS_LOST = "prometheus_lost"
    PROFILER_OFF = "profiler_off"
    NOT_WATCHED = "not_watched"
    PROFILED = "profiled"
    NOT_PROFILED = "not_profiled"
    CLOCK_JUMP = "clock_jump"
    DISK_FULL = "disk_full"
    # the generator
    RATE = "rate"
    DROPPED_ITERATIONS = "dropped_iterations"
    VUS_AT_CEILING = "vus_at_ceiling"
    VUS_NOT_READY = "vus_not_ready"
    START_DELAY = "start_delay"
    GENERATOR_CPU = "generator_cpu"
    GENERATOR_UNKNOWN = "generator_unknown"
    GENERATOR_NETWORK = "generator_network"
    # the machine
    MACHINE_CPU = "machine_cpu"
    MACHINE_CPU_PEAK = "machine_cpu_peak"
    OTHER_PROCESSES = "other_processes"
    STEAL = "steal"
    FREQUENCY = "frequency"
    MEMORY_PRESSURE = "memory_pressure"
    SWAP = "swap"
    # the system, and what was asked of it
    NOT_STEADY = "not_steady"
    LITTLES_LAW = "littles_law"
    CLOSE_CALL = "close_call"
    INAPPLICABLE = "inapplicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A reason not to trust a figure, and what removes it; no verdict stands beside one that `invalidates`.

    `started_at` and `ended_at` (epoch seconds) say when, where it is about a part of the phase; else both are 0.
    """

    kind: DoubtKind
    what: str
    why: str
    remedy: str
    invalidates: bool = False
    phase: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
