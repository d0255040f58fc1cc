"""The search for the commit that made a system slower."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.assets import CHECKOUT, IS_CHECKOUT
from lab.cli.comparing import judging_options
from lab.cli.shared import ENGINE, K6, console, its_settings, say
from lab.errors import ConfigError, ExitCode

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from lab.bisecting.opening import AskedSearch, OpenSearch
    from lab.config.settings import Settings
    from lab.driving import OnProgress
    from lab.model import Bisection, Plan

_COMPARED: tuple[str, ...] = ("pairs", "effect", "look_for")
_SETTLED: tuple[str, ...] = ("scenario", "good", "bad", "target", "route", "plan_name", "rate", "seed", "overrides")
_SETTLED += ("system", "engine", "k6", "ports", *_COMPARED)
_TYPED = {"plan_name": "--plan", "overrides": "--set", "look_for": "--find", "scenario": "SCENARIO"}


@click.command()
@click.argument("scenario", required=False)
@click.option("--good", metavar="REF", help="A commit that was fast enough.")
@click.option("--bad", metavar="REF", help="A later one that is not.")
@click.option("--target", metavar="THRESHOLD", help='What a good commit meets, such as "p95 < 300ms".')
@judging_options
@click.option(
    "--pairs",
    type=click.IntRange(4, 40),
    default=8,
    show_default=True,
    help="Without --target: the most pairs of runs for each commit.",
)
@click.option("--plan", "plan_name", default="ab", show_default=True, help="Name in plans/, or a .toml file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of the plan, dotted.")
@click.option("--rate", type=float, help="The plan's rate in requests per second, for phases that state none.")
@click.option("--seed", type=int, help="Seed of a commit's first run, instead of the plan's; each has the next one.")
@click.option("--system", default="stubs", show_default=True, help="The target of each commit: a name in its targets/.")
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`.")
@ENGINE
@K6
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    show_default="this checkout",
    help="The checkout whose commits are searched.",
)
@click.option("--resume", metavar="DIR", help="Go on with an interrupted search, by its name, `latest` or its path.")
@click.pass_context
def bisect(context: click.Context, /, **given: Any) -> None:
    """Name the commit that made SCENARIO slower, by `git bisect` over commits that are each brought up and driven.

    With --target a commit is good when it meets it; without, when it has not regressed against the good end. Load and
    plan are this checkout's, the services each commit's own; the checkout itself is left as it is. A commit that does
    not start is skipped.

    Ends with 0 where the commit was found, 2 where the ends do not differ, 4 where it is one of several, of which the
    others had to be skipped. What was measured is kept, also after Ctrl-C; --resume in the place of everything else
    goes on.
    """
    from lab.run_lock import exclusive

    settings = its_settings()
    _refuse(context, given)
    with exclusive(settings.home):
        search = _opened(settings, given)
        found = _driven(settings, search)
    _show(found, search)
    sys.exit(ExitCode.PASSED if found.first_bad else ExitCode.INVALID)


def _refuse(context: click.Context, given: "Mapping[str, Any]") -> None:
    """Refuse options that have no meaning beside the others."""
    if given["resume"] is not None:
        _refuse_each(context, _SETTLED, "--resume goes on with what the search was asked for")
    elif given["target"] is not None:
        _refuse_each(context, _COMPARED, "--target is met or missed by a commit alone, so nothing is compared")


def _refuse_each(context: click.Context, names: "Sequence[str]", why: str) -> None:
    commandline = click.core.ParameterSource.COMMANDLINE
    typed = [_TYPED.get(name, f"--{name}") for name in names if context.get_parameter_source(name) == commandline]
    if typed:
        raise ConfigError(f"{why}; leave {', '.join(typed)} out")


def _opened(settings: "Settings", given: "Mapping[str, Any]") -> "OpenSearch":
    from lab.bisecting import opening

    if given["resume"] is not None:
        return opening.reopened(settings, given["resume"], repository=given["repo"], say=say)
    return opening.opened(settings, _asked(given), now=datetime.now(UTC))


def _asked(given: "Mapping[str, Any]") -> "AskedSearch":
    from lab.bisecting.opening import AskedSearch
    from lab.comparing import ALPHA
    from lab.model import AgainstGood
    from lab.preparing import Wanted

    if given["scenario"] is None:
        raise ConfigError("say which scenario to drive, such as `lab bisect --good v1 --bad HEAD mixed`")
    if given["good"] is None or given["bad"] is None:
        raise ConfigError("say between which commits to search: --good REF --bad REF")
    return AskedSearch(
        scenario=given["scenario"],
        plan=given["plan_name"],
        good=given["good"],
        bad=given["bad"],
        target=given["target"],
        against=AgainstGood(
            pairs=given["pairs"],
            alpha=ALPHA,
            look_for=given["look_for"],
            effect=given["effect"],
            route=given["route"],
        ),
        wanted=Wanted(target=given["system"], ports=given["ports"], engine=given["engine"], k6=given["k6"]),
        repository=given["repo"] or (CHECKOUT if IS_CHECKOUT else Path.cwd()),
        overrides=(*given["overrides"], *([] if given["seed"] is None else [f"seed={given['seed']}"])),
        rate_per_s=given["rate"],
    )


def _driven(settings: "Settings", search: "OpenSearch") -> "Bisection":
    """Search until an answer is there; where that is ended early, say how it goes on."""
    from lab.bisect import Search
    from lab.bisecting.history import History
    from lab.bisecting.judging import judge_of
    from lab.bisecting.measuring import SideMeasure
    from lab.worktrees import folder_in

    begun, folder = search.begun, search.folder
    measure = SideMeasure(
        repository=search.repository,
        asked=search.asked,
        target=begun.target,
        settings=settings,
        runs=folder.runs,
        common=search.wanted,
        say=say,
        showing=_showing,
    )
    say(f"search {folder.name}: {begun.scenario} through plan {search.asked[0].name}")
    driver = Search(
        found=begun,
        history=History(search.repository),
        judge=judge_of(begun, measure, folder, seed=search.asked[0].seed),
        folder=folder_in(settings.home) / "bisect",
        keep=search.keep,
        say=say,
    )
    try:
        return driver.run()
    except ConfigError:  # it has its answer: nothing can be searched between these ends
        raise
    except BaseException:
        say(f"the search ends early; `lab bisect --resume {folder.name}` goes on with it")
        raise


def _showing(plan: "Plan") -> "AbstractContextManager[OnProgress]":
    from lab.report.progress import showing

    return showing(plan, console(stderr=True))


def _show(found: "Bisection", search: "OpenSearch") -> None:
    from rich.text import Text

    from lab.report import bisection, text

    out = console()
    out.print(Text(found.log, style="dim"), soft_wrap=True)
    out.print()
    out.print(text.titled(bisection.section(found)))
    out.print()
    out.print(Text(bisection.headline(found), style="bold"), soft_wrap=True)
    for statement in bisection.statements(found):
        out.print(Text(f"  {statement}"), soft_wrap=True)
    more = bisection.see_more(found, plan=search.asked[0].name)
    if more:
        out.print(Text(f"more of what it changed: {more}"), soft_wrap=True)
    out.print(f"everything is in {search.folder.path}; `lab report` shows each run in its runs/", soft_wrap=True)
