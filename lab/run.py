"""One whole experiment: drive the phases of a plan, watch them, and conclude from what is on disk."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import database, processes, provenance, rundir
from lab.collectors import logs
from lab.collectors.host import HostCollector, ProcessCollector
from lab.collectors.recorder import Recorder
from lab.collectors.scrape import ScrapeCollector
from lab.config.plans import plan_content
from lab.engines import health
from lab.errors import LoadError, ServiceDiedError
from lab.load.k6 import K6Load
from lab.model import Doubt, Environment, Phase, Plan, Progress, RunState, Scenario, Target, Window
from lab.rundir import RunDir

OnProgress = Callable[[Phase, Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What `drive` needs: the plan, what the load goes through and to, and where results go."""

    plan: Plan
    scenario: Scenario
    target: Target
    environment: Environment
    load: K6Load
    artifacts: Path
    checkout: Path


def expected_requests(plan: Plan) -> float:
    """How many requests a plan sends to a system that keeps up."""
    return sum(phase.mean_rate_per_s * phase.duration_s for phase in plan.phases)


def drive(experiment: Experiment, run: RunDir, *, on_progress: OnProgress) -> None:
    """Drive every phase of the plan and record it in `run`, which is then ready for `lab.conclude`.

    Whatever ends it early, what was measured is kept and the exception goes on: ServiceDiedError is recorded as an
    incident; after a KeyboardInterrupt, or any other error, the state is `interrupted`.
    """
    watched = ProcessCollector(_pids(experiment.environment))
    collectors = (HostCollector(), watched, ScrapeCollector(_endpoints(experiment.environment)))
    try:
        database.empty(experiment.environment.mongo_url, experiment.target.database)
        with Recorder(collectors, run.series):
            for phase in experiment.plan.phases:
                window = _drive_phase(experiment, phase, run, watched, on_progress)
                run.write_windows([*run.windows(), window])
    except ServiceDiedError as death:
        run.update_record(incidents=[asdict(_incident(death))])
        _close(run, experiment.environment, RunState.FINISHED)
        raise
    except BaseException:
        _close(run, experiment.environment, RunState.INTERRUPTED)
        raise
    _close(run, experiment.environment, RunState.FINISHED)


def open_run(experiment: Experiment, *, now: datetime | None = None) -> RunDir:
    """Make the run's directory, with its record. Raises RunDirError where it cannot be written or has no room."""
    now = now or datetime.now(UTC)
    plan, environment = experiment.plan, experiment.environment
    run = rundir.create(experiment.artifacts, f"{experiment.scenario.name}-{plan.name}", now=now)
    content = plan_content(plan)
    run.write_record(
        {
            "run_id": run.run_id,
            "state": RunState.RUNNING,
            "controller": asdict(processes.identify(os.getpid())),
            "scenario": asdict(experiment.scenario),
            "plan": content,
            "seed": plan.seed,
            "target": experiment.target.name,
            "environment": environment_content(environment),
            "provenance": provenance.collect(
                environment=environment,
                k6_version=experiment.load.version,
                plan=content,
                checkout=experiment.checkout,
            ),
            "log_begins": logs.ends(environment.log_files()),
            "started_at": time.time(),
            "ended_at": None,
            "incidents": [],
        }
    )
    return run


def _close(run: RunDir, environment: Environment, state: RunState) -> None:
    logs.collect(environment.log_files(), run.read_record()["log_begins"], run.logs)
    run.update_record(state=state, ended_at=time.time())


def _drive_phase(
    experiment: Experiment, phase: Phase, run: RunDir, watched: ProcessCollector, on_progress: OnProgress
) -> Window:
    def progressed(progress: Progress) -> None:
        watched.watch("k6", progress.generator_pid)
        _require_services(experiment.environment)
        on_progress(phase, progress)

    try:
        return experiment.load.drive(
            phase,
            experiment.scenario,
            base_url=experiment.environment.entry_url,
            seed=experiment.plan.seed,
            out=run.load,
            marker=experiment.environment.id,
            on_progress=progressed,
            settings=_script_settings(experiment.plan),
        )
    except LoadError:
        _require_services(experiment.environment)  # a service that died is the reason, and k6 only what met it first
        raise
    finally:
        watched.watch("k6", None)


def _require_services(environment: Environment) -> None:
    for service in health.dead(environment):
        log = processes.tail(service.log) if service.log else ""
        how = health.gone(service.process) if service.process else "it does not answer"
        raise ServiceDiedError(f"{service.name} ended during the run: {how}; its log:\n{log}")


def _incident(death: ServiceDiedError) -> Doubt:
    return Doubt(
        what="a service died while load was driven",
        why=str(death),
        remedy="read the end of its log above, `lab down && lab up`, and run again",
        invalidates=True,
    )


def _script_settings(plan: Plan) -> dict[str, str]:
    journeys = plan.journeys
    return {
        "RUN": "0",  # the database was emptied: the same seed gives the same users, byte for byte
        "POLL_INTERVAL": f"{journeys.poll_interval_s:g}",
        "DEADLINE": f"{journeys.deadline_s:g}",
        "EXPLAINER": journeys.explainer,
        "MAX_VUS": str(journeys.max_vus),
    }


def _pids(environment: Environment) -> dict[str, int]:
    own = {"lab": os.getpid()}
    return own | {s.name: s.process.pid for s in environment.services if s.process is not None}


def _endpoints(environment: Environment) -> dict[str, str]:
    return {service.name: service.metrics_url for service in environment.services if service.metrics_url}


def environment_content(environment: Environment) -> Mapping[str, Any]:
    """Give what `run.json` keeps of an environment: no path of this machine, and no URL that may hold a password."""
    services = [replace(service, log=None) for service in environment.services]
    content = asdict(replace(environment, services=tuple(services), mongo_url=""))
    return {**content, "services": [{**service, "log": None} for service in content["services"]]}
