"""What an engine remembers about its environment between two commands: `environment.json` in the lab's home."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

from lab.errors import EngineError
from lab.model import Environment, Target

_FILE = "environment.json"

# the kernel tells the time of its start in whole seconds, and a clock that is being set may move it
_BOOT_SLACK_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An environment as it was left, and what the engine needs to judge it later.

    `complete` is False while it is being started: what such a record names after a crash is to be taken down.
    `health_urls` maps a service to the URL that tells its readiness. `data_existed` is True where the database
    was there before this environment.
    """

    environment: Environment
    target_digest: str
    complete: bool = False
    health_urls: tuple[tuple[str, str], ...] = ()
    data_existed: bool = False


_RECORD = TypeAdapter(Record)


def home_marker(home: Path) -> str:
    """What every process of this lab's home carries as (the beginning of) its marker, whichever `lab up` started it."""
    return f"lab-{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]}"


def target_digest(target: Target) -> str:
    """The same for targets that are alike in everything."""
    return hashlib.sha256(json.dumps(asdict(target), sort_keys=True, default=str).encode()).hexdigest()


def read_record(home: Path) -> Record | None:
    """The record in this home, None when there is none. Raises EngineError when it cannot be read."""
    path = home / _FILE
    try:
        return _RECORD.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise EngineError(f"{path} is damaged; `lab down` ends what it stands for and removes it") from error
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from error


def standing(home: Path) -> Environment | None:
    """The environment that an `up` completed and no `down` has ended. Raises EngineError when its record is damaged."""
    record = read_record(home)
    return record.environment if record and record.complete and not is_of_earlier_boot(record) else None


def left(home: Path, on_event: Callable[[str], None]) -> Record | None:
    """The record as far as it can be read; a damaged one is told, and none: what it stands for is found otherwise."""
    try:
        return read_record(home)
    except EngineError as error:
        on_event(str(error).partition(";")[0])
        return None


def write_record(home: Path, record: Record) -> None:
    """Keep a record, in one step: a reader finds the old one or the new one. Only this user can read it."""
    path = home / _FILE
    draft = path.with_suffix(".part")
    try:
        draft.touch(mode=0o600)
        with draft.open("wb") as file:
            file.write(_RECORD.dump_json(record, indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise EngineError(f"{path} cannot be written: {error.strerror}; set LAB_HOME to a folder that can") from error


def remove_record(home: Path) -> None:
    """Forget the environment."""
    (home / _FILE).unlink(missing_ok=True)
    (home / _FILE).with_suffix(".part").unlink(missing_ok=True)


def is_of_earlier_boot(record: Record, *, booted_at: Callable[[], float] = psutil.boot_time) -> bool:
    """Whether the machine has been started anew since: then nothing of it can run any more."""
    return record.environment.started_at < booted_at() - _BOOT_SLACK_S
