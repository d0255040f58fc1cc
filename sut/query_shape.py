"""What a command of MongoDB looks like without its values."""

from collections.abc import Mapping
from typing import Any

_TOLD = (
    "filter",
    "query",
    "q",
    "sort",
    "projection",
    "pipeline",
    "updates",
    "deletes",
    "u",
    "limit",
    "multi",
    "upsert",
)
_KEPT = ("limit", "multi", "upsert")
_LONGEST = 5  # elements of a list that are shown


def shape(command: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a command that say what it does, each value replaced by "?"; values can be secret."""
    told: dict[str, Any] = {name: _part(name, command[name]) for name in _TOLD if name in command}
    if "documents" in command:
        told["documents"] = len(command["documents"])
    return told


def _part(name: str, value: Any) -> Any:
    if name in ("updates", "deletes"):
        return [shape(statement) for statement in value[:_LONGEST]]
    return value if name in _KEPT else _without_values(value)


def _without_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_values(inner) for inner in value[:_LONGEST]]
    return "?"
