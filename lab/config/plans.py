"""Plan files -> Plan."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from lab import thresholds
from lab.config.limits import LimitsFile, limits_content, parse_limits
from lab.config.moments import moment_problems
from lab.config.reading import Name, Strict, did_you_mean, find, override, read_toml, validated
from lab.errors import ConfigError
from lab.model import (
    UNJUDGED,
    DoubtKind,
    Guards,
    Journeys,
    Leaks,
    Moment,
    Phase,
    PhaseKind,
    Plan,
    Profiler,
    Profiling,
    Staircase,
    Surge,
    Threshold,
)
from lab.threshold_metrics import METRICS

MAX_RATE_PER_S = 5_000
"""The highest rate a phase may ask for: beyond it one k6 on one machine measures itself."""

MAX_PHASE_S = 4 * 3600
_OF_THEIR_OWN_LENGTH = (PhaseKind.SPIKE, PhaseKind.STRESS)

Rate = Annotated[float, Field(gt=0, le=MAX_RATE_PER_S, allow_inf_nan=False)]
_GUARDS = Guards()
_JOURNEYS = Journeys()
_LEAKS = Leaks()
_PROFILER = Profiler()
_PROFILING = Profiling()
_RESULTS_OF = {"recovery_time": PhaseKind.SPIKE, "break_point": PhaseKind.STRESS}
_KINDS = ("invalidating", "tolerated")
Ratio = Annotated[float, Field(ge=0, le=1)]


class _SurgeFile(Strict):
    factor: float = Field(gt=1, le=20)
    before_s: float = Field(ge=5, le=MAX_PHASE_S)
    surge_s: float = Field(ge=1, le=MAX_PHASE_S)
    after_s: float = Field(ge=5, le=MAX_PHASE_S)


class _StaircaseFile(Strict):
    breaks: tuple[str, ...] = Field(min_length=1)
    step_s: float = Field(default=20.0, ge=3, le=3600)
    settle_s: float = Field(default=4.0, ge=0, le=600)
    growth: float = Field(default=1.3, ge=1.02, le=4)
    resolution: float = Field(default=0.08, ge=0.01, le=1)
    confirmations: int = Field(default=2, ge=1, le=20)
    max_steps: int = Field(default=24, ge=3, le=99)
    drain_s: float = Field(default=30.0, ge=1, le=600)

    @model_validator(mode="after")
    def _something_is_judged(self) -> Self:
        if self.settle_s > self.step_s / 2:
            raise ValueError("settle_s leaves less than half of step_s to be judged")
        return self


class _PhaseFile(Strict):
    name: Name
    kind: PhaseKind
    duration_s: float | None = Field(default=None, ge=1, le=MAX_PHASE_S)
    rate_per_s: Rate | None = None
    start_rate_per_s: Rate | None = None
    surge: _SurgeFile | None = None
    staircase: _StaircaseFile | None = None
    profile: tuple[Moment, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == PhaseKind.SPIKE) != (self.surge is not None):
            raise ValueError("a spike, and nothing else, has a surge: { factor, before_s, surge_s, after_s }")
        if (self.kind == PhaseKind.STRESS) != (self.staircase is not None):
            raise ValueError("a stress phase, and nothing else, has a staircase: { breaks = [...], step_s, ... }")
        if self.kind in _OF_THEIR_OWN_LENGTH:
            if self.duration_s is not None:
                raise ValueError(f"the length of a {self.kind} follows from its parts; leave duration_s out")
        elif self.duration_s is None:
            raise ValueError("duration_s is missing")
        if self.kind == PhaseKind.STRESS and self.start_rate_per_s is None:
            raise ValueError("a stress phase begins at start_rate_per_s and climbs to rate_per_s; state the former")
        if self.surge is not None and self.start_rate_per_s is not None:
            raise ValueError("a spike has no start_rate_per_s: its surge says how the rate moves")
        return self

    @field_validator("profile")
    @classmethod
    def _each_once(cls, profile: tuple[Moment, ...]) -> tuple[Moment, ...]:
        if len(set(profile)) < len(profile):
            raise ValueError("each moment can be named once")
        return profile


class _ThresholdFile(Strict):
    expect: str
    phases: tuple[str, ...] = ()
    remedy: str = ""


class _GuardsFile(Strict):
    rate_tolerance: Ratio = _GUARDS.rate_tolerance
    dropped_iterations: Ratio = _GUARDS.dropped_iterations
    machine_cpu: Ratio = _GUARDS.machine_cpu
    generator_cpu: Ratio = _GUARDS.generator_cpu
    telemetry_gap_s: float = Field(default=_GUARDS.telemetry_gap_s, ge=2, le=600)
    window_s: float = Field(default=_GUARDS.window_s, ge=5, le=3600)
    start_delay_s: float = Field(default=_GUARDS.start_delay_s, gt=0, le=60)
    other_cores: float = Field(default=_GUARDS.other_cores, ge=0, le=1024)
    memory_pressure: Ratio = _GUARDS.memory_pressure
    swap_in_bytes_per_s: float = Field(default=_GUARDS.swap_in_bytes_per_s, ge=0)
    frequency_drop: Ratio = _GUARDS.frequency_drop
    invalidating: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()


class _JourneysFile(Strict):
    poll_interval_s: float = Field(default=_JOURNEYS.poll_interval_s, ge=0.01, le=60)
    deadline_s: float = Field(default=_JOURNEYS.deadline_s, ge=0.1, le=600)
    explainer: str = Field(default=_JOURNEYS.explainer, pattern="^(tree|kernel)$")
    max_vus: int = Field(default=_JOURNEYS.max_vus, ge=1, le=20_000)


class _LeaksFile(Strict):
    rss_bytes_per_h: float = Field(default=_LEAKS.rss_bytes_per_h, gt=0)
    open_files_per_h: float = Field(default=_LEAKS.open_files_per_h, gt=0)
    threads_per_h: float = Field(default=_LEAKS.threads_per_h, gt=0)
    sockets_per_h: float = Field(default=_LEAKS.sockets_per_h, gt=0)


class _ProfilerFile(Strict):
    level: int = Field(default=_PROFILER.level, ge=0, le=2)
    slow_ms: int = Field(default=_PROFILER.slow_ms, ge=0, le=600_000)


class _ProfilingFile(Strict):
    services: tuple[Name, ...] = ()
    cpu_s: float = Field(default=_PROFILING.cpu_s, ge=1, le=600)
    heap_s: float = Field(default=_PROFILING.heap_s, ge=3, le=600)
    repeat: bool = _PROFILING.repeat


class _PlanFile(Strict):
    name: Name
    description: str = ""
    seed: int = Field(ge=0, le=2**31 - 1)
    rate_per_s: Rate
    phases: tuple[_PhaseFile, ...] = Field(min_length=1)
    thresholds: tuple[_ThresholdFile, ...] = Field(min_length=1)
    guards: _GuardsFile = _GuardsFile()
    journeys: _JourneysFile = _JourneysFile()
    leaks: _LeaksFile = _LeaksFile()
    profiler: _ProfilerFile = _ProfilerFile()
    profiling: _ProfilingFile = _ProfilingFile()
    limits: dict[Name, LimitsFile] = Field(default_factory=dict)


def load_plan(
    name_or_path: str,
    *,
    overrides: Sequence[str] = (),
    rate_per_s: float | None = None,
    phases: Sequence[str] = (),
) -> Plan:
    """Read the plan of this name in `plans/`, or the TOML file at this path, with `--set` and `--rate` applied.

    `phases` picks some of its phases (names or kinds); the warm-ups stay, and thresholds about the others are left out.

    `overrides` are `key=value` with dotted keys (`seed=3`, `guards.machine_cpu=0.9`, `phases.sustain.duration_s=60`).
    Raises ConfigError with every problem found.
    """
    path = find("plan", name_or_path)
    content = read_toml(path)
    problems = override(content, overrides)
    if rate_per_s is not None:
        content["rate_per_s"] = rate_per_s
    try:
        plan = parse_plan(content, source=path.name)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    if problems:
        raise ConfigError(problems)
    return _picked(plan, phases) if phases else plan


def _picked(plan: Plan, names: Sequence[str]) -> Plan:
    known = [phase.name for phase in plan.phases]
    kinds = {phase.kind.value for phase in plan.phases}
    problems = [
        f"--phases: plan {plan.name} has no phase {name!r}{did_you_mean(name, known)} (it has: {', '.join(known)})"
        for name in names
        if name not in known and name not in kinds
    ]
    if problems:
        raise ConfigError(problems)
    asked = tuple(phase for phase in plan.phases if phase.name in names or phase.kind in names)
    kept = tuple(phase for phase in plan.phases if phase in asked or phase.kind == PhaseKind.WARMUP)
    judged = [phase.name for phase in asked]
    thresholds_left = [
        replace(t, phases=tuple(name for name in t.phases if name in judged))
        for t in plan.thresholds
        if not t.phases or any(name in judged for name in t.phases)
    ]
    if not any(phase.kind not in UNJUDGED for phase in asked):
        raise ConfigError("--phases: only phases are left that are never judged (of kind warmup or profile)")
    if not thresholds_left:
        raise ConfigError(f"--phases: plan {plan.name} holds no threshold against {', '.join(judged)}; add one to it")
    return replace(plan, phases=kept, thresholds=tuple(thresholds_left))


def parse_plan(content: Mapping[str, Any], *, source: str) -> Plan:
    """Turn a plan file's content into a Plan. Problems begin with `source`; ConfigError has them all."""
    file = validated(_PlanFile, content, source)
    parsed, problems = _parse_thresholds(file, source)
    problems += _phase_problems(file, source) + _kind_mismatches(file, parsed, source)
    breaks, break_problems = _parse_breaks(file, source)
    problems += break_problems + _kind_problems(file, source) + _profile_problems(file, source)
    if problems:
        raise ConfigError(problems)
    return Plan(
        name=file.name,
        description=file.description,
        seed=file.seed,
        phases=tuple(_phase(phase, file.rate_per_s, breaks.get(phase.name, ())) for phase in file.phases),
        thresholds=parsed,
        guards=_guards(file.guards),
        journeys=Journeys(**file.journeys.model_dump()),
        leaks=Leaks(**file.leaks.model_dump()),
        profiler=Profiler(**file.profiler.model_dump()),
        profiling=Profiling(**file.profiling.model_dump()),
        limits=parse_limits(file.limits),
    )


def plan_content(plan: Plan) -> dict[str, Any]:
    """Give what `parse_plan` turns into this very plan; `run.json` keeps it."""
    return {
        "name": plan.name,
        "description": plan.description,
        "seed": plan.seed,
        "rate_per_s": max(phase.rate_per_s for phase in plan.phases),
        "phases": [_phase_content(phase) for phase in plan.phases],
        "thresholds": [{"expect": t.text, "phases": list(t.phases), "remedy": t.remedy} for t in plan.thresholds],
        "guards": _fields(plan.guards),
        "journeys": _fields(plan.journeys),
        "leaks": _fields(plan.leaks),
        "profiler": _fields(plan.profiler),
        "profiling": _fields(plan.profiling),
        "limits": limits_content(plan.limits),
    }


def _guards(file: _GuardsFile) -> Guards:
    kinds = {name: tuple(DoubtKind(kind) for kind in getattr(file, name)) for name in _KINDS}
    return Guards(**{**file.model_dump(), **kinds})


def _kind_mismatches(file: _PlanFile, parsed: Sequence[Threshold], source: str) -> list[str]:
    """Say which thresholds name a phase that cannot have what they are about."""
    kinds = {phase.name: phase.kind for phase in file.phases}
    problems = []
    for threshold in parsed:
        for name in threshold.phases:
            kind = kinds.get(name)
            if kind == PhaseKind.STRESS and threshold.metric != "break_point":
                problems.append(
                    f"{source}: {threshold.text!r}: {name!r} is driven until it breaks: hold break_point against it, "
                    "and put what breaks it into staircase.breaks"
                )
            needed = _RESULTS_OF.get(threshold.metric)
            if kind is not None and needed is not None and kind != needed:
                problems.append(f"{source}: {threshold.text!r}: {name!r} is no phase of kind {needed}")
    return problems


def _kind_problems(file: _PlanFile, source: str) -> list[str]:
    known = [kind.value for kind in DoubtKind]
    problems = [
        f"{source}: guards.{name}: no kind of doubt is named {kind!r}{did_you_mean(kind, known)} "
        f"(there are: {', '.join(known)})"
        for name in _KINDS
        for kind in getattr(file.guards, name)
        if kind not in known
    ]
    both = set(file.guards.invalidating) & set(file.guards.tolerated)
    return problems + [f"{source}: guards: {kind!r} is both invalidating and tolerated" for kind in sorted(both)]


def _fields(value: Phase | Guards | Journeys | Leaks | Profiler | Profiling) -> dict[str, Any]:
    return {name: field for name, field in asdict(value).items() if field is not None}


def _phase_content(phase: Phase) -> dict[str, Any]:
    content = _fields(phase)
    if phase.kind in _OF_THEIR_OWN_LENGTH:
        del content["duration_s"]
    if phase.staircase is not None:
        content["staircase"]["breaks"] = [threshold.text for threshold in phase.staircase.breaks]
    return content


def _phase(file: _PhaseFile, plan_rate_per_s: float, breaks: tuple[Threshold, ...]) -> Phase:
    surge = Surge(**file.surge.model_dump()) if file.surge else None
    staircase = Staircase(**{**file.staircase.model_dump(), "breaks": breaks}) if file.staircase else None
    return Phase(
        name=file.name,
        kind=file.kind,
        duration_s=file.duration_s or _own_length_s(surge, staircase),
        rate_per_s=file.rate_per_s or plan_rate_per_s,
        start_rate_per_s=file.start_rate_per_s,
        surge=surge,
        staircase=staircase,
        profile=file.profile,
    )


def _own_length_s(surge: Surge | None, staircase: Staircase | None) -> float:
    if surge is not None:
        return surge.before_s + surge.surge_s + surge.after_s
    assert staircase is not None
    return staircase.max_steps * staircase.step_s


def _parse_breaks(file: _PlanFile, source: str) -> tuple[dict[str, tuple[Threshold, ...]], list[str]]:
    """Give what breaks each stress phase; it is judged while load is driven, so it is about the load alone."""
    breaks: dict[str, tuple[Threshold, ...]] = {}
    problems: list[str] = []
    for phase in file.phases:
        parsed = []
        for index, text in enumerate(phase.staircase.breaks if phase.staircase else ()):
            place = f"{source}: phases.{phase.name}.staircase.breaks[{index}]"
            try:
                threshold = thresholds.parse(text)
            except ConfigError as error:
                problems += [f"{place}: {problem}" for problem in error.problems]
                continue
            parsed.append(threshold)
            if threshold.metric not in METRICS or threshold.window_s is not None:
                problems.append(f"{place}: {text!r}: a step is broken by metrics of the load, over the whole of it")
        breaks[phase.name] = tuple(parsed)
    return breaks, problems


def _parse_thresholds(file: _PlanFile, source: str) -> tuple[tuple[Threshold, ...], list[str]]:
    parsed, problems = [], []
    for index, entry in enumerate(file.thresholds):
        try:
            parsed.append(thresholds.parse(entry.expect, phases=entry.phases, remedy=entry.remedy))
        except ConfigError as error:
            problems += [f"{source}: thresholds[{index}]: {problem}" for problem in error.problems]
    return tuple(parsed), problems


def _profile_problems(file: _PlanFile, source: str) -> list[str]:
    return [
        f"{source}: phases.{phase.name}.{problem}"
        for phase in file.phases
        for problem in moment_problems(
            phase.kind, phase.profile, duration_s=phase.duration_s or 0.0, cpu_s=file.profiling.cpu_s
        )
    ]


def _phase_problems(file: _PlanFile, source: str) -> list[str]:
    names = [phase.name for phase in file.phases]
    problems = [f"{source}: two phases are named {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    judged = [phase.name for phase in file.phases if phase.kind not in UNJUDGED]
    if not judged:
        problems.append(
            f"{source}: every phase is of a kind that is never judged (warmup or profile); add one of another kind"
        )
    for index, threshold in enumerate(file.thresholds):
        for name in threshold.phases:
            if name not in names:
                problems.append(f"{source}: thresholds[{index}]: no phase is named {name!r}{did_you_mean(name, names)}")
            elif name not in judged:
                problems.append(f"{source}: thresholds[{index}]: {name!r} is of a kind that is never judged")
    problems += [
        f"{source}: {stepped.name!r} drives steps named {stepped.name}-01 and so on; rename {name!r}"
        for stepped in file.phases
        for name in names
        if (stepped.staircase or stepped.profile) and re.fullmatch(re.escape(stepped.name) + r"-\d\d", name)
    ]
    return problems
