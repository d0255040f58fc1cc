"""Plan files -> Plan."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from lab import thresholds
from lab.config.reading import Name, Strict, did_you_mean, find, override, read_toml, validated
from lab.errors import ConfigError
from lab.model import Guards, Journeys, Phase, PhaseKind, Plan, Threshold

MAX_RATE_PER_S = 5_000
"""The highest rate a phase may ask for: beyond it one k6 on one machine measures itself."""

MAX_PHASE_S = 4 * 3600
UNJUDGED = (PhaseKind.WARMUP,)

Rate = Annotated[float, Field(gt=0, le=MAX_RATE_PER_S, allow_inf_nan=False)]
_GUARDS = Guards()
_JOURNEYS = Journeys()
Ratio = Annotated[float, Field(ge=0, le=1)]


class _PhaseFile(Strict):
    name: Name
    kind: PhaseKind
    duration_s: float = Field(ge=1, le=MAX_PHASE_S)
    rate_per_s: Rate | None = None
    start_rate_per_s: Rate | None = None


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


class _JourneysFile(Strict):
    poll_interval_s: float = Field(default=_JOURNEYS.poll_interval_s, ge=0.01, le=60)
    deadline_s: float = Field(default=_JOURNEYS.deadline_s, ge=0.1, le=600)
    explainer: str = Field(default=_JOURNEYS.explainer, pattern="^(tree|kernel)$")
    max_vus: int = Field(default=_JOURNEYS.max_vus, ge=1, le=20_000)


class _PlanFile(Strict):
    name: Name
    description: str = ""
    seed: int = Field(ge=0, le=2**31 - 1)
    rate_per_s: Rate
    phases: tuple[_PhaseFile, ...] = Field(min_length=1)
    thresholds: tuple[_ThresholdFile, ...] = Field(min_length=1)
    guards: _GuardsFile = _GuardsFile()
    journeys: _JourneysFile = _JourneysFile()


def load_plan(name_or_path: str, *, overrides: Sequence[str] = (), rate_per_s: float | None = None) -> Plan:
    """Read the plan of this name in `plans/`, or the TOML file at this path, with `--set` and `--rate` applied.

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
    return plan


def parse_plan(content: Mapping[str, Any], *, source: str) -> Plan:
    """Turn a plan file's content into a Plan. Problems begin with `source`; ConfigError has them all."""
    file = validated(_PlanFile, content, source)
    parsed, problems = _parse_thresholds(file, source)
    problems += _phase_problems(file, source)
    if problems:
        raise ConfigError(problems)
    return Plan(
        name=file.name,
        description=file.description,
        seed=file.seed,
        phases=tuple(_phase(phase, file.rate_per_s) for phase in file.phases),
        thresholds=parsed,
        guards=Guards(**file.guards.model_dump()),
        journeys=Journeys(**file.journeys.model_dump()),
    )


def plan_content(plan: Plan) -> dict[str, Any]:
    """Give what `parse_plan` turns into this very plan; `run.json` keeps it."""
    return {
        "name": plan.name,
        "description": plan.description,
        "seed": plan.seed,
        "rate_per_s": max(phase.rate_per_s for phase in plan.phases),
        "phases": [_fields(phase) for phase in plan.phases],
        "thresholds": [{"expect": t.text, "phases": list(t.phases), "remedy": t.remedy} for t in plan.thresholds],
        "guards": _fields(plan.guards),
        "journeys": _fields(plan.journeys),
    }


def _fields(value: Phase | Guards | Journeys) -> dict[str, Any]:
    return {name: field for name, field in asdict(value).items() if field is not None}


def _phase(file: _PhaseFile, plan_rate_per_s: float) -> Phase:
    return Phase(
        name=file.name,
        kind=file.kind,
        duration_s=file.duration_s,
        rate_per_s=file.rate_per_s or plan_rate_per_s,
        start_rate_per_s=file.start_rate_per_s,
    )


def _parse_thresholds(file: _PlanFile, source: str) -> tuple[tuple[Threshold, ...], list[str]]:
    parsed, problems = [], []
    for index, entry in enumerate(file.thresholds):
        try:
            parsed.append(thresholds.parse(entry.expect, phases=entry.phases, remedy=entry.remedy))
        except ConfigError as error:
            problems += [f"{source}: thresholds[{index}]: {problem}" for problem in error.problems]
    return tuple(parsed), problems


def _phase_problems(file: _PlanFile, source: str) -> list[str]:
    names = [phase.name for phase in file.phases]
    problems = [f"{source}: two phases are named {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    judged = [phase.name for phase in file.phases if phase.kind not in UNJUDGED]
    if not judged:
        problems.append(
            f"{source}: every phase is a warm-up, and a warm-up is never judged; add a phase of another kind"
        )
    for index, threshold in enumerate(file.thresholds):
        for name in threshold.phases:
            if name not in names:
                problems.append(f"{source}: thresholds[{index}]: no phase is named {name!r}{did_you_mean(name, names)}")
            elif name not in judged:
                problems.append(f"{source}: thresholds[{index}]: {name!r} is a warm-up, which is never judged")
    return problems
