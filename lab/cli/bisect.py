"""The search for the commit that made a system slower."""

import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.assets import CHECKOUT, IS_CHECKOUT
from lab.cli.comparing import judging_options
from lab.cli.shared import ENGINE, console, its_settings, say
from lab.errors import ConfigError, ExitCode

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from collections.abc import Sequence

    from lab.bisecting.keeping import BisectDir
    from lab.config.settings import Settings
    from lab.driving import OnProgress
    from lab.model import AgainstGood, Bisection, Plan, Scenario
    from lab.preparing import Wanted

_SETTLED = ("scenario", "good", "bad", "target", "plan_name", "rate", "seed", "overrides")
_COMPARED = ("pairs", "effect", "look_for")
_TYPED = {"plan_name": "--plan", "overrides": "--set", "look_for": "--find", "scenario": "SCENARIO"}


@click.command()
@click.argument("scenario", required=False)
@click.option("--good", metavar="REF", help="A commit that was fast enough.")
@click.option("--bad", metavar="REF", help="A later one that is not.")
@click.option("--target", metavar="THRESHOLD", help='What a good commit meets, such as "p95 < 300ms".')
@click.option("--plan", "plan_name", default="ab", show_default=True, help="Name in plans/, or a .toml file.")
@click.option("--rate", type=float, help="The plan's rate in requests per second, for phases that state none.")
@click.option("--seed", type=int, help="Seed of users and datasets, instead of the plan's.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of the plan, dotted.")
@judging_options
@click.option(
    "--pairs",
    type=click.IntRange(4, 40),
    default=8,
    show_default=True,
    help="The most pairs of runs for each commit, where none has a --target to meet.",
)
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=CHECKOUT if IS_CHECKOUT else Path(),
    show_default="this checkout",
    help="The checkout whose commits are searched.",
)
@click.option("--resume", metavar="DIR", help="Go on with an interrupted search, by its name, `latest` or its path.")
@ENGINE
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`.")
@click.pass_context
def bisect(  # one per option, as click has it
    context: click.Context,
    *,
    scenario: str | None,
    good: str | None,
    bad: str | None,
    target: str | None,
    route: str,
    plan_name: str,
    rate: float | None,
    seed: int | None,
    overrides: tuple[str, ...],
    pairs: int,
    effect: float | None,
    look_for: float,
    repo: Path,
    resume: str | None,
    engine: str,
    ports: tuple[str, ...],
) -> None:
    """Name the commit that made SCENARIO slower, by `git bisect` over commits that are each brought up and driven.

    With --target a commit is good when it meets it; without, when it has not regressed against the good end. Load and
    plan are this checkout's, the services each commit's own; the checkout itself is left as it is. A commit that does
    not start is skipped.

    The exit code is 0 where the commit was found, 2 where the ends do not differ, 4 where skipped commits alone are
    left.
    """
    from lab.bisecting import keeping
    from lab.preparing import Wanted

    settings = its_settings()
    wanted = Wanted(target="stubs", ports=ports, engine=engine, bring_up=True)
    if resume is not None:
        _refuse(context, (*_SETTLED, *_COMPARED, "route"), "--resume goes on with what the search was asked for")
        kept = keeping.find(settings.artifacts, resume)
        _go_on(settings, kept, *_kept(kept), wanted=wanted, repository=repo)
        return
    if target is not None:
        _refuse(context, _COMPARED, "--target is met or missed by a commit alone, so nothing is compared")
    asked = _asked_plan(plan_name, scenario, wanted, overrides=overrides, rate=rate, seed=seed)
    _require_route(asked[1], route)
    against = None if target is not None else _against(pairs=pairs, effect=effect, look_for=look_for, route=route)
    begun, plan = _begun(asked, repo, ends=(good, bad), target=target, route=route, against=against)
    kept = _new(settings, begun, plan)
    _go_on(settings, kept, begun, (plan, asked[1]), wanted=wanted, repository=repo)


def _refuse(context: click.Context, names: "Sequence[str]", why: str) -> None:
    given = [name for name in names if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE]
    if given:
        raise ConfigError(f"{why}; leave {', '.join(_TYPED.get(name, f'--{name}') for name in given)} out")


def _asked_plan(
    plan: str,
    scenario: str | None,
    wanted: "Wanted",
    *,
    overrides: tuple[str, ...],
    rate: float | None,
    seed: int | None,
) -> "tuple[Plan, Scenario]":
    from lab import preparing

    if scenario is None:
        raise ConfigError("say which scenario to drive, such as `lab bisect --good v1 --bad HEAD mixed`")
    own = (*overrides, *([] if seed is None else [f"seed={seed}"]))
    return preparing.read_plan(plan, scenario, wanted, overrides=own, rate_per_s=rate, phases=())


def _require_route(scenario: "Scenario", route: str) -> None:
    from lab.config.reading import did_you_mean

    if route and route not in scenario.routes:
        raise ConfigError(
            f"--route: {scenario.name} does not ask for {route!r}{did_you_mean(route, scenario.routes)} "
            f"(it asks for: {', '.join(scenario.routes)})"
        )


def _against(*, pairs: int, effect: float | None, look_for: float, route: str) -> "AgainstGood":
    from lab.comparing import ALPHA
    from lab.model import AgainstGood

    if effect is not None and effect >= look_for:
        raise ConfigError("--effect, the smallest change that matters, must be below --find, the one to be found")
    return AgainstGood(pairs=pairs, alpha=ALPHA, look_for=look_for, effect=effect, route=route)


def _begun(
    asked: "tuple[Plan, Scenario]",
    repository: Path,
    *,
    ends: tuple[str | None, str | None],
    target: str | None,
    route: str,
    against: "AgainstGood | None",
) -> "tuple[Bisection, Plan]":
    """Give the search that is asked for, before anything is measured, and its plan."""
    from lab.bisecting.by_target import read_target
    from lab.bisecting.history import History
    from lab.model import Bisection

    if ends[0] is None or ends[1] is None:
        raise ConfigError("say between which commits to search: --good REF --bad REF")
    plan = asked[0]
    threshold = None if target is None else read_target(target, route=route)
    if threshold is not None:
        plan = replace(plan, thresholds=(threshold, *(of for of in plan.thresholds if of.text != threshold.text)))
    history = History(repository)
    good, bad = history.commit(ends[0]), history.commit(ends[1])
    history.require_order(good, bad)
    return Bisection(scenario=asked[1].name, good=good, bad=bad, target=threshold, against=against), plan


def _new(settings: "Settings", begun: "Bisection", plan: "Plan") -> "BisectDir":
    from datetime import UTC, datetime

    from lab import rundir
    from lab.bisecting import keeping
    from lab.config.plans import plan_content
    from lab.run import expected_requests

    rundir.require_room(settings.artifacts, requests=10 * expected_requests(plan))
    kept = keeping.create(settings.artifacts, begun.scenario, now=datetime.now(UTC))
    kept.write(begun, plan_content(plan))
    return kept


def _kept(kept: "BisectDir") -> "tuple[Bisection, tuple[Plan, Scenario]]":
    from lab.config.plans import parse_plan
    from lab.config.targets import load_scenario

    found, content = kept.read()
    if found.suspects:
        raise ConfigError(f"{kept.name} has come to its end; {kept.record} says what was found")
    return found, (parse_plan(content, source=kept.record.name), load_scenario(found.scenario))


def _go_on(
    settings: "Settings",
    kept: "BisectDir",
    begun: "Bisection",
    asked: "tuple[Plan, Scenario]",
    *,
    wanted: "Wanted",
    repository: Path,
) -> None:
    """Search until an answer is there, print it, and end with its exit code."""
    from lab.bisect import Search
    from lab.bisecting.history import History
    from lab.bisecting.judging import judge_of
    from lab.bisecting.measuring import SideMeasure
    from lab.config.plans import plan_content
    from lab.run_lock import exclusive
    from lab.worktrees import folder_in

    content = plan_content(asked[0])
    measure = SideMeasure(
        repository=repository,
        asked=asked,
        target=begun.target,
        settings=replace(settings, artifacts=kept.runs),
        common=replace(wanted, limits=asked[0].limits),
        say=say,
        showing=_showing,
    )
    with exclusive(settings.home):
        search = Search(
            found=begun,
            history=History(repository),
            judge=judge_of(begun, measure, kept, seed=asked[0].seed),
            folder=folder_in(settings.home) / "bisect",
            keep=lambda found: kept.write(found, content),
            say=say,
        )
        try:
            found = search.run()
        except ConfigError:
            raise
        except BaseException:
            say(f"the search ends early; what was measured is kept: `lab bisect --resume {kept.name}` goes on with it")
            raise
    _show(found, kept, plan=asked[0].name)
    sys.exit(ExitCode.PASSED if found.first_bad else ExitCode.INVALID)


def _showing(plan: "Plan") -> "AbstractContextManager[OnProgress]":
    from lab.report.progress import showing

    return showing(plan, console(stderr=True))


def _show(found: "Bisection", kept: "BisectDir", *, plan: str) -> None:
    from rich.text import Text

    from lab.report import bisection, text

    out = console()
    out.print(Text(found.log, style="dim"))
    out.print()
    out.print(text.titled(bisection.section(found)))
    out.print()
    out.print(Text(bisection.headline(found), style="bold"))
    for statement in bisection.statements(found):
        out.print(Text(f"  {statement}"), soft_wrap=True)
    more = bisection.see_more(found, options=f"--plan {plan} ")
    if more:
        out.print(Text(f"more of what it changed: {more}"), soft_wrap=True)
    out.print(f"everything is in {kept.path}; `lab report {kept.runs}/RUN` shows a run", soft_wrap=True)
