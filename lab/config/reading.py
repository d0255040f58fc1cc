"""How a TOML file is found, read, overridden and validated, with every problem as a sentence."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.assets import ASSETS
from lab.errors import ConfigError

_SECRET_KEY = re.compile(r"password|passwd|secret|token|api_?key|credential", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/\s@]+@")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class Strict(BaseModel):
    """A table of a file in which unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give "; did you mean 'x'?" for the nearest known name, or nothing where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def find(what: str, name_or_path: str) -> Path:
    """Give the path of a named file among the assets (`what` is plan or target), or the path of a .toml file."""
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.is_file():
            raise ConfigError(f"there is no {what} file {name_or_path}")
        return path
    folder = ASSETS / f"{what}s"
    known = sorted(file.stem for file in folder.glob("*.toml"))
    if name_or_path not in known:
        hint = did_you_mean(name_or_path, known)
        raise ConfigError(
            f"no {what} is named {name_or_path!r}{hint} (there are: {', '.join(known)}; or give a .toml file)"
        )
    return folder / f"{name_or_path}.toml"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ConfigError with the line where it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: not TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


_File = TypeVar("_File", bound=BaseModel)


def validated(kind: type[_File], content: object, source: str) -> _File:
    """Validate `content`; every problem begins with `source`. Raises ConfigError with all of them."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ConfigError([f"{source}: {_sentence(problem, kind)}" for problem in error.errors()]) from error


def _sentence(problem: Any, kind: type[BaseModel]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
    if problem["type"] == "extra_forbidden":
        known = _known_keys(kind, problem["loc"][:-1])
        return f"{place}: unknown key{did_you_mean(str(problem['loc'][-1]), known)} (known: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{place}: is missing"
    given = "" if isinstance(problem["input"], dict | list) else f", not {problem['input']!r}"
    return f"{place}: {problem['msg'].removeprefix('Value error, ')}{given}"


def _known_keys(kind: type[BaseModel], place: Sequence[object]) -> list[str]:
    for part in place:
        field = kind.model_fields.get(str(part))
        if field is not None:
            kind = next(iter(_models(field.annotation)), kind)
    return list(kind.model_fields)


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def override(content: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Apply `key=value` texts with dotted keys to `content`; gives the problems of those that cannot be."""
    problems = []
    for text in overrides:
        key, equals, value = text.partition("=")
        place = _place(content, key.strip().split(".")) if equals else None
        if place is None:
            problems.append(f"--set {text!r}: write key=value, such as seed=3 or phases.sustain.duration_s=60")
        else:
            place[key.strip().split(".")[-1]] = _value(value.strip())
    return problems


def told(overrides: Sequence[str]) -> tuple[str, ...]:
    """Give `key=value` texts without their secrets: what a key calls one, and passwords in URLs."""
    return tuple(_told(*text.partition("=")) for text in overrides)


def _told(key: str, equals: str, value: str) -> str:
    plain = "***" if _SECRET_KEY.search(key) else _LOGIN.sub("://***@", value.strip())
    return f"{key.strip()}{equals}{plain}"


def _place(content: dict[str, Any], path: Sequence[str]) -> dict[str, Any] | None:
    place: Any = content
    for part in path[:-1]:
        if isinstance(place, dict):
            place = place.setdefault(part, {})
        elif isinstance(place, list):  # of tables with a name, such as phases
            place = next((entry for entry in place if isinstance(entry, dict) and entry.get("name") == part), None)
    return place if isinstance(place, dict) else None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
