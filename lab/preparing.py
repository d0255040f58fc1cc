"""What a command needs before load can be driven: what is asked for, an environment that fits it, the experiment."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import noise, provenance
from lab.config.plans import load_plan
from lab.config.settings import Settings, parse_ports
from lab.config.targets import load_scenario, load_target
from lab.engines import ProcessEngine
from lab.errors import ConfigError, EngineError
from lab.load.k6 import K6Load
from lab.model import OBSERVERS, Environment, Plan, Scenario, Target
from lab.run import Experiment

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The environment that a command wants: the target, how it is varied, its ports, and who may bring it up.

    `without` names observers that are not to be started.
    """

    target: str
    overrides: Sequence[str] = ()
    ports: Sequence[str] = ()
    bring_up: bool = False
    without: Sequence[str] = ()


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
        lambda: load_target(wanted.target, overrides=wanted.overrides),
    )
    return read[0], read[1]


def bring_up(settings: Settings, wanted: Wanted, *, say: Say) -> Environment:
    """Bring the environment up, or give the one that runs and fits. Raises ConfigError and EngineError."""
    system, (asked, auto), _ = _all_problems(
        lambda: load_target(wanted.target, overrides=wanted.overrides),
        lambda: parse_ports(wanted.ports),
        lambda: _require_observers(wanted.without),
    )
    engine = ProcessEngine(settings.home)
    return engine.up(system, ports=asked, auto_ports=auto, without=wanted.without, on_event=say)


def _require_observers(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in OBSERVERS]
    if unknown:
        raise ConfigError([f"--without {name}: there are {' and '.join(OBSERVERS)}" for name in unknown])


@contextmanager
def environment(settings: Settings, wanted: Wanted, *, say: Say) -> Iterator[tuple[Environment, Target]]:
    """Give the environment that runs, and its target; where none does and it may, one that ends with the block."""
    engine, system = ProcessEngine(settings.home), load_target(wanted.target, overrides=wanted.overrides)
    found = engine.find()
    if found is not None and wanted.overrides:
        raise ConfigError("--target-set is for an environment that is brought up, and one runs; `lab down` first")
    with ExitStack() as stack:
        if found is None and wanted.bring_up:
            found = bring_up(settings, wanted, say=say)
            stack.callback(engine.down, say)
        if found is None:
            raise ConfigError("no environment runs; `lab up` starts one, or add --up to have one for this run")
        _refuse_unfit(engine, found, system)
        yield found, system


def _refuse_unfit(engine: ProcessEngine, found: Environment, target: Target) -> None:
    if found.target != target.name:
        raise ConfigError(
            f"the environment that runs is of target {found.target!r}, not {target.name!r}; `lab down` first"
        )
    broken = [f"{h.name}: {h.why}" for h in engine.health(found) if not h.ok and h.name not in OBSERVERS]
    if broken:
        raise EngineError("\n".join(["the environment is not whole; `lab down && lab up`", *broken]))


def experiment(
    settings: Settings, asked: tuple[Plan, Scenario], system: Target, found: Environment, load: K6Load
) -> Experiment:
    """Put together what is driven, with the noise that was measured of this machine."""
    return Experiment(
        plan=asked[0],
        scenario=asked[1],
        target=system,
        environment=found,
        load=load,
        artifacts=settings.artifacts,
        checkout=Path(__file__).resolve().parents[1],
        noise=noise.kept(settings.home, provenance.host()),
    )


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
