"""Driving load: a run through the phases of a plan, and the noise of this machine."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.shared import (
    ALLOW_TARGET,
    CPUS,
    CPUSET,
    ENGINE,
    K6,
    MEMORY,
    OUTCOME_CODES,
    console,
    fail,
    its_environment,
    its_settings,
    say,
    show_report,
)
from lab.errors import ConfigError, EngineError, ExitCode, LabError, ServiceDiedError
from lab.model import Judgement

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.config.settings import Settings
    from lab.model import Plan, Report, Scenario
    from lab.preparing import Wanted
    from lab.run import Experiment
    from lab.rundir import RunDir


@click.command()
@click.argument("scenario", required=False)
@click.option("--plan", "plan_name", default="smoke", show_default=True, help="Name in plans/, or a .toml file.")
@click.option("--phases", metavar="NAME,...", help="Only these phases of the plan (names or kinds), and its warm-ups.")
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run at its next phase.")
@click.option("--like", metavar="RUN|FILE", help="Repeat a run, or the one in a pack, and compare with it at the end.")
@click.option("--rate", type=float, help="The plan's rate in requests per second, for phases that state none.")
@click.option("--seed", type=int, help="Seed of users and datasets, instead of the plan's.")
@click.option("--target", default="stubs", show_default=True, help="Name in targets/, or a .toml file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of the plan, dotted.")
@ENGINE
@CPUS
@MEMORY
@CPUSET
@K6
@click.option("--up", "bring_up", is_flag=True, help="Bring the environment up if none runs, and down at the end.")
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`; with --up.")
@click.option("--target-set", multiple=True, metavar="KEY=VALUE", help="As of `lab up`; with --up.")
@ALLOW_TARGET
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Drive SCENARIO through the phases of a plan and end in a verdict.

    SCENARIO is auth_dashboard, upload_analyze, explain_heavy, report_retrieval or mixed. The exit code is the verdict:
    0 passed, 1 failed, 4 invalid. Everything measured is kept in a run directory, also after Ctrl-C or a crash; with
    --resume in the place of SCENARIO and plan, such a run goes on.

    With --like in their place a run is repeated: an id, its beginning, a path, or a file of `lab pack`. What differs
    here is said before, the two are compared at the end, and the exit code is 1 too where something regressed.
    """
    asked, settings = _Asked(**options), its_settings()
    if asked.resume is not None:
        job = _job_of_resume(context, asked, settings)
    elif asked.like is not None:
        job = _job_of_like(context, asked, settings)
    else:
        job = _job_anew(asked)
    report, _ = _drive(settings, job)
    _add_summary(report)
    regressed = job.like is not None and _has_regressed(job.like, settings, report.run_id)
    sys.exit(ExitCode.FAILED if regressed else OUTCOME_CODES[report.verdict.outcome])


def _add_summary(report: "Report") -> None:
    from lab.cli import ci_files
    from lab.report import markdown

    if ci_files.wants_summary():
        ci_files.add_summary(markdown.render(report))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What `lab run` is asked for, a field per option."""

    scenario: str | None
    plan_name: str
    phases: str | None
    resume: str | None
    like: str | None
    rate: float | None
    seed: int | None
    target: str
    overrides: tuple[str, ...]
    engine: str
    cpus: tuple[str, ...]
    memory: tuple[str, ...]
    cpuset: tuple[str, ...]
    k6: str
    bring_up: bool
    ports: tuple[str, ...]
    target_set: tuple[str, ...]
    allow_target: tuple[str, ...]

    def wanted(self) -> "Wanted":
        from lab.preparing import Wanted

        return Wanted(
            target=self.target,
            overrides=self.target_set,
            ports=self.ports,
            bring_up=self.bring_up,
            engine=self.engine,
            k6=self.k6,
            allow_target=self.allow_target,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What is to be driven and where; `earlier` is a run that goes on, `like` one that is repeated."""

    plan: "Plan"
    scenario: "Scenario"
    wanted: "Wanted"
    earlier: "RunDir | None" = None
    like: "RunDir | None" = None


def _job_anew(asked: _Asked) -> _Job:
    from lab import preparing
    from lab.config.limits import limit_overrides

    own = (
        *asked.overrides,
        *limit_overrides(cpus=asked.cpus, memory=asked.memory, cpuset=asked.cpuset),
        *([] if asked.seed is None else [f"seed={asked.seed}"]),
    )
    wanted, phases = asked.wanted(), _names(asked.phases)
    plan, scenario = preparing.read_plan(
        asked.plan_name, asked.scenario, wanted, overrides=own, rate_per_s=asked.rate, phases=phases
    )
    return _Job(plan=plan, scenario=scenario, wanted=replace(wanted, limits=plan.limits))


def _job_of_resume(context: click.Context, asked: _Asked, settings: "Settings") -> _Job:
    from lab import rundir
    from lab.resume import interrupted

    _refuse_beside(context, "--resume goes on with", ("like",))
    found = interrupted(rundir.find(settings.artifacts, asked.resume or ""), its_environment())
    target = _its_target(context, found.target, asked.target)
    wanted = replace(asked.wanted(), target=target, limits=found.plan.limits)
    return _Job(plan=found.plan, scenario=found.scenario, wanted=wanted, earlier=found.run)


def _job_of_like(context: click.Context, asked: _Asked, settings: "Settings") -> _Job:
    from lab.repeating import overrides_for, repeated

    _refuse_beside(context, "--like repeats", ())
    environment = its_environment()
    found = repeated(_run_or_pack(settings, asked.like or ""), environment)
    own = asked.wanted()
    wanted = replace(
        own,
        target=_its_target(context, found.target, asked.target),
        limits=found.plan.limits,
        overrides=overrides_for(found, asked.target_set, environment),
        engine=own.engine if own.engine or environment is not None else found.engine,
    )
    return _Job(plan=found.plan, scenario=found.scenario, wanted=wanted, like=found.run)


def _run_or_pack(settings: "Settings", name: str) -> "RunDir":
    """Give a run by its name, or the one in a pack, which is unpacked beside the others."""
    from lab import rundir, unpacking
    from lab.cli.packing import show_unpacked

    if not unpacking.is_pack(Path(name)):
        return rundir.find(settings.artifacts, name)
    unpacked = unpacking.unpack(Path(name), settings.artifacts)
    show_unpacked(unpacked)
    return unpacked.run


def _has_regressed(like: "RunDir", settings: "Settings", run_id: str) -> bool:
    """Show a run against the one that it repeats; gives whether anything regressed."""
    from lab import rundir
    from lab.cli.comparing import show_comparison
    from lab.comparing import compare_runs

    run = rundir.find(settings.artifacts, run_id)
    try:
        comparison = compare_runs([like], [run], force=True, names=(like.run_id, run.run_id))
    except LabError as error:
        say(f"{run.run_id} cannot be compared with {like.run_id}: {error}")
        return False
    show_comparison(comparison)
    return comparison.judgement == Judgement.REGRESSED


def _drive(settings: "Settings", job: _Job) -> "tuple[Report, Experiment]":
    from lab import preparing, rundir
    from lab.run import expected_requests
    from lab.run_lock import exclusive

    wanted = preparing.with_generator(settings, job.wanted)
    rundir.require_room(settings.artifacts, requests=expected_requests(job.plan))
    with (
        exclusive(settings.home),
        preparing.environment(settings, wanted, say=say) as (environment, system, engine),
    ):
        asked = job.plan, job.scenario
        experiment = preparing.experiment(
            settings, asked, wanted=wanted, system=system, found=environment, engine=engine
        )
        return _run(experiment, job), experiment


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _refuse_beside(context: click.Context, what: str, others: Sequence[str]) -> None:
    """Refuse options for what an earlier run has settled already."""
    settled = ("scenario", "plan_name", "phases", "rate", "seed", "overrides", "cpus", "memory", "cpuset", *others)
    if any(_is_given(context, name) for name in settled):
        raise ConfigError(f"{what} the run's own scenario, plan and target; give none of them beside it")


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def _its_target(context: click.Context, its_own: str, target: str) -> str:
    """Give the target of an earlier run: by its name, or where the command says in which file it is."""
    from lab.config.targets import load_target

    if not _is_given(context, "target"):
        return its_own
    name = load_target(target).name
    if name != its_own:
        raise ConfigError(f"the run is one of target {its_own!r}, and {target} is target {name!r}")
    return target


@click.command()
@click.option(
    "--repeats", type=click.IntRange(3, 30), default=6, show_default=True, help="How often the same is driven."
)
@click.option("--duration", type=float, default=20.0, show_default=True, help="Seconds of each repeat.")
@click.option("--rate", type=float, default=20.0, show_default=True, help="Requests per second.")
@click.option("--seed", type=int, default=14, show_default=True, help="Seed of users and datasets.")
@click.option("--target", default="stubs", show_default=True, help="Name in targets/, or a .toml file.")
@click.option("--up", "bring_up", is_flag=True, help="Bring the environment up if none runs, and down at the end.")
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`; with --up.")
@ENGINE
@K6
@ALLOW_TARGET
def noise(
    *,
    repeats: int,
    duration: float,
    rate: float,
    seed: int,
    target: str,
    bring_up: bool,
    ports: tuple[str, ...],
    engine: str,
    k6: str,
    allow_target: tuple[str, ...],
) -> None:
    """Measure the noise of this machine: the same load again and again, of which nothing differs.

    What it shows is kept, and later reports print the smallest change that this machine can show.
    """
    from lab import noise as machine_noise
    from lab.config.targets import load_scenario
    from lab.preparing import Wanted, measured_on

    settings = its_settings()
    plan = machine_noise.noise_plan(repeats=repeats, duration_s=duration, rate_per_s=rate, seed=seed)
    wanted = Wanted(target=target, ports=ports, bring_up=bring_up, engine=engine, k6=k6, allow_target=allow_target)
    report, driven = _drive(settings, _Job(plan=plan, scenario=load_scenario("mixed"), wanted=wanted))
    if report.verdict.outcome == "invalid":
        fail(EngineError("the run is invalid, so nothing is kept of it: see its doubts above"))
    machine_noise.keep(settings.home, machine_noise.measured(report), measured_on(driven.environment))


def _run(experiment: "Experiment", job: _Job) -> "Report":
    from lab.conclude import conclude
    from lab.report.progress import showing
    from lab.run import drive, open_run, reopen_run

    run = job.earlier or open_run(experiment)
    if job.earlier:
        reopen_run(experiment, job.earlier)
    say(f"run {run.run_id}: {experiment.scenario.name} through plan {experiment.plan.name}")
    if job.like is not None:
        _say_differences(job.like, run)
    try:
        with showing(experiment.plan, console(stderr=True)) as on_progress:
            drive(experiment, run, on_progress=on_progress)
    except ServiceDiedError as error:
        say(f"error: {error}")
    except BaseException:
        say(
            f"the run ends early; `lab report {run.run_id}` shows what was measured, "
            f"`lab run --resume {run.run_id}` goes on with it"
        )
        conclude(run)
        raise
    report = conclude(run)
    show_report(report, run)
    return report


def _say_differences(like: "RunDir", run: "RunDir") -> None:
    from lab.repeating import differences

    found = differences(like, run)
    say(f"as {like.run_id} was driven{', but:' if found else ', on the same'}")
    for sentence in found:
        say(f"  {sentence}")
