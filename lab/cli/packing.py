"""Runs on their way to other machines: packed into one file, and unpacked again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.shared import console, its_environment, its_settings, say

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.model import Pack
    from lab.unpacking import Unpacked


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The file to be written, or its folder.  [default: RUN.tar.xz, here]",
)
@click.option("--with-raw", is_flag=True, help="Take k6's and the services' own output along, which makes it large.")
def pack(run: str, *, out: Path, with_raw: bool) -> None:
    """Pack RUN into one file to hand on; RUN is an id, its beginning, a path or `latest`.

    Holds everything that a report is made of, and the log lines that it is about; places of this machine are replaced
    by names. The same run gives the same bytes.
    """
    import platform

    from lab import packing, rundir
    from lab.pack_places import places_of

    settings = its_settings()
    found = rundir.find(settings.artifacts, run)
    places = places_of(settings, found, user_home=Path.home(), host=platform.node())
    packed = packing.pack(found, out, places, with_raw=with_raw, environment=its_environment())
    _say_state(packed.pack)
    for name in packed.pack.cleaned:
        say(f"{name}: names instead of places of this machine")
    missing = [*packed.pack.left_out, *(f"most lines of {name}" for name in packed.pack.shortened)]
    if missing:
        say(f"left out: {', '.join(missing)}{'' if with_raw else ' (--with-raw takes most of it)'}")
    console().print(
        f"{packed.path}: {_size(packed.size_bytes)} of {_size(packed.run_bytes)}, {len(packed.pack.files)} files",
        soft_wrap=True,
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that the run's directory is made in.  [default: where runs are]",
)
def unpack(file: Path, *, into: Path | None) -> None:
    """Unpack the run in FILE, as `lab pack` wrote it; every other command then takes it like a run of this machine.

    Nothing is left of a file that is cut off, damaged, or holds what no pack holds.
    """
    from lab import unpacking

    unpacked = unpacking.unpack(file, into or its_settings().artifacts)
    show_unpacked(unpacked)
    console().print(str(unpacked.run.path), soft_wrap=True)


def show_unpacked(unpacked: "Unpacked") -> None:
    """Tell what came out of a pack."""
    if unpacked.was_there:
        say(f"run {unpacked.run.run_id} was there already")
    _say_state(unpacked.pack)
    missing = [*unpacked.pack.left_out, *(f"most lines of {name}" for name in unpacked.pack.shortened)]
    if missing:
        say(f"not in the pack: {', '.join(missing)}")


def _say_state(found: "Pack") -> None:
    if found.state != "finished":
        say(f"run {found.run_id} was {found.state}: it can be used as far as it goes")


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
