"""What commands share: settings, the console, and how a report or an environment is shown."""

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from lab.errors import ExitCode, LabError

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from pathlib import Path

    from rich.console import Console

    from lab.config.settings import Settings
    from lab.engines import Engine
    from lab.model import Environment, Report
    from lab.rundir import RunDir

ENGINE = click.option(
    "--engine",
    default="",
    metavar="auto|process|compose|external",
    help="What runs the services; `auto`, the default, takes containers where a Docker engine answers.",
)
CPUS = click.option("--cpus", multiple=True, metavar="SERVICE=CORES", help="Hold a container to this much CPU.")
MEMORY = click.option("--memory", multiple=True, metavar="SERVICE=SIZE", help="Hold a container to this much memory.")
CPUSET = click.option(
    "--cpuset", multiple=True, metavar="SERVICE=CORES", help="Let a container (or k6) run on these only."
)

K6 = click.option(
    "--k6",
    type=click.Choice(["auto", "container", "host"]),
    default="auto",
    help="Where the load generator runs; `auto`, the default, takes a container where the services run in some.",
)
ALLOW_TARGET = click.option(
    "--allow-target",
    multiple=True,
    metavar="HOST",
    help="Let load go to this host beside this machine; the target file must list it in allowed_hosts too.",
)

OUTCOME_CODES = {"passed": ExitCode.PASSED, "failed": ExitCode.FAILED, "invalid": ExitCode.INVALID}


def its_settings() -> "Settings":
    """Give where the lab keeps what it makes."""
    from lab.config.settings import read_settings

    return read_settings()


def its_engine() -> "Engine":
    """Give the engine of what runs in this lab's home."""
    from lab.engines import standing

    return standing(its_settings().home)


def its_environment() -> "Environment | None":
    """Give the environment that runs, its logs brought up to date; None where there is none."""
    engine = its_engine()
    found = engine.find()
    if found is not None:
        engine.bring_logs(found)
    return found


def show_report(report: "Report", run: "RunDir") -> None:
    """Print a report, and where its run is kept."""
    from lab.report import text

    out = console()
    out.print(text.render(report))
    out.print(text.verdict_line(report))  # again, where the eye is after a long report
    out.print(f"everything is in {run.path}; report.html there opens in any browser", soft_wrap=True)


def show_page(path: "Path", *, is_opened: bool) -> None:
    """Tell where a page is, and show it in the browser where that is asked for."""
    import webbrowser

    console().print(str(path), soft_wrap=True)
    if is_opened and not webbrowser.open(path.as_uri()):
        say("no browser was found; open the file above in one")


def show_environment(environment: "Environment") -> bool:
    """Print the services and how they stand; gives whether every one of them answers."""
    from lab.report import tables

    health = its_engine().health(environment)
    console().print(tables.environment(environment, health))
    return all(service.ok for service in health)


def console(*, stderr: bool = False) -> "Console":
    """Give the terminal."""
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end with 1, which would read as a verdict: failed

    return _Console(stderr=stderr, highlight=False)


def say(text: str) -> None:
    """Tell what goes on, where no result is read from."""
    click.echo(text, err=True)


def fail(error: LabError) -> NoReturn:
    """End with an error: what happened, what to do, and its exit code."""
    for line in str(error).splitlines():
        click.echo(f"error: {line}" if line == str(error).splitlines()[0] else f"  {line}", err=True)
    sys.exit(error.exit_code)
