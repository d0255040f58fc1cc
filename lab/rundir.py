"""The run directory: every artefact's path and format, atomic writes, and what survives a kill.

See docs/run-directory.md for what each file holds.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from lab.errors import RunDirError
from lab.model import Doubt, Interleaved, Profile, Step, Window

_WINDOWS = TypeAdapter(tuple[Window, ...])
_STEPS = TypeAdapter(tuple[Step, ...])
_INTERLEAVED = TypeAdapter(Interleaved)
_PROFILES = TypeAdapter(tuple[Profile, ...])
PROFILES = "profiles.json"
_T = TypeVar("_T")
_SPARE_BYTES = 200 * 1024 * 1024
_BYTES_PER_REQUEST = 400  # k6's gzipped output, samples.parquet and the services' log lines: 150 + 50 + 200, rounded up


@dataclass(frozen=True, slots=True)
class RunDir:
    """One run's directory. Paths are given whether the files exist or not."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's name, which is the folder's."""
        return self.path.name

    @property
    def record(self) -> Path:
        """What was run on what, and how far it came."""
        return self.path / "run.json"

    @property
    def windows_file(self) -> Path:
        """The window of each phase that was driven."""
        return self.path / "windows.json"

    @property
    def steps_file(self) -> Path:
        """The steps of stress phases, as they were decided on."""
        return self.path / "steps.json"

    @property
    def load(self) -> Path:
        """k6's own output."""
        return self.path / "load"

    @property
    def conversion(self) -> Path:
        """What was read from k6's own output: the tables stand for it where it is left out of a pack."""
        return self.load / "conversion.json"

    @property
    def samples(self) -> Path:
        """One row per request."""
        return self.path / "samples.parquet"

    @property
    def points(self) -> Path:
        """One row per value of k6's other metrics."""
        return self.path / "points.parquet"

    @property
    def series(self) -> Path:
        """What the collectors saw."""
        return self.path / "series"

    @property
    def prometheus(self) -> Path:
        """A snapshot of the Prometheus server's database, where one ran."""
        return self.path / "prometheus"

    @property
    def openmetrics(self) -> Path:
        """The series as text that a Prometheus can be filled with."""
        return self.path / "openmetrics.txt.gz"

    @property
    def logs(self) -> Path:
        """The services' log lines of this run."""
        return self.path / "logs"

    @property
    def slow_queries(self) -> Path:
        """The operations that MongoDB's profiler wrote down."""
        return self.logs / "slow_queries.jsonl"

    @property
    def log_index(self) -> Path:
        """Where each log line stands, and whose it is."""
        return self.logs / "index.parquet"

    def log_files(self) -> list[Path]:
        """Give the logs that there are."""
        return sorted([*self.logs.glob("*.jsonl.gz"), *self.logs.glob("*.jsonl")])

    @property
    def profiles(self) -> Path:
        """What profilers saw while the run went on."""
        return self.path / "profiles"

    @property
    def analysis(self) -> Path:
        """Every figure that a report shows."""
        return self.path / "analysis.json"

    @property
    def verdict(self) -> Path:
        """The answer."""
        return self.path / "verdict.json"

    @property
    def summary(self) -> Path:
        """The answer, to be read."""
        return self.path / "summary.md"

    @property
    def playbooks(self) -> Path:
        """What the run's bottlenecks are, and what to do about them."""
        return self.path / "playbooks.md"

    @property
    def html(self) -> Path:
        """The answer as a page, with everything in it."""
        return self.path / "report.html"

    @property
    def junit(self) -> Path:
        """The answer, for CI."""
        return self.path / "junit.xml"

    @property
    def capacity(self) -> Path:
        """What the run says about capacity."""
        return self.path / "capacity.json"

    @property
    def capacity_plan(self) -> Path:
        """The same, to be read."""
        return self.path / "capacity_plan.md"

    @property
    def pack(self) -> Path:
        """What the pack held in which the run came here."""
        return self.path / "pack.json"

    def read_profiles(self) -> tuple[Profile, ...]:
        """Give what profilers saw, oldest first."""
        return read_profiles(self.profiles)

    def read_record(self) -> dict[str, Any]:
        """Read `run.json`. Raises RunDirError where there is none, or it is damaged."""
        try:
            record = orjson.loads(self.record.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise RunDirError(
                f"{self.path}: run.json is missing or damaged ({error}); is this a run directory?"
            ) from error
        if not isinstance(record, dict):
            raise RunDirError(f"{self.record}: is not a JSON object")
        return record

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        write_json(self.record, record)

    def update_record(self, **changes: object) -> None:
        """Replace single keys of `run.json`."""
        self.write_record({**self.read_record(), **changes})

    def add_incident(self, incident: Doubt) -> None:
        """Keep a doubt that the driving of the run has met."""
        self.update_record(incidents=[*self.read_record()["incidents"], asdict(incident)])

    def windows(self) -> tuple[Window, ...]:
        """Read the windows that were recorded, in their order. Raises RunDirError where the file is damaged."""
        return _read_all(self.windows_file, _WINDOWS)

    def write_windows(self, windows: Iterable[Window]) -> None:
        """Replace `windows.json`."""
        write_json(self.windows_file, [asdict(window) for window in windows])

    def steps(self) -> tuple[Step, ...]:
        """Read the steps that were decided on, in their order. Raises RunDirError where the file is damaged."""
        return _read_all(self.steps_file, _STEPS)

    def write_steps(self, steps: Iterable[Step]) -> None:
        """Replace `steps.json`."""
        write_json(self.steps_file, [asdict(step) for step in steps])


@dataclass(frozen=True, slots=True)
class AbDir:
    """The directory of an A/B: how far it has come, the runs of both sides, and what came out."""

    path: Path

    @property
    def record(self) -> Path:
        """What the sides are, the pairs of runs, and the looks at them."""
        return self.path / "ab.json"

    @property
    def runs(self) -> Path:
        """The run directories, those that are in no pair among them."""
        return self.path / "runs"

    def comparison(self, suffix: str) -> Path:
        """What came out, as json, md, xml or html."""
        return self.path / f"comparison.{suffix}"

    def read(self) -> Interleaved:
        """Read `ab.json`. Raises RunDirError where there is none, or it is damaged."""
        try:
            return _INTERLEAVED.validate_json(self.record.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunDirError(
                f"{self.path}: ab.json is missing or damaged ({error}); is this the directory of an A/B?"
            ) from error

    def write(self, ab: Interleaved) -> None:
        """Replace `ab.json`."""
        write_json(self.record, asdict(ab))

    def pairs(self) -> tuple[tuple[RunDir, RunDir], ...]:
        """Give the (base, candidate) runs of every pair that is whole, in their order."""
        return tuple((RunDir(self.runs / base), RunDir(self.runs / candidate)) for base, candidate in self.read().pairs)


def create_ab(root: Path, scenario: str, *, now: datetime) -> AbDir:
    """Make a new directory for an A/B under `root`. Raises RunDirError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = AbDir(_fresh(root, f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-ab-{scenario}"))
        folder.runs.mkdir()
    except OSError as error:
        raise _unwritable(root, error) from error
    return folder


def find_ab(root: Path, name_or_path: str) -> AbDir:
    """Find an A/B by its directory's name, the beginning of it, or its path. Raises RunDirError."""
    exact = [path for path in (root / name_or_path, Path(name_or_path)) if (path / "ab.json").is_file()]
    begun = sorted(path.parent for path in root.glob("*/ab.json") if path.parent.name.startswith(name_or_path))
    found = exact[:1] or begun
    if len(found) == 1:
        return AbDir(found[0].resolve())
    if found:
        raise RunDirError(f"{name_or_path!r} is the beginning of {len(found)} A/Bs' names; give more of it")
    raise RunDirError(f"there is no A/B {name_or_path!r} in {root}; its directory has an ab.json")


def _read_all(path: Path, kind: TypeAdapter[tuple[_T, ...]]) -> tuple[_T, ...]:
    if not path.exists():
        return ()
    try:
        return kind.validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunDirError(f"{path}: is damaged: {error}") from error


def read_json(path: Path) -> Any:
    """Read a JSON file; None where there is none, or it is damaged."""
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def write_json(path: Path, value: object) -> None:
    """Write stable, indented JSON in one step: a reader sees the old file or the new one. Raises RunDirError."""
    content = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    write_bytes(path, content)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step. Raises RunDirError where it cannot be (a full disk, say)."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RunDirError(f"cannot write {path}: {error.strerror}") from error


def require_room(root: Path, *, requests: float, free_bytes: int | None = None) -> None:
    """Make sure, before anything is started, that a run of so many expected requests can be kept under `root`.

    `free_bytes` is what the disk has (None: it is asked). Raises RunDirError where the folder cannot be written or
    its disk has too little room.
    """
    needed = int(_SPARE_BYTES + requests * _BYTES_PER_REQUEST)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            free = shutil.disk_usage(root).free if free_bytes is None else free_bytes
    except OSError as error:
        raise _unwritable(root, error) from error
    if free < needed:
        raise RunDirError(
            f"{root}: {free / 1e6:.0f} MB are free and this run may need {needed / 1e6:.0f} MB; "
            "make room, or set LAB_ARTIFACTS to another disk"
        )


def _unwritable(root: Path, error: OSError) -> RunDirError:
    return RunDirError(f"{root}: cannot be written: {error.strerror}; set LAB_ARTIFACTS to a folder that can be")


def create(root: Path, name: str, *, now: datetime) -> RunDir:
    """Make a new run directory under `root`, named after the UTC time `now` and `name`. Raises RunDirError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        path = _fresh(root, f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{name}")
        for folder in ("load", "series", "logs"):
            (path / folder).mkdir()
        _point_latest(root, path)
    except OSError as error:
        raise _unwritable(root, error) from error
    return RunDir(path)


def _fresh(root: Path, name: str) -> Path:
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        try:
            (root / (name + suffix)).mkdir()
        except FileExistsError:
            continue
        return root / (name + suffix)
    raise RunDirError(f"{root}: holds a hundred runs named {name}")


def _point_latest(root: Path, path: Path) -> None:
    draft = root / f".latest-{os.getpid()}"
    draft.symlink_to(path.name)
    draft.replace(root / "latest")


def read_profiles(folder: Path) -> tuple[Profile, ...]:
    """Give the profiles that a folder lists, oldest first; a damaged list is none."""
    try:
        return _PROFILES.validate_json((folder / PROFILES).read_bytes())
    except (OSError, ValidationError):
        return ()


def add_profile(folder: Path, profile: Profile) -> None:
    """Add a profile to the list of a folder, in the place of one whose files it has replaced; others may do so too.

    Raises RunDirError where it cannot be written.
    """
    try:
        with FileLock(folder / ".profiles.lock"):
            kept = (other for other in read_profiles(folder) if not set(other.files) & set(profile.files))
            write_bytes(folder / PROFILES, _PROFILES.dump_json((*kept, profile), indent=2))
    except OSError as error:
        raise RunDirError(f"cannot write {folder / PROFILES}: {error.strerror}") from error


def find(root: Path, name_or_path: str) -> RunDir:
    """Find a run by its id, the beginning of its id, `latest`, or its path. Raises RunDirError.

    A run within an A/B or a bisect is found too, where no other has that name.
    """
    for path in (root / name_or_path, Path(name_or_path)):
        if (path / "run.json").is_file():
            return RunDir(path.resolve())
    within = (run for folder in sorted(root.glob("*/runs")) for run in all_runs(folder))
    matches = [run for run in all_runs(root) if run.run_id.startswith(name_or_path)]
    matches = matches or [run for run in within if run.run_id.startswith(name_or_path)]
    exact = [run for run in matches if run.run_id == name_or_path]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        raise RunDirError(f"{name_or_path!r} is the beginning of {len(matches)} runs' names; give more of it")
    raise RunDirError(f"there is no run {name_or_path!r} in {root}; `lab runs` lists what there is")


def all_runs(root: Path) -> tuple[RunDir, ...]:
    """Every run under `root`, oldest first."""
    named = re.compile(r"\d{8}T\d{6}Z-")
    if not root.is_dir():
        return ()
    return tuple(RunDir(p) for p in sorted(root.iterdir()) if named.match(p.name) and (p / "run.json").is_file())
