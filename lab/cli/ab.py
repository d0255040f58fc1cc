"""A/B: two sides driven in turns on this machine, and what differs between them."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.comparing import exit_code, judging_options, output_options, show_comparison, write_comparison
from lab.cli.shared import ALLOW_TARGET, ENGINE, K6, console, its_settings, say
from lab.errors import ConfigError

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from collections.abc import Mapping

    from lab.ab import Keep
    from lab.ab_opening import AskedAb, OpenAb
    from lab.config.settings import Settings
    from lab.model import Comparison, Variant
    from lab.rundir import AbDir

_SETTLED: tuple[str, ...] = (
    "scenario",
    "base",
    "candidate",
    "is_same",
    "plan_name",
    "rate",
    "seed",
    "overrides",
    "target",
    "engine",
)
_SETTLED += ("k6", "ports", "pairs", "max_pairs", "no_early_stop", "route", "effect", "look_for")
_SETTLED += tuple(f"{side}_{what}" for side in ("base", "candidate") for what in ("image", "target"))


@click.command()
@click.argument("scenario", required=False)
@click.option("--base", metavar="REF", help="Commit, tag or branch; `.` is the working tree, ../FOLDER another one.")
@click.option("--candidate", metavar="REF", help="The same for the other side; beside --base alone it is `.`.")
@click.option("--base-set", multiple=True, metavar="KEY=VALUE", help="A key of the target, for this side alone.")
@click.option("--candidate-set", multiple=True, metavar="KEY=VALUE", help="A key of the target, for this side alone.")
@click.option("--base-image", multiple=True, metavar="SERVICE=IMAGE", help="What a container runs on this side.")
@click.option("--candidate-image", multiple=True, metavar="SERVICE=IMAGE", help="What a container runs on this side.")
@click.option("--base-target", metavar="FILE", help="The target of this side, such as services that already run.")
@click.option("--candidate-target", metavar="FILE", help="The target of this side, such as services that already run.")
@click.option(
    "--same", "is_same", is_flag=True, help="The sides are equal (A/A): shows what this machine's noise does."
)
@click.option("--pairs", type=click.IntRange(2, 1000), help="At most so many pairs of runs; else the noise says.")
@click.option(
    "--max-pairs", type=click.IntRange(4, 1000), default=40, show_default=True, help="No more, if noise says."
)
@click.option("--no-early-stop", is_flag=True, help="Drive all pairs, and look at them once.")
@click.option("--plan", "plan_name", default="ab", show_default=True, help="Name in plans/, or a .toml file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of the plan, dotted.")
@click.option("--rate", type=float, help="The plan's rate in requests per second, for phases that state none.")
@click.option("--seed", type=int, help="Seed of the first pair, instead of the plan's; each pair has the next one.")
@click.option("--target", default="stubs", show_default=True, help="The target of both sides: a name in targets/.")
@click.option("--target-set", multiple=True, metavar="KEY=VALUE", help="A key of the target, for both sides.")
@click.option("--ports", multiple=True, metavar="auto|SERVICE=PORT,...", help="As of `lab up`.")
@ENGINE
@K6
@ALLOW_TARGET
@judging_options
@output_options
@click.option("--resume", metavar="DIR", help="Go on with an A/B that was ended, at the run that it lacks.")
@click.pass_context
def ab(context: click.Context, /, **given: Any) -> None:
    """Drive SCENARIO on two sides in turns (A B B A A B B A), and say what differs.

    Sides are two commits, or differ in settings, images or targets. Plan and load are those of this checkout alone.
    Ends with 0 where the candidate is unchanged or improved, 1 where it regressed, 4 where that cannot be told.
    What was measured is kept, also after Ctrl-C or a crash; --resume in the place of everything else goes on.
    """
    from lab.run_lock import exclusive

    settings = its_settings()
    if given["resume"]:
        _refuse_beside_resume(context)
    with exclusive(settings.home):
        found = _driven(settings, _opened(settings, given))
    show_comparison(found)
    write_comparison(found, **{name: given[name] for name in ("markdown", "json", "junit", "html")})
    sys.exit(exit_code(found))


def _refuse_beside_resume(context: click.Context) -> None:
    commandline = click.core.ParameterSource.COMMANDLINE
    if any(context.get_parameter_source(name) == commandline for name in _SETTLED):
        raise ConfigError("--resume goes on with the A/B's own scenario, sides and plan; give none of them beside it")


def _opened(settings: "Settings", given: "Mapping[str, Any]") -> "OpenAb":
    from lab import ab_opening

    if given["resume"]:
        own = {"base": given["base_set"], "candidate": given["candidate_set"], "both": given["target_set"]}
        allowed = given["allow_target"]
        return ab_opening.reopened(settings, given["resume"], given=own, allow_target=allowed, say=say)
    return ab_opening.opened(settings, _asked(given), now_s=time.time(), say=say)


def _asked(given: "Mapping[str, Any]") -> "AskedAb":
    from lab.ab_opening import AskedAb
    from lab.comparing import ALPHA
    from lab.model import Stopping
    from lab.preparing import Wanted

    if given["scenario"] is None:
        raise ConfigError("say which scenario to drive, such as `lab ab mixed --base main`, or what to go on with")
    base, candidate = _refs(given["base"], given["candidate"], is_same=given["is_same"], default=_code_of(given))
    wanted = Wanted(
        target=_in_place(given["target"]),
        overrides=given["target_set"],
        ports=given["ports"],
        engine=given["engine"],
        k6=given["k6"],
        allow_target=given["allow_target"],
    )
    stopping = Stopping(
        pairs=given["pairs"],
        max_pairs=given["max_pairs"],
        look_for=given["look_for"],
        alpha=ALPHA,
        effect=given["effect"],
        is_early=not given["no_early_stop"],
    )
    return AskedAb(
        scenario=given["scenario"],
        plan=given["plan_name"],
        base=_variant("base", base, given),
        candidate=_variant("candidate", candidate, given),
        is_same=given["is_same"],
        wanted=wanted,
        stopping=stopping,
        route=given["route"],
        overrides=(*given["overrides"], *([] if given["seed"] is None else [f"seed={given['seed']}"])),
        rate_per_s=given["rate"],
    )


def _code_of(given: "Mapping[str, Any]") -> str:
    """Give what is driven where no commit is named: a snapshot of this checkout, so that it may be worked on meanwhile.

    A target's own file, and a lab that is installed and no git checkout, have no commit.
    """
    from lab.assets import CHECKOUT

    files = [name for name in ("target", "base_target", "candidate_target") if (given[name] or "").endswith(".toml")]
    return "." if not files and (CHECKOUT / ".git").exists() else ""


def _refs(base: str | None, candidate: str | None, *, is_same: bool, default: str) -> tuple[str, str]:
    if candidate and not base:
        raise ConfigError("--candidate without --base: say what it is compared with, such as --base main")
    if base and not candidate:
        candidate = base if is_same else "."
    return base or default, candidate or default


def _variant(side: str, ref: str, given: "Mapping[str, Any]") -> "Variant":
    from lab.model import Variant
    from lab.sides import read_images

    return Variant(
        name=side,
        ref=str(Path(ref).absolute()) if ref.startswith(("./", "../")) else ref,
        settings=given[f"{side}_set"],
        images=read_images(given[f"{side}_image"], option=f"--{side}-image"),
        target=_in_place(given[f"{side}_target"] or ""),
    )


def _in_place(target: str) -> str:
    """Give a target so that it is found from every folder."""
    return str(Path(target).absolute()) if target.endswith(".toml") else target


def _driven(settings: "Settings", open_ab: "OpenAb") -> "Comparison":
    """Drive what an A/B lacks; where that is ended early, say how it goes on."""
    from lab import ab_opening, rundir
    from lab.ab import compared, drive
    from lab.report.progress import showing

    with ab_opening.made_ready(settings, open_ab, say=say) as made:
        folder = open_ab.folder
        if folder is None:
            folder = rundir.create_ab(settings.artifacts, open_ab.ab.scenario, now=datetime.now(UTC))
            folder.write(open_ab.ab)
        say(f"A/B {folder.path.name}: {open_ab.ab.scenario} through plan {open_ab.asked[0].name}")
        measure = ab_opening.measuring(
            settings, folder, made, open_ab.asked, say=say, showing=lambda plan: showing(plan, console(stderr=True))
        )
        try:
            found = drive(folder, measure=measure, compare=compared, keep=_keeping(folder), say=say)
        except BaseException:
            say(f"the A/B ends early; `lab ab --resume {folder.path.name}` goes on with it")
            raise
    say(f"everything is in {folder.path}")
    return found


def _keeping(folder: "AbDir") -> "Keep":
    """Give what writes an answer into the A/B's directory, in every form."""

    def keep(found: "Comparison") -> None:
        write_comparison(
            found,
            markdown=folder.comparison("md"),
            json=folder.comparison("json"),
            junit=folder.comparison("xml"),
            html=folder.comparison("html"),
        )

    return keep
