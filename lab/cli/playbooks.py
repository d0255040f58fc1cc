"""Showing what the bottlenecks of a run are, and what to do about them."""

import click

from lab.cli.shared import its_environment, its_settings


@click.command()
@click.argument("run", default="latest")
def playbooks(run: str) -> None:
    """Print the playbooks of RUN: its bottlenecks, what shows them, and what to do about each.

    RUN is an id, its beginning, a path or `latest`. What a run has is shown as `lab run` or `lab report` has written
    it (playbooks.md); where there is none yet, the run is concluded first. The exit code is 0, whatever is found.
    """
    from lab import rundir
    from lab.conclude import conclude

    found = rundir.find(its_settings().artifacts, run)
    if not found.playbooks.exists():
        conclude(found, its_environment())
    click.echo(found.playbooks.read_text(encoding="utf-8"), nl=False)
