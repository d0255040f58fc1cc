"""What a command of MongoDB asks for, without its values: they may be secret, and one question is asked of many."""

from collections.abc import Mapping
from typing import Any

_ASKED = ("filter", "query", "q", "sort", "projection", "pipeline", "updates", "deletes", "u", "limit", "multi")
_KEPT = ("limit", "multi")
_ELEMENTS = 5
_DEPTH = 3


def query_shape(command: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parts of a command that say what it does, "?" in the place of each value."""
    return {
        name: command[name] if name in _KEPT else _without_values(command[name]) for name in _ASKED if name in command
    }


def _without_values(value: Any, depth: int = 0) -> Any:
    if depth == _DEPTH:  # what is inside of a field that is set tells no more
        return "?"
    if isinstance(value, Mapping):
        return {str(key): _without_values(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_values(inner, depth + 1) for inner in value[:_ELEMENTS]]
    return "?"
