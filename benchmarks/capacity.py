"""How wrong predictions of capacity are: fits that have not seen the highest good steps of runs, held against them.

python benchmarks/capacity.py RUN_DIRECTORY...

The first table has a line per run and cut, with the form of latency that the fit has chosen from what it had seen. The
second one has the error of P95 for every form, so that it can be seen what another choice would have brought.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import capacity
from lab.analysis.capacity import Asked
from lab.analysis.capacity.hold_out import hold_outs
from lab.analysis.capacity.network import Deployment
from lab.model import Capacity, HoldOut
from lab.rundir import RunDir

_FIGURES = ("throughput", "CPU of all watched", "p50", "p95", "p99", "holding")


def errors(held: HoldOut) -> Iterator[str]:
    """Give the error of each figure, and that below 80 % utilisation."""
    found = {error.figure: error for error in held.errors}
    for figure in _FIGURES:
        error = found.get(figure)
        if error is None:
            yield "–"
        else:
            below = "–" if error.error_below is None else f"{error.error_below:.1%}"
            yield f"{error.error:.1%} / {below}"


def predicted(found: Capacity, held: HoldOut) -> str:
    """Give where the fit sees 85 % used, and how far that is off the break point."""
    text = f"{held.tight_per_s.value:.0f}"
    if found.break_point_per_s is None:
        return text
    broke_at = found.break_point_per_s.value
    return f"{text} of {broke_at:.0f} ({held.tight_per_s.value / broke_at - 1:+.1%})"


def by_cut(runs: list[Capacity]) -> Table:
    """Give the errors of each run and cut."""
    table = Table(title="mean error of what was held out, in all / below 80 % utilisation")
    for column in ("run", "fitted to", "held to", "form", "85 % used, of break point", *_FIGURES):
        table.add_column(column)
    for found in runs:
        for held in found.hold_outs:
            ends = (f"{held.fitted_to_per_s:.0f}/s", f"{held.held_to_per_s:.0f}/s")
            table.add_row(found.run_id, *ends, held.form, predicted(found, held), *errors(held))
    return table


def by_form(runs: list[Capacity], deployments: list[Deployment]) -> Table:
    """Give the error of P95 of each form, per run and cut."""
    table = Table(title="mean error of P95, in all / below 80 % utilisation, by form")
    columns = [f"{found.run_id[:16]} to {held.fitted_to_per_s:.0f}/s" for found in runs for held in found.hold_outs]
    for column in ("form", *columns):
        table.add_column(column)
    models = [found.latency for found in runs if found.latency is not None]
    names = sorted({name for model in models for name in (model.form, *dict(model.alternatives))})
    for name in names:
        cells = []
        for found, deployment in zip(runs, deployments, strict=True):
            good = [piece for piece in found.slices if piece.is_good]
            cells += [list(errors(held))[_FIGURES.index("p95")] for held in hold_outs(good, deployment, form=name)]
        table.add_row(name, *cells)
    return table


def main() -> None:
    """Fit, predict, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    directories = [RunDir(path.resolve()) for path in parser.parse_args().runs]
    runs = [capacity.plan(run, Asked()) for run in directories]
    deployments = [
        Deployment(found.machine_cores, run.read_record().get("service_cores", {}), found.workers)
        for found, run in zip(runs, directories, strict=True)
    ]
    console = Console(width=220)
    console.print(by_cut(runs))
    console.print(by_form(runs, deployments))


if __name__ == "__main__":
    main()
