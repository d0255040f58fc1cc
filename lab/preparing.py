"""What a command needs before load can be driven: what is asked for, an environment that fits it, the experiment."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import noise, provenance
from lab.config.plans import load_plan
from lab.config.reading import did_you_mean
from lab.config.settings import Settings, parse_ports
from lab.config.targets import load_scenario, load_target
from lab.engines import AUTO, ComposeEngine, Engine, ExternalEngine, choose, standing
from lab.errors import ConfigError, EngineError
from lab.load import k6_container
from lab.load.k6 import K6Load, Program, find_k6
from lab.model import OBSERVERS, Environment, Limits, Origin, Plan, Scenario, Target
from lab.run import Experiment
from lab.target_guard import granted, require_allowed

Say = Callable[[str], None]
_LIMITS = ("cpus", "memory_bytes", "cpuset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The environment that a command wants: the target, how it is varied, its ports, and who may bring it up.

    `engine` is the name of one, `auto`, or "" for the settings' own. `without` names observers that are not to be
    started, `limits` what services are held to, `allow_target` hosts beside this machine that load may go to. `origin`
    says where the target's code is, if not in the running checkout, `images` which services get which image.
    """

    target: str
    overrides: Sequence[str] = ()
    ports: Sequence[str] = ()
    bring_up: bool = False
    without: Sequence[str] = ()
    engine: str = ""
    limits: Sequence[Limits] = ()
    k6: str = AUTO
    allow_target: Sequence[str] = ()
    origin: Origin | None = None
    images: Sequence[tuple[str, str]] = ()


def read_plan(
    plan: str,
    scenario: str | None,
    wanted: Wanted,
    *,
    overrides: Sequence[str],
    rate_per_s: float | None,
    phases: Sequence[str],
) -> tuple[Plan, Scenario]:
    """Read the plan and the scenario that are asked for. Raises ConfigError with every problem, the target's too."""
    if scenario is None:
        raise ConfigError("say which scenario to drive, such as `lab run mixed`, or which run to go on with: --resume")
    read = _all_problems(
        lambda: load_plan(plan, overrides=overrides, rate_per_s=rate_per_s, phases=phases),
        lambda: load_scenario(scenario),
        lambda: read_target(wanted),
    )
    _require_profiled(read[0], read[2])
    return read[0], read[1]


def _require_profiled(plan: Plan, target: Target) -> None:
    """Raise ConfigError where a plan names a service to be profiled that the target does not have."""
    names = [service.name for service in target.services]
    unknown = [name for name in plan.profiling.services if name not in names]
    if unknown:
        raise ConfigError(
            [
                f"profiling.services: {target.name} has no service {name!r}{did_you_mean(name, names)}"
                for name in unknown
            ]
        )


def read_target(wanted: Wanted) -> Target:
    """Read the target, with the hosts that are granted. Raises ConfigError for one that leads to a host that is not."""
    target = load_target(wanted.target, overrides=wanted.overrides)
    hosts = granted(target.urls, listed=target.allowed_hosts, repeated=wanted.allow_target)
    return replace(target, granted_hosts=hosts, origin=wanted.origin, images=tuple(wanted.images))


def bring_up(settings: Settings, wanted: Wanted, *, say: Say) -> Environment:
    """Bring the environment up, or give the one that runs and fits. Raises ConfigError and EngineError."""
    return _bring_up(settings, wanted, say=say)[0]


def _bring_up(settings: Settings, wanted: Wanted, *, say: Say) -> tuple[Environment, Engine]:
    system, (asked, auto), _ = _all_problems(
        lambda: read_target(wanted),
        lambda: parse_ports(wanted.ports),
        lambda: _require_observers(wanted.without),
    )
    engine = choose(settings.home, wanted.engine, system, default=settings.engine)
    found = engine.up(system, ports=asked, auto_ports=auto, without=wanted.without, limits=wanted.limits, on_event=say)
    return found, engine


def _require_observers(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in OBSERVERS]
    if unknown:
        raise ConfigError([f"--without {name}: there are {' and '.join(OBSERVERS)}" for name in unknown])


@contextmanager
def environment(settings: Settings, wanted: Wanted, *, say: Say) -> Iterator[tuple[Environment, Target, Engine]]:
    """Give the environment that runs, its target and engine; where none does and it may, one that ends with the block.

    Raises ConfigError where what runs is not what is wanted.
    """
    engine, system = standing(settings.home), read_target(wanted)
    found = engine.find()
    if found is not None and wanted.overrides:
        raise ConfigError("--target-set is for an environment that is brought up, and one runs; `lab down` first")
    with ExitStack() as stack:
        if found is None and wanted.bring_up:
            found, engine = _bring_up(settings, wanted, say=say)
            stack.callback(engine.down, say)
        if found is None:
            raise ConfigError("no environment runs; `lab up` starts one, or add --up to have one for this run")
        _refuse_unfit(engine, found, system)
        _refuse_otherwise_made(found, wanted)
        yield found, system, engine


def _refuse_otherwise_made(found: Environment, wanted: Wanted) -> None:
    if wanted.engine not in {"", AUTO, found.engine}:
        raise ConfigError(f"the environment that runs is of the {found.engine} engine; `lab down` first")
    held = {limits.service: limits for limits in found.limits}
    for limits in wanted.limits:
        now = held.get(limits.service, Limits(service=limits.service))
        if any(getattr(limits, name) not in {None, "", getattr(now, name)} for name in _LIMITS):
            raise ConfigError(
                f"{limits.service} runs with {_told(now)}, and {_told(limits)} is asked for; `lab down` first, then "
                "`lab up --engine compose` with --cpus, --memory or --cpuset, or add --up"
            )


def _told(limits: Limits) -> str:
    told = {name: getattr(limits, name) for name in _LIMITS}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in {None, ""}) or "no limit"


def _refuse_unfit(engine: Engine, found: Environment, target: Target) -> None:
    if found.target != target.name:
        raise ConfigError(
            f"the environment that runs is of target {found.target!r}, not {target.name!r}; `lab down` first"
        )
    if found.engine == ExternalEngine.name:
        _refuse_elsewhere(found, target)
    broken = [f"{h.name}: {h.why}" for h in engine.health(found) if not h.ok and h.name not in OBSERVERS]
    if broken:
        raise EngineError("\n".join(["the environment is not whole; `lab down && lab up`", *broken]))


def _refuse_elsewhere(found: Environment, target: Target) -> None:
    """Refuse services at a host that `lab up` was not allowed, or that this command, with the file, does not allow."""
    urls = {service.name: service.url for service in found.services} | {"entry": found.entry_url}
    urls |= {"mongo_url": found.mongo_url} if found.mongo_url else {}
    try:
        require_allowed(urls, set(found.allowed_hosts) & set(target.granted_hosts))
    except ConfigError as error:
        raise ConfigError(
            [*error.problems, "the target file has changed since `lab up`: `lab down && lab up`"]
        ) from error


def experiment(
    settings: Settings,
    asked: tuple[Plan, Scenario],
    *,
    wanted: Wanted,
    system: Target,
    found: Environment,
    engine: Engine,
) -> Experiment:
    """Put together what is driven, with the noise that was measured of this machine."""
    return Experiment(
        plan=asked[0],
        scenario=asked[1],
        target=system,
        environment=found,
        engine=engine,
        load=K6Load(_generator(found, wanted.k6)),
        artifacts=settings.artifacts,
        checkout=Path(__file__).resolve().parents[1],
        noise=noise.kept(settings.home, measured_on(found)),
    )


def with_generator(settings: Settings, wanted: Wanted) -> Wanted:
    """Give the wish with its generator settled, which is looked for before anything is started.

    Raises ConfigError where a container is asked for without any, LoadError where there is no k6 for this machine.
    """
    engine = choose(settings.home, wanted.engine, read_target(wanted), default=settings.engine).name
    if engine != ComposeEngine.name and wanted.k6 == "container":
        raise ConfigError(f"--k6 container: the services are not in containers but of the {engine} engine")
    if engine != ComposeEngine.name or wanted.k6 == "host":
        find_k6()
        return replace(wanted, engine=engine, k6="host")
    return replace(wanted, engine=engine, k6=wanted.k6)


def _generator(found: Environment, k6: str) -> Program:
    """Give the k6 that is to be used: with containers one of them, unless theirs cannot hand its results over."""
    if found.project is None or k6 == "host":
        return find_k6()
    is_apart = "Docker Desktop" in dict(found.project.facts).get("docker host", "")
    if k6 == AUTO and is_apart:  # a named pipe does not reach out of a machine of its own
        return find_k6()
    urls = {service.url: service.inside_url for service in found.services if service.inside_url}
    return k6_container.find(found.project, urls)


def measured_on(found: Environment) -> dict[str, Any]:
    """Give what noise belongs to: this machine, and the way in which services run on it."""
    return {**provenance.host(), "engine": found.engine}


def _all_problems(*steps: Callable[[], Any]) -> list[Any]:
    """Take every step, and raise one ConfigError with the problems of all of them."""
    results: list[Any] = []
    problems: list[str] = []
    for step in steps:
        try:
            results.append(step())
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return results
