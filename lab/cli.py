"""The command line: one function per command. The only module that prints, and that ends the process."""

import logging
import os
import signal
import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from lab.errors import ConfigError, EngineError, ExitCode, LabError, ServiceDiedError

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from rich.console import Console

    from lab.config.settings import Settings
    from lab.engines import ProcessEngine
    from lab.model import Environment, Plan, Report, Scenario
    from lab.preparing import Wanted
    from lab.run import Experiment
    from lab.rundir import RunDir

_OUTCOME_CODES = {"passed": ExitCode.PASSED, "failed": ExitCode.FAILED, "invalid": ExitCode.INVALID}

_EPILOG = (
    "Exit codes: 0 passed, 1 failed, 2 usage or configuration, 3 the lab itself failed, "
    "4 invalid (no verdict can be given), 130 interrupted."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=_EPILOG)
@click.version_option(package_name="perf-profiling-lab", prog_name="lab")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what goes on.")
def cli(*, verbose: bool) -> None:
    """Load, stress and profile a system, and end in a verdict: passed, failed or invalid.

    Bring the environment up, run a scenario through a plan's phases, read the report, take it down:

    \b
      lab up
      lab run mixed --plan quick
      lab report
      lab down
    """  # noqa: D301  # \b is click's sign for lines to be left as they are
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")


@cli.command()
def doctor() -> None:
    """Show what is installed, which version would be used, and what is lost without the rest.

    Ends with 0 when the main job can run here, else with 3.
    """
    from lab import doctor as examination
    from lab.report import tables

    found = examination.examine(_settings().artifacts)
    _console().print(tables.doctor(found))
    if not examination.ok(found):
        _fail(EngineError("the main job cannot run here: see the parts above that are missing"))


@cli.command()
@click.option("--target", default="stubs", show_default=True, help="Name in targets/, or a .toml file.")
@click.option(
    "--ports",
    multiple=True,
    metavar="auto|SERVICE=PORT,...",
    help="Ports other than the target's; `auto` takes free ones for the rest.",
)
@click.option(
    "--target-set",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any key of the target, dotted: services.ai_core.env.AI_CORE_WORKERS=1",
)
def up(target: str, ports: tuple[str, ...], target_set: tuple[str, ...]) -> None:
    """Start the environment, wait until it is ready, show it and return.

    Where it already runs, shows what runs. Ctrl-C ends whatever was started.
    """
    from lab.preparing import Wanted, bring_up

    wanted = Wanted(target=target, overrides=target_set, ports=ports)
    _show_environment(bring_up(_settings(), wanted, say=_say))


@cli.command()
def status() -> None:
    """Show the services of the environment and how each of them stands.

    Ends with 0 when every one of them answers, else with 3.
    """
    engine = _engine()
    environment = engine.find()
    if environment is None:
        _fail(EngineError("no environment runs; `lab up` starts one"))
    if not _show_environment(environment):
        sys.exit(ExitCode.LAB_FAILED)


@cli.command()
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

    settings, earlier = _settings(), None
    wanted = preparing.Wanted(target=target, overrides=target_set, ports=ports, bring_up=bring_up)
    if resume is None:
        own = (*overrides, *([] if seed is None else [f"seed={seed}"]))
        asked = preparing.read_plan(plan_name, scenario, wanted, overrides=own, rate_per_s=rate, phases=_names(phases))
    else:
        _refuse_beside_resume(context)
        earlier = interrupted(rundir.find(settings.artifacts, resume), _engine().find())
        asked, wanted = (earlier.plan, earlier.scenario), replace(wanted, target=earlier.target)
    report = _drive(settings, asked, wanted, earlier.run if earlier else None)
    sys.exit(_OUTCOME_CODES[report.verdict.outcome])


def _drive(
    settings: "Settings", asked: "tuple[Plan, Scenario]", wanted: "Wanted", earlier: "RunDir | None"
) -> "Report":
    from lab import preparing, rundir
    from lab.load.k6 import K6Load, find_k6
    from lab.run import expected_requests
    from lab.run_lock import exclusive

    load = K6Load(find_k6())
    rundir.require_room(settings.artifacts, requests=expected_requests(asked[0]))
    with exclusive(settings.home), preparing.environment(settings, wanted, say=_say) as (environment, system):
        return _run(preparing.experiment(settings, asked, system, environment, load), earlier)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _refuse_beside_resume(context: click.Context) -> None:
    """Refuse what an interrupted run has settled already."""
    settled = ("scenario", "plan_name", "phases", "rate", "seed", "target", "overrides")
    given = [name for name in settled if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE]
    if given:
        raise ConfigError("--resume goes on with the run's own scenario, plan and target; give none of them beside it")


@cli.command()
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

    settings = _settings()
    plan = machine_noise.noise_plan(repeats=repeats, duration_s=duration, rate_per_s=rate, seed=seed)
    wanted = Wanted(target=target, ports=ports, bring_up=bring_up)
    report = _drive(settings, (plan, load_scenario("mixed")), wanted, None)
    if report.verdict.outcome == "invalid":
        _fail(EngineError("the run is invalid, so nothing is kept of it: see its doubts above"))
    machine_noise.keep(settings.home, machine_noise.measured(report), provenance.host())


@cli.command()
def runs() -> None:
    """List the runs there are, newest first, with their verdicts."""
    from lab import rundir
    from lab.report import tables

    settings = _settings()
    found = [
        (run.run_id, run.read_record(), rundir.read_json(run.verdict)) for run in rundir.all_runs(settings.artifacts)
    ]
    if not found:
        _console().print("no runs yet; `lab run mixed --up` makes one")
        return
    _console().print(tables.runs(found[::-1]))


@cli.command()
@click.argument("run", default="latest")
def report(run: str) -> None:
    """Recompute the report of RUN from its directory and show it; RUN is an id, its beginning, a path or `latest`.

    Needs no services, and works for runs that were interrupted or whose controller was killed. The exit code is the
    verdict's.
    """
    from lab import rundir
    from lab.conclude import conclude

    found = rundir.find(_settings().artifacts, run)
    concluded = conclude(found, _engine().find())
    _show_report(concluded, found)
    sys.exit(_OUTCOME_CODES[concluded.verdict.outcome])


@cli.command()
@click.option("--run", "run_name", help="A run's logs, instead of the environment's (or the latest run's).")
@click.option("--request-id", help="Only the lines of this request, through every service, in time order.")
@click.option("--service", help="Only the lines of this service.")
@click.option("--tail", type=click.IntRange(min=1), default=40, show_default=True, help="How many lines at the end.")
def logs(run_name: str | None, request_id: str | None, service: str | None, tail: int) -> None:
    """Show log lines of the services, merged in time order.

    With --request-id, the whole way of one request: the load generator's row, then the lines of every service.
    """
    from lab import request_trail

    lines = request_trail.lines(
        _settings(), _engine().find(), run_name=run_name, request_id=request_id, service=service
    )
    if request_id and not lines:
        _fail(ConfigError(f"no line names the request {request_id}; its run may be another one: --run"))
    for line in lines if request_id else lines[-tail:]:
        click.echo(f"{line.service:10} {line.text}")


@cli.command()
@click.option("--keep-data", is_flag=True, help="Leave MongoDB's data for the next `lab up`.")
@click.option("--force", is_flag=True, help="Even while a run is going on.")
def down(*, keep_data: bool, force: bool) -> None:
    """Stop every process of the environment, also after a crash of the lab, and remove its data.

    Works on what really runs: a process is ended only if it is the one that was started.
    """
    from lab.run_lock import holder

    pid = holder(_settings().home)
    if pid is not None and not force:
        _fail(ConfigError(f"a run is going on (pid {pid}); wait for it, end it with Ctrl-C, or say --force"))
    _engine().down(_say, keep_data=keep_data)


# ----------------------------------------------------------------------------------------------- what commands share


def _settings() -> "Settings":
    from lab.config.settings import read_settings

    return read_settings()


def _engine() -> "ProcessEngine":
    from lab.engines import ProcessEngine

    return ProcessEngine(_settings().home)


def _run(experiment: "Experiment", earlier: "RunDir | None") -> "Report":
    from lab.conclude import conclude
    from lab.report.progress import showing
    from lab.run import drive, open_run, reopen_run

    run = earlier or open_run(experiment)
    if earlier:
        reopen_run(experiment, earlier)
    _say(f"run {run.run_id}: {experiment.scenario.name} through plan {experiment.plan.name}")
    try:
        with showing(experiment.plan, _console(stderr=True)) as on_progress:
            drive(experiment, run, on_progress=on_progress)
    except ServiceDiedError as error:
        _say(f"error: {error}")
    except BaseException:
        _say(
            f"the run ends early; `lab report {run.run_id}` shows what was measured, "
            f"`lab run --resume {run.run_id}` goes on with it"
        )
        conclude(run)
        raise
    report = conclude(run)
    _show_report(report, run)
    return report


def _show_report(report: "Report", run: "RunDir") -> None:
    from lab.report import text

    console = _console()
    console.print(text.render(report))
    console.print(text.verdict_line(report))  # again, where the eye is after a long report
    console.print(f"everything is in {run.path}", soft_wrap=True)


def _show_environment(environment: "Environment") -> bool:
    from lab.report import tables

    health = _engine().health(environment)
    _console().print(tables.environment(environment, health))
    return all(service.ok for service in health)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end with 1, which would read as a verdict: failed

    return _Console(stderr=stderr, highlight=False)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _fail(error: LabError) -> NoReturn:
    for line in str(error).splitlines():
        click.echo(f"error: {line}" if line == str(error).splitlines()[0] else f"  {line}", err=True)
    sys.exit(error.exit_code)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line; every error that the lab raises on purpose ends with its own exit code."""
    signal.signal(signal.SIGTERM, _interrupt)  # a cancelled CI job is a Ctrl-C too
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except LabError as error:
        _fail(error)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # nobody reads on; no verdict has been shown, so none is told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.LAB_FAILED)
    except Exception:  # noqa: BLE001  # Python's own exit code for it is 1, which would read as a verdict: failed
        traceback.print_exc()
        _say("error: the lab met an error that it did not expect; please report the lines above")
        sys.exit(ExitCode.LAB_FAILED)
    sys.exit(code if isinstance(code, int) else ExitCode.PASSED)
