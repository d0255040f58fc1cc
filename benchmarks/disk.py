"""What a run takes on disk, by kind, and what three hours of such load would.

python benchmarks/disk.py RUN_DIRECTORY
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.rundir import RunDir

_KINDS = {
    "telemetry": {
        "series of the collectors": ("series/*",),
        "text for Prometheus": ("openmetrics.txt.gz",),
        "snapshot of Prometheus": ("prometheus/**/*",),
        "logs and their index": ("logs/*",),
    },
    "load": {
        "k6's own output": ("load/*",),
        "one row per request, and per point": ("samples.parquet", "points.parquet"),
    },
}
_HOURS = 3


def size(run: RunDir, patterns: tuple[str, ...]) -> int:
    """Give the bytes of the files that fit."""
    return sum(path.stat().st_size for pattern in patterns for path in run.path.glob(pattern) if path.is_file())


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run = RunDir(parser.parse_args().run.resolve())
    windows = run.windows()
    hours = (max(w.ended_at for w in windows) - min(w.started_at for w in windows)) / 3600
    table = Table(title=f"{run.run_id}: {hours * 60:.0f} minutes")
    for column in ("", "MB", "MB per hour", f"MB in {_HOURS} hours"):
        table.add_column(column, justify="right" if column else "left")
    for name, kinds in _KINDS.items():
        sizes = {kind: size(run, patterns) for kind, patterns in kinds.items()}
        for kind, count in {**sizes, f"{name} in all": sum(sizes.values())}.items():
            figures = (count / 1e6, count / 1e6 / hours, count / 1e6 / hours * _HOURS)
            table.add_row(kind, *(f"{figure:.1f}" for figure in figures), end_section=kind.endswith("in all"))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
