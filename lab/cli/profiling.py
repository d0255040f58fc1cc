"""Looking into a service while it works, and comparing what was seen in two runs."""

from pathlib import Path

import click

from lab.cli.shared import console, fail, its_engine, its_settings, say
from lab.errors import ConfigError, EngineError

_OF_TAKING = {"kind": "--heap", "seconds": "--seconds", "inspector_url": "--inspect"}
_OF_COMPARING = {"phase": "--phase", "out": "--out"}


@click.command()
@click.argument("service", default="")
@click.option("--cpu", "kind", flag_value="cpu", default=True, help="Where its time goes (default).")
@click.option("--heap", "kind", flag_value="heap", help="What its memory is used for.")
@click.option("--snapshot", "kind", flag_value="snapshot", help="Every object in its memory (Node); it stands still.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=15.0, show_default=True, help="How long to look.")
@click.option("--inspect", "inspector_url", default="", metavar="URL", help="A Node service's inspector.")
@click.option("--diff", "runs", nargs=2, metavar="RUN_A RUN_B", help="Compare the CPU profiles of two runs instead.")
@click.option("--phase", default="", metavar="PHASE", help="With --diff: only of this phase, or step of one.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="With --diff: where flame graphs go, instead of the profiles of RUN_B.",
)
@click.pass_context
def profile(
    context: click.Context,
    *,
    service: str,
    kind: str,
    seconds: float,
    inspector_url: str,
    runs: tuple[str, str] | None,
    phase: str,
    out: Path | None,
) -> None:
    """Profile SERVICE of the environment that runs, with all of its worker processes.

    Files go into the `profiles` folder of the run that is going on, or of the lab's home. What is measured meanwhile
    includes what the profiler costs: the run says so.

    With --diff no service need run: the CPU profiles that two runs have of the same service in the same phase or step
    (of SERVICE alone, where it is given) are compared by CPU seconds per request. Functions that changed are listed,
    and a flame graph of each difference is written: red grew, blue shrank.
    """
    problems = _problems(context, service, runs)
    if problems:
        fail(ConfigError(problems))
    if runs:
        _compare(*runs, service=service, phase=phase, out=out)
    else:
        _take(service, kind=kind, seconds=seconds, inspector_url=inspector_url)


def _problems(context: click.Context, service: str, runs: tuple[str, str] | None) -> list[str]:
    typed = click.core.ParameterSource.COMMANDLINE
    given = {name for name in context.params if context.get_parameter_source(name) == typed}
    if runs:
        if context.params["kind"] == "cpu":
            given.discard("kind")  # what is compared in any case
        return [f"{option} has no meaning with --diff" for name, option in _OF_TAKING.items() if name in given]
    problems = [f"{option} needs --diff RUN_A RUN_B" for name, option in _OF_COMPARING.items() if name in given]
    if not service:
        problems.append("name the SERVICE to look into (`lab status` lists them), or two runs: --diff RUN_A RUN_B")
    return problems


def _take(service: str, *, kind: str, seconds: float, inspector_url: str) -> None:
    from lab import profiling
    from lab.analysis.stacks import summarise
    from lab.model import ProfileKind
    from lab.report import tables

    environment = its_engine().find()
    if environment is None:
        fail(EngineError("no environment runs; `lab up` starts one"))
    settings = its_settings()
    folder = profiling.folder_for(settings.home, settings.artifacts)
    subject = profiling.subject_of(
        environment, service, folder=folder, stem=profiling.stem_for(service), inspector_url=inspector_url
    )
    say(f"{service}: looking for {seconds:g} s")
    taken = profiling.take(subject, ProfileKind(kind), seconds=seconds)
    console().print(tables.profile(taken, folder))
    stacks = profiling.stacks_of(taken, folder)
    if stacks:
        console().print(tables.hottest(summarise(stacks)))


def _compare(first: str, second: str, *, service: str, phase: str, out: Path | None) -> None:
    from lab import profile_diff, rundir
    from lab.report import profile_difference, text

    artifacts = its_settings().artifacts
    before, after = rundir.find(artifacts, first), rundir.find(artifacts, second)
    compared = profile_diff.compare_profiles(before, after, service=service, phase=phase)
    profile_diff.require_some(compared)
    screen = console()
    for section in profile_difference.sections(compared):
        screen.print(text.titled(section))
    for note in compared.notes:
        say(f"note: {note}")
    for what, path in profile_diff.draw(compared, before, after, out or after.profiles):
        screen.print(f"{what}: {path}", soft_wrap=True, markup=False)
