"""An A/B before its next run: what is asked for, or where an earlier one goes on, and its sides made ready."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lab import preparing, rundir, sides
from lab.ab import Measure, Measured
from lab.config.plans import parse_plan, plan_content
from lab.config.reading import did_you_mean, told
from lab.config.settings import Settings
from lab.config.targets import load_scenario
from lab.engines import standing
from lab.errors import ConfigError, RunDirError
from lab.model import BASE, CANDIDATE, Interleaved, Outcome, Pinned, Plan, Report, Scenario, Stopping, Variant
from lab.preparing import Say, Wanted
from lab.run import expected_requests
from lab.rundir import AbDir
from lab.sides import ReadySide, Showing

_KEPT = ("target", "ports", "engine", "k6")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAb:
    """What a command asks for: scenario, plan and how it is varied, the sides, the environment of both, when to end."""

    scenario: str
    plan: str
    base: Variant
    candidate: Variant
    is_same: bool
    wanted: Wanted
    stopping: Stopping
    route: str = ""
    overrides: Sequence[str] = ()
    rate_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAb:
    """An A/B that can be driven: what it is, and what of it is not kept on disk, which may hold passwords."""

    ab: Interleaved
    sides: Mapping[str, Pinned]
    wanted: Wanted
    asked: tuple[Plan, Scenario]
    folder: AbDir | None = field(default=None)


def opened(settings: Settings, asked: AskedAb, *, now_s: float, say: Say) -> OpenAb:
    """Settle what is driven; nothing is started or written. Raises ConfigError with what cannot be, RunDirError."""
    plan, scenario = preparing.read_plan(
        asked.plan, asked.scenario, asked.wanted, overrides=asked.overrides, rate_per_s=asked.rate_per_s, phases=()
    )
    _require_askable(asked, scenario)
    pinned = {variant.name: sides.pin(variant) for variant in (asked.base, asked.candidate)}
    sides.require_difference(pinned[BASE], pinned[CANDIDATE], is_same=asked.is_same)
    sides.say_what_is_left_out(tuple(pinned.values()), say=say)
    if standing(settings.home).find() is not None:
        raise ConfigError("an environment runs, and an A/B brings each side up itself; `lab down` first")
    most = asked.stopping.pairs or asked.stopping.max_pairs
    rundir.require_room(settings.artifacts, requests=2 * most * expected_requests(plan))
    ab = Interleaved(
        scenario=scenario.name,
        plan=plan_content(plan),
        wanted={**{name: getattr(asked.wanted, name) for name in _KEPT}, "overrides": told(asked.wanted.overrides)},
        sides={name: _kept(side) for name, side in pinned.items()},
        stopping=asked.stopping,
        started_at=now_s,
        route=asked.route,
        planned=asked.stopping.pairs,
    )
    return OpenAb(ab=ab, sides=pinned, wanted=_with_limits(asked.wanted, plan), asked=(plan, scenario))


def _require_askable(asked: AskedAb, scenario: Scenario) -> None:
    """Raise ConfigError now for what would be refused when the first pair has been driven."""
    problems, route, stopping = list[str](), asked.route, asked.stopping
    if route and route not in scenario.routes:
        hint, known = did_you_mean(route, scenario.routes), ", ".join(scenario.routes)
        problems.append(f"--route {route!r}: {scenario.name} has none{hint} (there are: {known})")
    if stopping.effect is not None and stopping.effect >= stopping.look_for:
        problems.append("--effect: the smallest change that matters must be below the one that is to be found (--find)")
    if problems:
        raise ConfigError(problems)


def _kept(side: Pinned) -> Pinned:
    return replace(side, variant=replace(side.variant, settings=told(side.variant.settings)))


def _with_limits(wanted: Wanted, plan: Plan) -> Wanted:
    return replace(wanted, limits=plan.limits)


def reopened(
    settings: Settings, name: str, *, given: Mapping[str, Sequence[str]], allow_target: Sequence[str], say: Say
) -> OpenAb:
    """Give an A/B that did not come to its end; what a killed one left running is ended.

    `given` are the settings of `base`, `candidate` and `both`, which must be given again where they hold a secret,
    since that is not kept. Raises RunDirError where there is none, it is over, or it is damaged, and ConfigError for
    settings that are not the same.
    """
    folder = rundir.find_ab(settings.artifacts, name)
    ab = folder.read()
    if ab.is_over:
        raise RunDirError(f"{folder.path.name} has its answer, and nothing to go on with; `lab compare {folder.path}`")
    plan, scenario = parse_plan(ab.plan, source="ab.json"), load_scenario(ab.scenario)
    both = _again("both", ab.wanted["overrides"], given)
    variants = {
        side: replace(pinned, variant=replace(pinned.variant, settings=_again(side, pinned.variant.settings, given)))
        for side, pinned in ab.sides.items()
    }
    kept: Mapping[str, Any] = {**{name: ab.wanted[name] for name in _KEPT}, "overrides": both}
    wanted = Wanted(**kept, allow_target=allow_target)
    sides.end_what_was_left(settings, folder.runs, "an A/B", say=say)
    return OpenAb(ab=ab, sides=variants, wanted=_with_limits(wanted, plan), asked=(plan, scenario), folder=folder)


def _again(side: str, kept: Sequence[str], given: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Give the settings of a side: those that are kept, unless a secret is left out of them."""
    option = "--target-set" if side == "both" else f"--{side}-set"
    own = tuple(given.get(side, ()))
    is_hidden = any(_HIDDEN in text for text in kept)
    if own and told(own) != tuple(kept):
        raise ConfigError(f"{option}: the A/B goes on with {', '.join(kept) or 'no settings'}; give the same, or none")
    if is_hidden and not own:
        raise ConfigError(f"{option}: {', '.join(kept)} hold a secret, which is not kept; give them again")
    return own or tuple(kept)


@contextmanager
def made_ready(settings: Settings, open_ab: OpenAb, *, say: Say) -> Iterator[Mapping[str, ReadySide]]:
    """Give both sides, ready to be brought up, for as long as the block lasts. Raises ConfigError and EngineError."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(sides.ready(side, open_ab.wanted, settings.home, say=say))
            for name, side in open_ab.sides.items()
        }


def measuring(
    settings: Settings,
    folder: AbDir,
    made: Mapping[str, ReadySide],
    asked: tuple[Plan, Scenario],
    *,
    say: Say,
    showing: Showing,
) -> Measure:
    """Give what drives a run of a side, kept in the A/B's folder; how it is brought up is told the first time."""
    own, seen = replace(settings, artifacts=folder.runs), set[str]()

    def measure(name: str, number: int) -> Measured:
        tell: Callable[[str], None] = say if name not in seen else _silent
        seen.add(name)
        plan = replace(asked[0], seed=asked[0].seed + number)
        run, report = sides.measure(made[name], (plan, asked[1]), own, say=tell, showing=showing)
        return Measured(run=run.run_id, why=unusable(report))

    return measure


def _silent(_: str) -> None:
    pass


def unusable(report: Report) -> str:
    """Say why a run cannot be used; "" where it can: a run that missed a threshold was measured all the same."""
    if report.verdict.outcome != Outcome.INVALID:
        return ""
    doubts = [f"{doubt.what} ({doubt.why})" for doubt in report.verdict.doubts if doubt.invalidates]
    whys = [finding.why for finding in report.verdict.findings if finding.outcome == Outcome.INVALID and finding.why]
    return "; ".join([*doubts, *whys]) or "its verdict is invalid"
