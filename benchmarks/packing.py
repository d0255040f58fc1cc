"""What a run takes on disk and in a pack, and how long packing, unpacking and reporting it elsewhere take.

python benchmarks/packing.py RUN_DIRECTORY
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from lab.conclude import conclude
from lab.config.settings import read_settings
from lab.pack_places import places_of
from lab.packing import Packed, pack
from lab.rundir import RunDir
from lab.unpacking import unpack

_T = TypeVar("_T")


def timed(act: Callable[[], _T]) -> tuple[_T, float]:
    """Give what something gives, and how many seconds it took."""
    began = time.perf_counter()
    result = act()
    return result, time.perf_counter() - began


def sides(run: RunDir) -> dict[str, Path]:
    """Give the files that must be the same on both sides."""
    return {path.name: path for path in (run.analysis, run.verdict, run.summary, run.html)}


def row(run: RunDir, folder: Path, *, with_raw: bool) -> tuple[str, ...]:
    """Pack a run, unpack it, report it there, and give the figures of that."""
    places = places_of(read_settings(), run, user_home=Path.home(), host=platform.node())
    out = folder / f"{with_raw}.tar.xz"
    packed, packing_s = timed(lambda: pack(run, out, places, with_raw=with_raw))
    found, unpacking_s = timed(lambda: unpack(out, folder / str(with_raw)))
    _, report_s = timed(lambda: conclude(found.run))
    there = sides(found.run)
    is_same = all(path.read_bytes() == there[name].read_bytes() for name, path in sides(run).items())
    return (
        "with k6's and the services' output" if with_raw else "as `lab pack` writes it",
        *sizes(packed),
        *(f"{seconds:.1f} s" for seconds in (packing_s, unpacking_s, report_s)),
        "yes" if is_same else "no",
    )


def sizes(packed: Packed) -> tuple[str, ...]:
    """Give the bytes of the directory and of the pack, and their ratio."""
    ratio = packed.run_bytes / packed.size_bytes
    return f"{packed.run_bytes:,}", f"{packed.size_bytes:,}", f"{ratio:.1f}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run = RunDir(parser.parse_args().run.resolve())
    table = Table(title=run.run_id)
    columns = ("", "directory, bytes", "pack, bytes", "ratio", "pack", "unpack", "report there", "same report")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    with tempfile.TemporaryDirectory() as folder:
        for with_raw in (False, True):
            table.add_row(*row(run, Path(folder), with_raw=with_raw))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
