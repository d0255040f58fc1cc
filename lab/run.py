"""One whole experiment: drive the phases of a plan, watch them, and record what is needed to conclude."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import database, processes, provenance, rundir
from lab.analysis.looks import again_after, looks_within
from lab.collectors import log_index, logs
from lab.collectors.backlog import Backlog
from lab.config.plans import plan_content
from lab.driving import Driver, OnProgress
from lab.engines import Engine
from lab.errors import ConfigError, ServiceDiedError
from lab.load.k6 import SCRIPTS, K6Load
from lab.looking import Place
from lab.model import (
    Doubt,
    DoubtKind,
    Environment,
    Noise,
    Phase,
    PhaseKind,
    Plan,
    ProfileKind,
    RunState,
    Scenario,
    Target,
)
from lab.rundir import RunDir
from lab.stress import drive_steps
from lab.watching import watching

_DRAIN_S = 30.0
"""How long what waits after a phase may take to be worked off before a part of it is driven again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What `drive` needs: the plan, what the load goes through and to and who runs that, and where results go.

    `side` says of a run that is one of two sides which (`name`) and what that is (`told`, `commit`).
    """

    plan: Plan
    scenario: Scenario
    target: Target
    environment: Environment
    engine: Engine
    load: K6Load
    artifacts: Path
    checkout: Path
    noise: Noise | None = None
    side: Mapping[str, str] | None = None


def expected_requests(plan: Plan) -> float:
    """How many requests a plan sends to a system that keeps up."""
    again = [stretch for phase in plan.phases for stretch in again_after(phase, plan.profiling)]
    return sum(phase.mean_rate_per_s * phase.duration_s for phase in plan.phases) + sum(
        stretch.rate_per_s * stretch.duration_s for stretch in again
    )


def drive(experiment: Experiment, run: RunDir, *, on_progress: OnProgress) -> None:
    """Drive every phase of the plan that `run` does not have yet; then it is ready for `lab.conclude`.

    Whatever ends it early, what was measured is kept and the exception goes on: ServiceDiedError is recorded as an
    incident; after a KeyboardInterrupt, or any other error, the state is `interrupted`.
    """
    environment, attempt = experiment.environment, len(run.read_record()["resumes"])
    asked = experiment.plan, experiment.scenario, experiment.target
    try:
        if attempt == 0:
            database.empty(environment.mongo_url, experiment.target.database)
        with watching(*asked, environment, run) as watch, experiment.engine.watch(environment) as losses:
            driver = Driver(
                plan=experiment.plan,
                scenario=experiment.scenario,
                target=experiment.target,
                environment=environment,
                load=replace(experiment.load, remote_write=watch.remote_write),
                run=run,
                watched=watch.processes,
                stage=watch.stage,
                on_progress=on_progress,
                losses=losses,
                flush=watch.flush,
                attempt=attempt,
            )
            for phase in _to_be_driven(experiment.plan, run):
                _drive_phase(phase, driver, watch.backlog)
                experiment.engine.bring_logs(environment)
    except ServiceDiedError as death:
        run.add_incident(_incident(death))
        _close(run, experiment, RunState.FINISHED)
        raise
    except BaseException:
        _close(run, experiment, RunState.INTERRUPTED)
        raise
    _close(run, experiment, RunState.FINISHED)


def _drive_phase(phase: Phase, driver: Driver, backlog: Backlog) -> None:
    if phase.staircase is not None:
        drive_steps(phase, driver, backlog)
    else:
        _drive_whole(phase, driver, backlog)
    driver.run.update_record(phases_done=[*driver.run.read_record()["phases_done"], phase.name])


def _drive_whole(phase: Phase, driver: Driver, backlog: Backlog) -> None:
    """Drive a phase, and after it what is driven again to be profiled."""
    asked = driver.plan.profiling
    driver.forget_cut_off(phase)
    driver.drive(phase, looks=looks_within(phase, asked))
    for stretch in again_after(phase, asked):
        drained_s = backlog.drain(timeout_s=_DRAIN_S) if driver.target.backlog else None
        window = driver.drive_again(phase, stretch, drained_s=drained_s)
        if stretch.looks[0].kind == ProfileKind.HEAP:
            driver.looking.snapshots(Place(phase=phase.name, drive=window.name))


def _to_be_driven(plan: Plan, run: RunDir) -> list[Phase]:
    done = run.read_record()["phases_done"]
    return [phase for phase in plan.phases if phase.name not in done]


def open_run(experiment: Experiment, *, now: datetime | None = None) -> RunDir:
    """Make the run's directory, with its record. Raises RunDirError where it cannot be written or has no room."""
    now = now or datetime.now(UTC)
    plan, environment = experiment.plan, experiment.environment
    run = rundir.create(experiment.artifacts, f"{experiment.scenario.name}-{plan.name}", now=now)
    content = plan_content(plan)
    experiment.engine.bring_logs(environment)
    run.write_record(
        {
            "run_id": run.run_id,
            "state": RunState.RUNNING,
            "controller": asdict(processes.identify(os.getpid())),
            "scenario": asdict(experiment.scenario),
            "plan": content,
            "seed": plan.seed,
            "target": experiment.target.name,
            "service_cores": _cores(experiment),
            "memory_limits": {of.service: of.memory_bytes for of in environment.limits if of.memory_bytes},
            "environment": environment_content(environment),
            "provenance": _provenance(experiment),
            "noise": experiment.noise and asdict(experiment.noise),
            "side": experiment.side and dict(experiment.side),
            "log_begins": logs.ends(environment.log_files()),
            "log_kept": {},
            "phases_done": [],
            "resumes": [],
            "started_at": time.time(),
            "ended_at": None,
            "incidents": [asdict(doubt) for doubt in _unwatched(environment)],
        }
    )
    return run


def _cores(experiment: Experiment) -> dict[str, float]:
    """How many cores each service can keep busy: what it is made for, or what it is held to."""
    held = {of.service: of.cpus for of in experiment.environment.limits if of.cpus is not None}
    return {s.name: min(s.cores, held.get(s.name, s.cores)) for s in experiment.target.services}


def _provenance(experiment: Experiment) -> dict[str, Any]:
    return provenance.collect(
        environment=experiment.environment,
        k6_version=experiment.load.version,
        plan=plan_content(experiment.plan),
        checkout=experiment.checkout,
        scripts=SCRIPTS,
    )


def reopen_run(experiment: Experiment, run: RunDir) -> None:
    """Make an interrupted run ready for the phases that it lacks; a phase that was cut off is driven again.

    In an environment that is not the run's own, services are cold, so its warm-ups are driven again too. The record
    must have been recovered before (`lab.conclude.recover`). Raises ConfigError where versions or machine are others.
    """
    record, environment = run.read_record(), experiment.environment
    experiment.engine.bring_logs(environment)
    others = provenance.differences(record["provenance"], _provenance(experiment))
    if others:
        raise ConfigError(
            f"run {run.run_id} cannot go on here, since its phases could not be compared: {'; '.join(others)}"
        )
    is_new = record["environment"]["id"] != environment.id
    done = record["phases_done"]
    if is_new:
        warmups = {phase.name for phase in experiment.plan.phases if phase.kind == PhaseKind.WARMUP}
        done = [name for name in done if name not in warmups]
        record |= {
            "noise": experiment.noise and asdict(experiment.noise),
            "log_begins": logs.ends(environment.log_files()),
            "log_kept": logs.ends({name: run.logs / f"{name}{logs.SUFFIX}" for name in environment.log_files()}),
            "environment": environment_content(environment),
        }
    stress = {phase.name for phase in experiment.plan.phases if phase.staircase is not None}
    kept = [window for window in run.windows() if window.phase in done or (window.phase in stress and window.is_whole)]
    run.write_windows(kept)
    run.conversion.unlink(missing_ok=True)
    run.write_record(
        record
        | {
            "state": RunState.RUNNING,
            "controller": asdict(processes.identify(os.getpid())),
            "phases_done": done,
            "resumes": [*record["resumes"], {"at": time.time(), "anew": is_new}],
            "ended_at": None,
        }
    )


def _close(run: RunDir, experiment: Experiment, state: RunState) -> None:
    record, environment = run.read_record(), experiment.environment
    experiment.engine.bring_logs(environment)
    log_index.collect(environment.log_files(), record["log_begins"], run.logs, kept=record["log_kept"])
    run.update_record(state=state, ended_at=time.time())


def _unwatched(environment: Environment) -> Iterator[Doubt]:
    """Say what of services that the lab has not started is not seen in the run; it forbids nothing."""
    if environment.unwatched:
        yield Doubt(
            kind=DoubtKind.NOT_WATCHED,
            what="the lab does not see everything of these services",
            why=f"not collected: {'; '.join(environment.unwatched)}",
            remedy="let them tell it on their own /metrics (docs/external.md), or let the lab start them",
        )


def _incident(death: ServiceDiedError) -> Doubt:
    return Doubt(
        kind=DoubtKind.INCIDENT,
        what="a service died while load was driven",
        why=str(death),
        remedy="read the end of its log above, `lab down && lab up`, and run again",
        invalidates=True,
    )


def environment_content(environment: Environment) -> Mapping[str, Any]:
    """Give what `run.json` keeps of an environment: no path of this machine, and no URL that may hold a password."""
    services = [replace(service, log=None) for service in environment.services]
    content = asdict(replace(environment, services=tuple(services), mongo_url="", prometheus_folder=None, project=None))
    return {**content, "services": [{**service, "log": None} for service in content["services"]]}
