"""The sides of a comparison: what each is, its code in a folder of its own, and a run of it.

Load, plan and analysis are always the running checkout's, so that the yardstick does not move with what it measures.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab import locked_python, preparing, rundir, worktrees
from lab.assets import CHECKOUT
from lab.conclude import conclude
from lab.config.reading import told
from lab.config.settings import Settings
from lab.driving import OnProgress
from lab.engines import standing, state
from lab.errors import ConfigError, ServiceDiedError
from lab.model import OBSERVERS, Origin, Pinned, Plan, Report, Scenario, Variant
from lab.preparing import Say, Wanted
from lab.run import drive, open_run
from lab.rundir import RunDir
from lab.worktrees import Checkout

__all__ = [
    "WORKING_TREE",
    "Pinned",
    "ReadySide",
    "Variant",
    "checkout_of",
    "end_what_was_left",
    "measure",
    "origin_at",
    "pin",
    "read_images",
    "ready",
    "require_difference",
    "say_what_is_left_out",
    "under_test",
]

WORKING_TREE = "."
Showing = Callable[[Plan], AbstractContextManager[OnProgress]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySide:
    """A side that can be brought up: `wanted` is how."""

    pinned: Pinned
    wanted: Wanted


def read_images(texts: Sequence[str], *, option: str) -> tuple[tuple[str, str], ...]:
    """Read `SERVICE=IMAGE` texts. Raises ConfigError that names the option."""
    parts = [text.partition("=") for text in texts]
    problems = [
        f"{option} {text!r}: write SERVICE=IMAGE, such as backend=registry.example/backend:2.1"
        for text, (service, _, image) in zip(texts, parts, strict=True)
        if not (service.strip() and image.strip())
    ]
    if problems:
        raise ConfigError(problems)
    return tuple((service.strip(), image.strip()) for service, _, image in parts)


def pin(variant: Variant, *, running: Path = CHECKOUT) -> Pinned:
    """Settle what a variant is, for good. Raises ConfigError for a ref that does not exist, or a folder without git."""
    if not variant.ref:
        return Pinned(variant=variant, told=_told("this checkout" if not variant.target else "", variant))
    checkout = checkout_of(variant.ref, running=running)
    if not _is_folder(variant.ref):
        found = worktrees.commit_of(checkout, variant.ref)
        short = found.id[:10]
        name = short if found.id.startswith(variant.ref) else f"{variant.ref} ({short})"
    else:
        found, last = worktrees.snapshot(checkout), worktrees.commit_of(checkout, "HEAD")
        of = "working tree" if variant.ref == WORKING_TREE else f"working tree of {checkout.folder.name}"
        is_same = found == last
        name = (
            f"{of} at {last.id[:10]}" if is_same else f"{of} with changes to {last.id[:10]}, digest {found.tree[:10]}"
        )
    return Pinned(variant=variant, told=_told(name, variant), commit=found.id, tree=found.tree)


def checkout_of(ref: str, *, running: Path = CHECKOUT) -> Checkout:
    """Give the checkout that a ref is about. Raises ConfigError where it is none."""
    return worktrees.checkout_at(Path(ref) if _is_folder(ref) and ref != WORKING_TREE else running)


def _is_folder(ref: str) -> bool:
    return ref == WORKING_TREE or ref.startswith(("/", "./", "../"))


def _told(name: str, variant: Variant) -> str:
    parts = [
        name,
        variant.target and f"target {Path(variant.target).name}",
        *told(variant.settings),
        *(f"image {service}={image}" for service, image in variant.images),
    ]
    return ", ".join(part for part in parts if part)


def say_what_is_left_out(sides: Sequence[Pinned], *, say: Say, running: Path = CHECKOUT) -> None:
    """Say where the running checkout has changes and is a side only by its commits: those are clean."""
    refs = [side.variant.ref for side in sides if side.variant.ref]
    if refs and not any(_is_folder(ref) for ref in refs) and worktrees.is_changed(worktrees.checkout_at(running)):
        say("this checkout has changes that are in no commit; they are in neither side (`.` names them as one)")


def require_difference(base: Pinned, candidate: Pinned, *, is_same: bool) -> None:
    """Refuse two sides that do not differ in anything, unless that is what is asked for; and the other way round."""
    differs = base.identity != candidate.identity
    if differs and is_same:
        raise ConfigError(f"--same is for two equal sides, and these differ: {base.told}; {candidate.told}")
    if not differs and not is_same:
        raise ConfigError(
            f"the sides do not differ in anything: both are {base.told}; name two refs, settings, images or targets, "
            "or say --same to see what this machine's noise looks like"
        )


def under_test(base: Pinned, candidate: Pinned) -> tuple[str, ...]:
    """Say in what two sides differ on purpose: of code, settings, images and target."""
    others = candidate.identity
    return tuple(what for what, value in base.identity.items() if value != others[what])


@contextmanager
def ready(side: Pinned, common: Wanted, home: Path, *, say: Say, running: Path = CHECKOUT) -> Iterator[ReadySide]:
    """Give a side that can be brought up, its commit checked out below `home` for as long as the block lasts.

    `common` is what is wanted of both sides. Raises ConfigError where the commit has no such target, EngineError where
    the packages that it wants cannot be installed.
    """
    variant = side.variant
    wanted = replace(
        common,
        target=variant.target or common.target,
        overrides=(*common.overrides, *variant.settings),
        images=(*common.images, *variant.images),
        without=OBSERVERS,
        bring_up=True,
    )
    if not side.commit:
        preparing.read_target(wanted)
        yield ReadySide(pinned=side, wanted=wanted)
        return
    folder = worktrees.folder_in(home) / f"{side.commit}-{side.name[:1]}"  # both paths have one length
    try:
        code = worktrees.add(checkout_of(variant.ref, running=running), side.commit, folder)
        wanted = replace(wanted, target=_its_target(side, code, wanted.target))
        origin = origin_at(code, home, say=say, running=running)
        wanted = replace(wanted, origin=origin)
        preparing.read_target(wanted)
        yield ReadySide(pinned=side, wanted=wanted)
    finally:
        worktrees.remove(folder)


def origin_at(code: Path, home: Path, *, say: Say, running: Path = CHECKOUT) -> Origin:
    """Give the origin of services whose code is in a folder, with a Python that has what its lock pins.

    Raises EngineError where that cannot be installed.
    """
    kept = worktrees.folder_in(home) / "pythons"
    python = locked_python.python_for(code, running, kept, marker=state.home_marker(home), say=say)
    return Origin(folder=code, python=python)


def _its_target(side: Pinned, code: Path, target: str) -> str:
    """Give the target's file in a side's own code, so that its services are started as it says."""
    if target.endswith(".toml"):
        raise ConfigError(
            f"{side.told}: a commit brings its own targets, so {target} cannot be one of them; give the name of one"
        )
    path = code / "targets" / f"{target}.toml"
    if not path.is_file():
        raise ConfigError(
            f"{side.told} has no targets/{target}.toml, so nothing says how its services are started; give a commit "
            "that has it, or compare images (--base-image) or services that run (--base-target)"
        )
    return str(path)


def measure(
    side: ReadySide, asked: tuple[Plan, Scenario], settings: Settings, *, say: Say, showing: Showing
) -> tuple[RunDir, Report]:
    """Bring a side up, drive the plan, take it down, and conclude the run; `settings.artifacts` is where it is kept.

    A service that dies ends the run, which is then invalid. Whatever else ends it early is raised again, when what was
    measured is kept. Raises ConfigError and EngineError where the side cannot be brought up.
    """
    wanted = preparing.with_generator(settings, side.wanted)
    with preparing.environment(settings, wanted, say=say) as (found, system, engine):
        experiment = preparing.experiment(settings, asked, wanted=wanted, system=system, found=found, engine=engine)
        run = open_run(replace(experiment, side=_content(side.pinned)))
        try:
            with showing(asked[0]) as on_progress:
                drive(experiment, run, on_progress=on_progress)
        except ServiceDiedError as error:
            say(f"error: {error}")
        except BaseException:
            conclude(run)
            raise
    return run, conclude(run)


def end_what_was_left(settings: Settings, runs: Path, what: str, *, say: Say) -> None:
    """End the environment that a killed command left, whose runs are in `runs`.

    Raises ConfigError where another one runs, which is somebody's: `what` brings up each side itself.
    """
    engine = standing(settings.home)
    found = engine.find()
    if found is None:
        return
    if found.id not in {run.read_record()["environment"]["id"] for run in rundir.all_runs(runs)}:
        raise ConfigError(f"an environment runs, and {what} brings each side up itself; `lab down` first")
    say(f"ending the environment that {what} left when it was killed")
    engine.down()


def _content(side: Pinned) -> Mapping[str, str]:
    return {"name": side.name, "told": side.told, "commit": side.commit}
