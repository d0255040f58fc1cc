"""A search before its first commit: what is asked for, or where an earlier one goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lab import preparing, rundir, sides
from lab.bisecting import keeping
from lab.bisecting.by_target import read_target
from lab.bisecting.history import History
from lab.bisecting.keeping import BisectDir
from lab.config.plans import parse_plan, plan_content
from lab.config.reading import did_you_mean
from lab.config.settings import Settings
from lab.config.targets import load_scenario
from lab.engines import standing
from lab.errors import ConfigError, RunDirError
from lab.model import AgainstGood, Bisection, Plan, Scenario
from lab.preparing import Say, Wanted
from lab.run import expected_requests

_LEAST_RUNS = 10
"""So many runs are to have room on the disk before anything is measured; most searches need no more."""

_KEPT = ("target", "ports", "engine", "k6")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSearch:
    """What a command asks for: the ends, what is held against commits (`target`, else `against`), and how it is driven.

    `repository` is a folder of the checkout whose commits are searched, `wanted` the environment of each of them.
    """

    scenario: str
    plan: str
    good: str
    bad: str
    target: str | None
    against: AgainstGood
    wanted: Wanted
    repository: Path
    overrides: Sequence[str] = ()
    rate_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSearch:
    """A search that can be driven: how far it came, where it is kept, and how its commits are measured."""

    begun: Bisection
    folder: BisectDir
    asked: tuple[Plan, Scenario]
    wanted: Wanted
    repository: Path

    def keep(self, found: Bisection) -> None:
        """Write down how far it came. Raises RunDirError where that cannot be."""
        self.folder.write(found, _beside(self))


def opened(settings: Settings, asked: AskedSearch, *, now: datetime) -> OpenSearch:
    """Give a new search, with its folder; nothing is measured. Raises ConfigError with what cannot be, RunDirError."""
    plan, scenario = preparing.read_plan(
        asked.plan, asked.scenario, asked.wanted, overrides=asked.overrides, rate_per_s=asked.rate_per_s, phases=()
    )
    _require_askable(asked, scenario)
    target = None if asked.target is None else read_target(asked.target, route=asked.against.route)
    if target is not None:
        plan = replace(plan, thresholds=(target, *(of for of in plan.thresholds if of.text != target.text)))
    history = History(asked.repository)
    good, bad = history.commit(asked.good), history.commit(asked.bad)
    history.require_order(good, bad)
    if standing(settings.home).find() is not None:
        raise ConfigError("an environment runs, and a search brings each commit up itself; `lab down` first")
    rundir.require_room(settings.artifacts, requests=_LEAST_RUNS * expected_requests(plan))
    against = asked.against if target is None else None
    search = OpenSearch(
        begun=Bisection(scenario=scenario.name, good=good, bad=bad, target=target, against=against),
        folder=keeping.create(settings.artifacts, scenario.name, now=now),
        asked=(plan, scenario),
        wanted=replace(asked.wanted, limits=plan.limits),
        repository=asked.repository.absolute(),
    )
    search.keep(search.begun)
    return search


def _require_askable(asked: AskedSearch, scenario: Scenario) -> None:
    """Raise ConfigError now for what would be refused when runs have been driven."""
    problems, route, against = list[str](), asked.against.route, asked.against
    if route and route not in scenario.routes:
        hint, known = did_you_mean(route, scenario.routes), ", ".join(scenario.routes)
        problems.append(f"--route {route!r}: {scenario.name} has none{hint} (there are: {known})")
    if against.effect is not None and against.effect >= against.look_for:
        problems.append("--effect: the smallest change that matters must be below the one that is to be found (--find)")
    if problems:
        raise ConfigError(problems)


def _beside(search: OpenSearch) -> Mapping[str, Any]:
    return {
        "plan": plan_content(search.asked[0]),
        "wanted": {name: getattr(search.wanted, name) for name in _KEPT},
        "repository": str(search.repository),
    }


def reopened(settings: Settings, name: str, *, repository: Path | None, say: Say) -> OpenSearch:
    """Give a search that did not come to its end; what a killed one left running is ended.

    `repository` is where the checkout is by now, None where it was. Raises RunDirError where there is no such search,
    it is over or damaged, and ConfigError where another environment runs.
    """
    folder = keeping.find(settings.artifacts, name)
    begun, beside = folder.read()
    if begun.suspects:
        raise RunDirError(f"{folder.name} has its answer, and nothing to go on with; {folder.record} holds it")
    try:
        plan, wanted = parse_plan(beside["plan"], source="bisect.json"), Wanted(**beside["wanted"])
        kept = Path(beside["repository"])
    except (KeyError, TypeError) as error:
        raise RunDirError(f"{folder.record}: was written by another version of the lab: {error}") from error
    sides.end_what_was_left(settings, folder.runs, "a search", say=say)
    return OpenSearch(
        begun=begun,
        folder=folder,
        asked=(plan, load_scenario(begun.scenario)),
        wanted=replace(wanted, limits=plan.limits),
        repository=repository.absolute() if repository else kept,
    )
