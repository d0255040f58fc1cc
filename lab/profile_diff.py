"""Profiles of two runs held against one another, from their directories: `lab profile --diff`, and every comparison."""

from collections.abc import Iterator
from pathlib import Path

from lab.analysis.profile_pairs import ProfiledRun, compare, flame_of
from lab.analysis.samples import read_samples
from lab.analysis.series import read_series
from lab.errors import ConfigError, RunDirError
from lab.model import ProfileComparison, ProfileDifference
from lab.report.flamegraph import flamegraph
from lab.rundir import RunDir, write_bytes


def compare_profiles(before: RunDir, after: RunDir, *, service: str = "", phase: str = "") -> ProfileComparison:
    """Compare the CPU profiles of two runs; `service` and `phase` (or a step of it) choose among them.

    Without differences the notes of what comes back say why there are none. Raises RunDirError where a run has no
    record, or its requests have not been read yet.
    """
    return compare(_profiled(before), _profiled(after), service=service, phase=phase)


def require_some(compared: ProfileComparison) -> None:
    """Make sure that something was compared. Raises ConfigError with every reason why nothing could be."""
    if not compared.differences:
        runs = f"{compared.before_run} and {compared.after_run}"
        raise ConfigError([f"no profiles of {runs} can be compared", *compared.notes])


def draw(compared: ProfileComparison, before: RunDir, after: RunDir, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write a flame graph per difference into `folder`, and give what each is of, and its path.

    The same runs give the same bytes. Raises RunDirError where it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirError(f"{folder} cannot be made: {error.strerror}; name another one: --out FOLDER") from error
    left, right = _profiled(before), _profiled(after)
    for found in compared.differences:
        path = folder / _file_name(found)
        try:
            write_bytes(path, flamegraph(flame_of(found, left, right)).encode())
        except RunDirError as error:
            raise RunDirError(f"{error}; name another folder: --out FOLDER") from error
        yield f"{found.service} in {found.drive or found.phase}", path


def _file_name(found: ProfileDifference) -> str:
    """Name a flame graph by the profile that it is of and the run that this is held against."""
    stem = dict(found.after.profile.files)["folded"].removesuffix(".folded")
    return f"{stem}-against-{found.before.run_id}.svg"


def _profiled(run: RunDir) -> ProfiledRun:
    record = run.read_record()
    if not run.samples.exists():
        raise RunDirError(f"{run.run_id}: its requests have not been read yet; `lab report {run.run_id}` does it")
    try:
        facts = tuple(_facts(record))
        samples = read_samples(run.samples)
        watched = run.series / "processes.parquet"
        series = {"processes": read_series(watched)} if watched.exists() else {}
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise RunDirError(f"{run.path}: is damaged, or was written by another version of the lab: {error}") from error
    return ProfiledRun(
        run_id=run.run_id,
        folder=run.profiles,
        profiles=run.read_profiles(),
        windows=run.windows(),
        samples=samples,
        series=series,
        facts=facts,
    )


def _facts(record: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Give what makes CPU per request another thing where it differs."""
    scenario, provenance = record.get("scenario"), record.get("provenance")
    if isinstance(scenario, dict):
        yield "scenario", str(scenario.get("name", ""))
    yield "target", str(record.get("target", ""))
    host = provenance.get("host") if isinstance(provenance, dict) else None
    if isinstance(host, dict):
        yield "machine", f"{host.get('cpu_model', '?')}, {host.get('cores', '?')} cores"
