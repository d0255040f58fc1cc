"""The environment: what this machine has, bringing it up, how it stands, taking it down."""

import sys

import click

from lab.cli.shared import (
    ALLOW_TARGET,
    CPUS,
    CPUSET,
    ENGINE,
    MEMORY,
    console,
    fail,
    its_engine,
    its_settings,
    say,
    show_environment,
)
from lab.errors import ConfigError, EngineError, ExitCode


@click.command()
def doctor() -> None:
    """Show what is installed, which version would be used, and what is lost without the rest.

    Ends with 0 when the main job can run here, else with 3.
    """
    from lab import doctor as examination
    from lab.report import tables

    found = examination.examine(its_settings().artifacts)
    console().print(tables.doctor(found))
    if not examination.ok(found):
        fail(EngineError("the main job cannot run here: see the parts above that are missing"))


@click.command()
@ENGINE
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
@click.option("--without", multiple=True, metavar="prometheus|grafana", help="Do not start this observer.")
@CPUS
@MEMORY
@CPUSET
@ALLOW_TARGET
def up(
    *,
    engine: str,
    target: str,
    ports: tuple[str, ...],
    target_set: tuple[str, ...],
    without: tuple[str, ...],
    cpus: tuple[str, ...],
    memory: tuple[str, ...],
    cpuset: tuple[str, ...],
    allow_target: tuple[str, ...],
) -> None:
    """Start the environment, wait until it is ready, show it and return.

    Prometheus and Grafana are started beside the system where they are installed. Where an environment already runs,
    shows what runs. Ctrl-C ends whatever was started.
    """
    from lab.config.limits import read_limits
    from lab.preparing import Wanted, bring_up

    limits = read_limits(cpus=cpus, memory=memory, cpuset=cpuset)
    wanted = Wanted(
        target=target,
        overrides=target_set,
        ports=ports,
        without=without,
        engine=engine,
        limits=limits,
        allow_target=allow_target,
    )
    show_environment(bring_up(its_settings(), wanted, say=say))


@click.command()
def status() -> None:
    """Show the services of the environment and how each of them stands.

    Ends with 0 when every one of them answers, else with 3.
    """
    engine = its_engine()
    environment = engine.find()
    if environment is None:
        fail(EngineError("no environment runs; `lab up` starts one"))
    if not show_environment(environment):
        sys.exit(ExitCode.LAB_FAILED)


@click.command()
@click.option(
    "--keep-data/--volumes", default=False, help="Leave MongoDB's data for the next `lab up`, or remove it (default)."
)
@click.option("--force", is_flag=True, help="Even while a run is going on.")
def down(*, keep_data: bool, force: bool) -> None:
    """Stop every process and container of the environment, also after a crash of the lab, and remove its data.

    Works on what really runs: a process is ended only if it is the one that was started, a container only
    if it is of this lab.
    """
    from lab import worktrees
    from lab.run_lock import holder

    pid = holder(its_settings().home)
    if pid is not None and not force:
        fail(ConfigError(f"a run is going on (pid {pid}); wait for it, end it with Ctrl-C, or say --force"))
    its_engine().down(say, keep_data=keep_data)
    left = worktrees.clear(worktrees.folder_in(its_settings().home))
    if left:
        say(f"removed {left} worktree{'s' if left > 1 else ''} that a killed command left")
