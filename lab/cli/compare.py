"""`lab compare`: runs that are there already, held against one another."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.comparing import exit_code, judging_options, output_options, show_comparison, write_comparison
from lab.cli.shared import its_settings
from lab.errors import ConfigError, RunDirError

if TYPE_CHECKING:  # imported where they are used: `lab --help` stays quick
    from lab.compared_runs import ComparedRuns
    from lab.model import Comparison


@click.command()
@click.argument("base", required=False)
@click.argument("candidate", required=False)
@click.option("--base", "bases", multiple=True, metavar="RUN", help="A further run of the base; may be repeated.")
@click.option(
    "--candidate", "candidates", multiple=True, metavar="RUN", help="A further run of the candidate; may be repeated."
)
@click.option(
    "--pairs", "--paired", "are_pairs", is_flag=True, help="The first runs of both sides are a pair, and so on."
)
@judging_options
@click.option(
    "--under-test",
    multiple=True,
    type=click.Choice(["settings", "target", "versions"]),
    help="What differs on purpose, beside the code; may be repeated.",
)
@click.option("--force", is_flag=True, help="Compare runs that differ in what they must not; the result says so.")
@click.option(
    "--profiles/--no-profiles", default=True, help="Name the functions that changed, where both have profiles."
)
@click.option("--all", "whole", is_flag=True, help="Print every figure, also what has not changed.")
@output_options
@click.pass_context
def compare(
    context: click.Context,
    /,
    *,
    base: str | None,
    candidate: str | None,
    bases: tuple[str, ...],
    candidates: tuple[str, ...],
    are_pairs: bool,
    under_test: tuple[str, ...],
    force: bool,
    profiles: bool,
    whole: bool,
    route: str,
    effect: float | None,
    look_for: float,
    **files: Path | None,
) -> None:
    """Compare the run CANDIDATE with the run BASE: what regressed, what improved, and what cannot be told.

    Runs are ids, their beginnings, paths or `latest`; each side may have several. The directory of an A/B alone
    compares its pairs, as it was asked to. Runs that differ in scenario, plan, seed, machine, engine or versions are
    refused. The exit code is 0 where nothing got worse, 1 where something regressed, 4 where the headline figures
    cannot be told from noise, and 2 where the runs cannot be compared.
    """
    from lab.compared_runs import profiles_of

    runs = _runs([*_given(base), *bases], [*_given(candidate), *candidates], are_pairs=are_pairs)
    runs = replace(
        runs,
        route=route or runs.route,
        effect=effect or runs.effect,
        look_for=look_for if _is_typed(context, "look_for") else runs.look_for or look_for,
        under_test=under_test or runs.under_test,
    )
    comparison = _compared(runs, force=force)
    changed = profiles_of(runs) if profiles else None
    show_comparison(comparison, changed, whole=whole)
    write_comparison(comparison, profiles=changed, **files)
    sys.exit(exit_code(comparison))


def _is_typed(context: click.Context, option: str) -> bool:
    return context.get_parameter_source(option) == click.core.ParameterSource.COMMANDLINE


def _given(name: str | None) -> list[str]:
    return [] if name is None else [name]


def _runs(bases: list[str], candidates: list[str], *, are_pairs: bool) -> "ComparedRuns":
    """Find the runs: those that are named, or the pairs of the A/B that is named alone."""
    from lab import compared_runs, rundir

    root = its_settings().artifacts
    if len(bases) == 1 and not candidates:
        try:
            folder = rundir.find_ab(root, bases[0])
        except RunDirError as error:
            name = f"name the run that {bases[0]} is to be compared with: `lab compare {bases[0]} CANDIDATE`"
            raise ConfigError([name, f"only an A/B stands alone, and {error}"]) from error
        return compared_runs.of_ab(folder)
    return compared_runs.named(root, bases, candidates, are_pairs=are_pairs)


def _compared(runs: "ComparedRuns", *, force: bool) -> "Comparison":
    from lab import comparing

    found = comparing.compare_runs(
        runs.base,
        runs.candidate,
        are_pairs=runs.are_pairs,
        route=runs.route,
        effect=runs.effect,
        look_for=comparing.LOOK_FOR if runs.look_for is None else runs.look_for,
        alpha=comparing.ALPHA if runs.alpha is None else runs.alpha,
        force=force,
        under_test=runs.under_test,
    )
    return replace(found, notes=(*runs.notes, *found.notes))
