"""What a run was asked for, so that the same can be driven again, on this machine or another one.

A run may have come in a pack from somebody else: what it asks for must not be able to start anything by itself.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import comparable
from lab.conclude import recover
from lab.config.reading import told
from lab.config.targets import load_scenario
from lab.errors import ConfigError, RunDirError
from lab.model import Environment, Plan, Scenario
from lab.resume import asked_of
from lab.rundir import RunDir

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A run that is to be driven again, and what it was asked for: its `overrides` are the target's, as `key=value`.

    `scenario` is that of this checkout, since its scripts are what is driven.
    """

    run: RunDir
    plan: Plan
    scenario: Scenario
    target: str
    engine: str
    overrides: tuple[str, ...] = ()


def repeated(run: RunDir, environment: Environment | None) -> Repeated:
    """Read what a run was asked for; `environment` is the one that runs now.

    Raises RunDirError where the run still goes on or is damaged, ConfigError where its scenario is not there.
    """
    record = recover(run, environment)
    plan, scenario, target = asked_of(run, record)
    if not _NAME.fullmatch(target):  # a path would name programs to be started
        raise RunDirError(f"{run.record}: {target!r} is no name of a target; it is damaged")
    _require_comparable(run, record)
    its_environment = record["environment"]
    overrides = tuple(str(text) for text in its_environment.get("overrides") or ())
    if not all(text.isprintable() for text in overrides):
        raise RunDirError(f"{run.record}: its overrides hold what no terminal should be sent; it is damaged")
    return Repeated(
        run=run,
        plan=plan,
        scenario=load_scenario(scenario.name),
        target=target,
        engine=str(its_environment.get("engine", "")),
        overrides=overrides,
    )


def _require_comparable(run: RunDir, record: Mapping[str, Any]) -> None:
    """Raise RunDirError, before anything is driven, where a record lacks what it will be compared by."""
    try:
        comparable.differences([record], [record], under_test=())
    except (KeyError, TypeError, AttributeError) as error:
        raise RunDirError(f"{run.record}: is damaged, or was written by another version of the lab: {error}") from error


def overrides_for(of: Repeated, given: Sequence[str], environment: Environment | None) -> tuple[str, ...]:
    """Give what is to be set when an environment is brought up for the run again; `given` where one runs already.

    `given` is what the command line sets. What a run of this machine had set is set again, with secrets, which no run
    keeps, from `given`. Of a run that came in a pack `given` must say everything: a setting can name a program to be
    started. Raises ConfigError where anything differs.
    """
    if environment is not None:
        if set(environment.overrides) != set(of.overrides):
            raise ConfigError(
                f"the environment that runs has {_listed(environment.overrides)} set, and the run had "
                f"{_listed(of.overrides)}; `lab down`, then add --up"
            )
        return tuple(given)
    said = dict(zip(told(given), given, strict=True))
    other = [text for text in said if text not in of.overrides]
    if other:
        raise ConfigError(f"--target-set {', '.join(other)}: the run had {_listed(of.overrides)} set; give no other")
    from_elsewhere = run_is_unpacked(of.run)
    missing = [text for text in of.overrides if text not in said and (from_elsewhere or _HIDDEN in text)]
    if missing:
        why = "come from elsewhere" if from_elsewhere else "are secret"
        raise ConfigError(
            [
                f"the run had settings that the command line has to repeat, since they {why}; read them, then add:",
                *(f"--target-set {shlex.quote(text)}" for text in missing),
            ]
        )
    return tuple(said.get(text, text) for text in of.overrides)


def run_is_unpacked(run: RunDir) -> bool:
    """Whether a run came in a pack."""
    return run.pack.exists()


def _listed(overrides: Sequence[str]) -> str:
    return ", ".join(overrides) or "nothing"


def differences(original: RunDir, run: RunDir) -> tuple[str, ...]:
    """Say in what a run differs from the one that it repeats, a sentence each, before anything is measured."""
    found = comparable.differences([original.read_record()], [run.read_record()], under_test=())
    return (*found.on_purpose, *found.forbidden)
