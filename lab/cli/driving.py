"""Driving load: a run through the phases of a plan, and the noise of this machine."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from lab.cli.shared import OUTCOME_CODES, console, fail, its_engine, its_settings, say, show_report
from lab.errors import ConfigError, EngineError, ServiceDiedError

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
@click.option("--rate", type=float, help="The plan's rate in requests per second, for phases that state none.")
@click.option("--seed", type=int, help="Seed of users and datasets, instead of the plan's.")
@click.option("--target", default="stubs", show_default=True, help="Name in targets/, or a .toml file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of the plan, dotted.")
@click.option("--up", "bring_up", is_flag=True, help="Bring the environment up if none runs, and down at the end.")
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`; with --up.")
@click.option("--target-set", multiple=True, metavar="KEY=VALUE", help="As of `lab up`; with --up.")
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
    bring_up: bool,
    ports: tuple[str, ...],
    target_set: tuple[str, ...],
) -> None:
    """Drive SCENARIO through the phases of a plan and end in a verdict.

    SCENARIO is auth_dashboard, upload_analyze, explain_heavy, report_retrieval or mixed. The exit code is the verdict:
    0 passed, 1 failed, 4 invalid. Everything measured is kept in a run directory, also after Ctrl-C or a crash; with
    --resume in the place of SCENARIO and plan, such a run goes on.
    """
    from lab import preparing, rundir
    from lab.resume import interrupted

    settings, earlier = its_settings(), None
    wanted = preparing.Wanted(target=target, overrides=target_set, ports=ports, bring_up=bring_up)
    if resume is None:
        own = (*overrides, *([] if seed is None else [f"seed={seed}"]))
        asked = preparing.read_plan(plan_name, scenario, wanted, overrides=own, rate_per_s=rate, phases=_names(phases))
    else:
        _refuse_beside_resume(context)
        earlier = interrupted(rundir.find(settings.artifacts, resume), its_engine().find())
        asked, wanted = (earlier.plan, earlier.scenario), replace(wanted, target=earlier.target)
    report = _drive(settings, asked, wanted, earlier.run if earlier else None)
    sys.exit(OUTCOME_CODES[report.verdict.outcome])


def _drive(
    settings: "Settings", asked: "tuple[Plan, Scenario]", wanted: "Wanted", earlier: "RunDir | None"
) -> "Report":
    from lab import preparing, rundir
    from lab.load.k6 import K6Load, find_k6
    from lab.run import expected_requests
    from lab.run_lock import exclusive

    load = K6Load(find_k6())
    rundir.require_room(settings.artifacts, requests=expected_requests(asked[0]))
    with exclusive(settings.home), preparing.environment(settings, wanted, say=say) as (environment, system):
        return _run(preparing.experiment(settings, asked, system, environment, load), earlier)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _refuse_beside_resume(context: click.Context) -> None:
    """Refuse what an interrupted run has settled already."""
    settled = ("scenario", "plan_name", "phases", "rate", "seed", "target", "overrides")
    given = [name for name in settled if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE]
    if given:
        raise ConfigError("--resume goes on with the run's own scenario, plan and target; give none of them beside it")


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
def noise(
    *, repeats: int, duration: float, rate: float, seed: int, target: str, bring_up: bool, ports: tuple[str, ...]
) -> None:
    """Measure the noise of this machine: the same load again and again, of which nothing differs.

    What it shows is kept, and later reports print the smallest change that this machine can show.
    """
    from lab import noise as machine_noise
    from lab import provenance
    from lab.config.targets import load_scenario
    from lab.preparing import Wanted

    settings = its_settings()
    plan = machine_noise.noise_plan(repeats=repeats, duration_s=duration, rate_per_s=rate, seed=seed)
    wanted = Wanted(target=target, ports=ports, bring_up=bring_up)
    report = _drive(settings, (plan, load_scenario("mixed")), wanted, None)
    if report.verdict.outcome == "invalid":
        fail(EngineError("the run is invalid, so nothing is kept of it: see its doubts above"))
    machine_noise.keep(settings.home, machine_noise.measured(report), provenance.host())


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
