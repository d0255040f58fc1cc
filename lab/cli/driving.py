"""Driving load: a run through the phases of a plan, and the noise of this machine."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from lab.cli import ci_files
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
from lab.errors import ConfigError, EngineError, ServiceDiedError

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.config.settings import Settings
    from lab.model import Plan, Report, Scenario
    from lab.preparing import Wanted
    from lab.resume import Interrupted
    from lab.run import Experiment
    from lab.rundir import RunDir


@click.command()
@click.argument("scenario", required=False)
@click.option("--plan", "plan_name", default="smoke", show_default=True, help="Name in plans/, or a .toml file.")
@click.option("--phases", metavar="NAME,...", help="Only these phases of the plan (names or kinds), and its warm-ups.")
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run at its next phase.")
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
def run(  # one per option, as click has it
    context: click.Context,
    *,
    scenario: str | None,
    plan_name: str,
    phases: str | None,
    resume: str | None,
    rate: float | None,
    seed: int | None,
    target: str,
    overrides: tuple[str, ...],
    engine: str,
    cpus: tuple[str, ...],
    memory: tuple[str, ...],
    cpuset: tuple[str, ...],
    k6: str,
    bring_up: bool,
    ports: tuple[str, ...],
    target_set: tuple[str, ...],
    allow_target: tuple[str, ...],
) -> None:
    """Drive SCENARIO through the phases of a plan and end in a verdict.

    SCENARIO is auth_dashboard, upload_analyze, explain_heavy, report_retrieval or mixed. The exit code is the verdict:
    0 passed, 1 failed, 4 invalid. Everything measured is kept in a run directory, also after Ctrl-C or a crash; with
    --resume in the place of SCENARIO and plan, such a run goes on.
    """
    from lab import preparing, rundir
    from lab.config.limits import limit_overrides
    from lab.report import markdown
    from lab.resume import interrupted

    settings, earlier = its_settings(), None
    wanted = preparing.Wanted(
        target=target,
        overrides=target_set,
        ports=ports,
        bring_up=bring_up,
        engine=engine,
        k6=k6,
        allow_target=allow_target,
    )
    if resume is None:
        own = (
            *overrides,
            *limit_overrides(cpus=cpus, memory=memory, cpuset=cpuset),
            *([] if seed is None else [f"seed={seed}"]),
        )
        asked = preparing.read_plan(plan_name, scenario, wanted, overrides=own, rate_per_s=rate, phases=_names(phases))
    else:
        _refuse_beside_resume(context)
        earlier = interrupted(rundir.find(settings.artifacts, resume), its_environment())
        asked = earlier.plan, earlier.scenario
        wanted = replace(wanted, target=_resumed_target(context, earlier, target))
    wanted = replace(wanted, limits=asked[0].limits)
    report, _ = _drive(settings, asked, wanted, earlier.run if earlier else None)
    ci_files.add_summary(markdown.render(report))
    sys.exit(OUTCOME_CODES[report.verdict.outcome])


def _drive(
    settings: "Settings", asked: "tuple[Plan, Scenario]", wanted: "Wanted", earlier: "RunDir | None"
) -> "tuple[Report, Experiment]":
    from lab import preparing, rundir
    from lab.run import expected_requests
    from lab.run_lock import exclusive

    wanted = preparing.with_generator(settings, wanted)
    rundir.require_room(settings.artifacts, requests=expected_requests(asked[0]))
    with (
        exclusive(settings.home),
        preparing.environment(settings, wanted, say=say) as (environment, system, engine),
    ):
        experiment = preparing.experiment(
            settings, asked, wanted=wanted, system=system, found=environment, engine=engine
        )
        return _run(experiment, earlier), experiment


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _refuse_beside_resume(context: click.Context) -> None:
    """Refuse what an interrupted run has settled already."""
    settled = ("scenario", "plan_name", "phases", "rate", "seed", "overrides", "cpus", "memory", "cpuset")
    if any(_is_given(context, name) for name in settled):
        raise ConfigError("--resume goes on with the run's own scenario, plan and target; give none of them beside it")


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def _resumed_target(context: click.Context, earlier: "Interrupted", target: str) -> str:
    """Give the target of an interrupted run: by its name, or where the command says in which file it is."""
    from lab.config.targets import load_target

    if not _is_given(context, "target"):
        return earlier.target
    name = load_target(target).name
    if name != earlier.target:
        raise ConfigError(f"the run is one of target {earlier.target!r}, and {target} is target {name!r}")
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
    report, driven = _drive(settings, (plan, load_scenario("mixed")), wanted, None)
    if report.verdict.outcome == "invalid":
        fail(EngineError("the run is invalid, so nothing is kept of it: see its doubts above"))
    machine_noise.keep(settings.home, machine_noise.measured(report), measured_on(driven.environment))


def _run(experiment: "Experiment", earlier: "RunDir | None") -> "Report":
    from lab.conclude import conclude
    from lab.report.progress import showing
    from lab.run import drive, open_run, reopen_run

    run = earlier or open_run(experiment)
    if earlier:
        reopen_run(experiment, earlier)
    say(f"run {run.run_id}: {experiment.scenario.name} through plan {experiment.plan.name}")
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
