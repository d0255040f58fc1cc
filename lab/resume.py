"""What an interrupted run asks for, so that it can go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab.conclude import kept_conversion, recover
from lab.config.plans import parse_plan
from lab.errors import RunDirError
from lab.model import Environment, Plan, RunState, Scenario
from lab.rundir import RunDir

_SCENARIO = TypeAdapter(Scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A run that did not come to its end, and what it was asked for."""

    run: RunDir
    plan: Plan
    scenario: Scenario
    target: str


def interrupted(run: RunDir, environment: Environment | None) -> Interrupted:
    """Read a run that is to go on, closing what a killed controller left open.

    `environment` is the one that runs now. Raises RunDirError where the run came to its end, still goes on, or is
    damaged.
    """
    record = recover(run, environment)
    if record["state"] != RunState.INTERRUPTED:
        raise RunDirError(f"run {run.run_id} is {record['state']}: there is nothing to go on with")
    if kept_conversion(run) is not None:
        raise RunDirError(
            f"run {run.run_id} cannot go on: its k6 output was left out of its pack; `lab run --like` repeats it"
        )
    plan, scenario, target = asked_of(run, record)
    return Interrupted(run=run, plan=plan, scenario=scenario, target=target)


def asked_of(run: RunDir, record: Mapping[str, Any]) -> tuple[Plan, Scenario, str]:
    """Give plan, scenario and the name of the target of a run. Raises RunDirError where its record is damaged."""
    try:
        plan = parse_plan(record["plan"], source="run.json")
        return plan, _SCENARIO.validate_python(record["scenario"]), str(record["target"])
    except (KeyError, ValidationError) as error:
        raise RunDirError(f"{run.record}: is damaged, or was written by another version of the lab: {error}") from error
