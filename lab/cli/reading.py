"""Reading what runs have left: the list of them, their reports, their log lines."""

import sys

import click

from lab.cli.shared import (
    OUTCOME_CODES,
    console,
    fail,
    its_engine,
    its_environment,
    its_settings,
    say,
    show_page,
    show_report,
)
from lab.errors import ConfigError


@click.command()
@click.option("--html", "is_html", is_flag=True, help="Write index.html beside the runs, which links to their reports.")
@click.option("--open", "is_opened", is_flag=True, help="Write it, and show it in the browser.")
def runs(*, is_html: bool, is_opened: bool) -> None:
    """List the runs there are, newest first, with their verdicts."""
    from lab import rundir
    from lab.report import tables

    settings = its_settings()
    if is_html or is_opened:
        from lab import presenting

        show_page(presenting.write_index(settings.artifacts), is_opened=is_opened)
        return
    found = [
        (run.run_id, run.read_record(), rundir.read_json(run.verdict)) for run in rundir.all_runs(settings.artifacts)
    ]
    if not found:
        console().print("no runs yet; `lab run mixed --up` makes one")
        return
    console().print(tables.runs(found[::-1]))


@click.command()
@click.argument("run", default="latest")
@click.option("--open", "is_opened", is_flag=True, help="Show report.html in the browser, too.")
def report(run: str, *, is_opened: bool) -> None:
    """Recompute the report of RUN from its directory and show it; RUN is an id, its beginning, a path or `latest`.

    Its report.html is one file that needs no other, and asks nobody for anything. Needs no services, and works for runs
    that were interrupted or whose controller was killed. The exit code is the verdict's.
    """
    from lab import rundir
    from lab.conclude import conclude

    found = rundir.find(its_settings().artifacts, run)
    concluded = conclude(found, its_environment())
    show_report(concluded, found)
    if is_opened:
        show_page(found.html, is_opened=True)
    sys.exit(OUTCOME_CODES[concluded.verdict.outcome])


@click.command()
@click.argument("run", default="latest")
def replay(run: str) -> None:
    """Load RUN into the Prometheus of the environment that runs, so that its dashboards show it.

    RUN is an id, its beginning, a path or `latest`; it may have been driven on another machine.
    """
    from lab import replay as loading
    from lab import rundir

    found = rundir.find(its_settings().artifacts, run)
    replayed = loading.replay(found, its_engine().find(), say=say)
    state = "was there already" if replayed.was_there else "is there"
    console().print(f"{found.run_id} {state}: {replayed.url}", soft_wrap=True)


@click.command()
@click.option("--run", "run_name", help="A run's logs, instead of the environment's (or the latest run's).")
@click.option("--request-id", help="Only the lines of this request, through every service, in time order.")
@click.option("--analysis-id", help="Only the lines of this analysis and of the requests that led to it.")
@click.option("--slow", metavar="DURATION", help="Only what took so long: 2s, 300ms.")
@click.option("--errors", "bad", is_flag=True, help="Only complaints, alike ones counted: warnings and 5xx.")
@click.option("--service", help="Only the lines of this service, or of k6.")
@click.option("--tail", type=click.IntRange(min=1), default=40, show_default=True, help="How many lines at the end.")
def logs(
    *,
    run_name: str | None,
    request_id: str | None,
    analysis_id: str | None,
    slow: str | None,
    bad: bool,
    service: str | None,
    tail: int,
) -> None:
    """Show log lines of the services, merged in time order.

    With --request-id or --analysis-id the whole way: the load generator's rows, then the lines of every service, the
    database's slow operations among them. --slow, --errors and --service narrow down whatever is shown.
    """
    from lab import request_trail
    from lab.config.settings import parse_duration
    from lab.report import inside, text

    asked = request_trail.Asked(
        request_id=request_id,
        analysis_id=analysis_id,
        service=service,
        slow_s=None if slow is None else parse_duration(slow, option="--slow"),
        bad=bad,
        last=None if request_id or analysis_id else tail,
    )
    found = request_trail.find(its_settings(), its_environment(), asked, run_name=run_name)
    is_one = request_id or analysis_id
    if is_one and not found.lines:
        fail(ConfigError(f"no line names {is_one}; its run may be another one: --run"))
    for line in found.lines:
        click.echo(f"{line.service:10} {line.text}")
    if found.complaints:
        console().print(text.table(inside.complaints(found.complaints)))
