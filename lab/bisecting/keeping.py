"""The folder of a search: `bisect.json`, git's log, and the run directories of everything that was measured."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab.errors import RunDirError
from lab.model import Bisection
from lab.rundir import RunDir, read_json, write_bytes, write_json

_BISECTION = TypeAdapter(Bisection)
_NAMED = re.compile(r"\d{8}T\d{6}Z-bisect-")


@dataclass(frozen=True, slots=True)
class BisectDir:
    """One search's folder. Paths are given whether the files exist or not."""

    path: Path

    @property
    def name(self) -> str:
        """The search's name, which is the folder's."""
        return self.path.name

    @property
    def record(self) -> Path:
        """What is searched, and how far it came."""
        return self.path / "bisect.json"

    @property
    def log(self) -> Path:
        """What `git bisect log` said last; `git bisect replay` takes it."""
        return self.path / "bisect.log"

    @property
    def runs(self) -> Path:
        """The run directories."""
        return self.path / "runs"

    def run(self, run_id: str) -> RunDir:
        """Give the directory of a run of this search."""
        return RunDir(self.runs / run_id)

    def read(self) -> tuple[Bisection, Mapping[str, Any]]:
        """Read the search, and what it drives, as `write` was given it. Raises RunDirError."""
        content = read_json(self.record)
        try:
            return _BISECTION.validate_python(content.pop("bisection")), content
        except (AttributeError, KeyError, TypeError, ValidationError) as error:
            raise RunDirError(
                f"{self.record}: is missing or damaged, or was written by another version of the lab: {error}"
            ) from error

    def write(self, found: Bisection, beside: Mapping[str, Any]) -> None:
        """Keep the search as it stands, and what it drives. Raises RunDirError where that cannot be."""
        write_json(self.record, {**beside, "bisection": asdict(found)})
        write_bytes(self.log, f"{found.log}\n".encode())


def create(root: Path, scenario: str, *, now: datetime) -> BisectDir:
    """Make the folder of a new search under `root`, named after the UTC time `now`. Raises RunDirError."""
    name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-bisect-{scenario}"
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        try:
            (root / (name + suffix) / "runs").mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RunDirError(
                f"{root}: cannot be written: {error.strerror}; set LAB_ARTIFACTS to a folder that can be"
            ) from error
        return BisectDir(root / (name + suffix))
    raise RunDirError(f"{root}: holds a hundred searches named {name}")


def find(root: Path, name_or_path: str) -> BisectDir:
    """Find a search by its name, the beginning of its name, `latest`, or its path. Raises RunDirError."""
    named = [path for path in sorted(root.glob("*")) if _NAMED.match(path.name) and (path / "bisect.json").is_file()]
    if name_or_path == "latest" and named:
        return BisectDir(named[-1])
    for path in (root / name_or_path, Path(name_or_path)):
        if (path / "bisect.json").is_file():
            return BisectDir(path.resolve())
    matches = [path for path in named if path.name.startswith(name_or_path)]
    if len(matches) == 1:
        return BisectDir(matches[0])
    if matches:
        raise RunDirError(f"{name_or_path!r} is the beginning of {len(matches)} searches' names; give more of it")
    raise RunDirError(f"there is no search {name_or_path!r} in {root}; its folder is named <time>-bisect-<scenario>")
