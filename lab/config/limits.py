"""What services may use: tables of a plan (`[limits.ai_core]`), and the options --cpus, --memory and --cpuset."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from lab.config.reading import Name, Strict, override, validated
from lab.errors import ConfigError
from lab.model import Limits

_BYTES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_FORMS = {
    "cpus": (r"\d+(\.\d+)?", "a number of cores, such as ai_core=1 or ai_core=0.5"),
    "memory": (r"\d+(\.\d+)?[bkmgBKMG]", "a size, such as ai_core=512m or ai_core=2g"),
    "cpuset": (r"\d+(-\d+)?(,\d+(-\d+)?)*", "the numbers of cores, such as ai_core=0 or backend=0-1"),
}


class LimitsFile(Strict):
    """The limits of one service, as a plan has them."""

    cpus: float | None = Field(default=None, gt=0, le=1024)
    memory: str = Field(default="", pattern=rf"^({_FORMS['memory'][0]})?$")
    cpuset: str = Field(default="", pattern=rf"^({_FORMS['cpuset'][0]})?$")

    @field_validator("cpuset", mode="before")
    @classmethod
    def _one_core_may_be_a_number(cls, cpuset: object) -> object:
        return str(cpuset) if isinstance(cpuset, int) else cpuset


class _LimitsFiles(Strict):
    limits: dict[Name, LimitsFile] = Field(default_factory=dict)


def parse_limits(tables: Mapping[str, LimitsFile]) -> tuple[Limits, ...]:
    """Turn tables of a plan, by service, into limits; a service whose table is empty has none."""
    parsed = (
        Limits(
            service=name,
            cpus=table.cpus,
            memory_bytes=_bytes(table.memory) if table.memory else None,
            cpuset=table.cpuset,
        )
        for name, table in tables.items()
    )
    return tuple(limits for limits in parsed if limits != Limits(service=limits.service))


def limits_content(limits: Sequence[Limits]) -> dict[str, Any]:
    """Give the tables that `parse_limits` turns into these very limits."""
    return {
        of.service: {
            **({} if of.cpus is None else {"cpus": of.cpus}),
            **({} if of.memory_bytes is None else {"memory": f"{of.memory_bytes}b"}),
            **({"cpuset": of.cpuset} if of.cpuset else {}),
        }
        for of in limits
    }


def limit_overrides(*, cpus: Iterable[str], memory: Iterable[str], cpuset: Iterable[str]) -> tuple[str, ...]:
    """Turn `service=value` of the three options into what `--set` takes. Raises ConfigError with every problem."""
    overrides, problems = [], []
    for kind, texts in (("cpus", cpus), ("memory", memory), ("cpuset", cpuset)):
        form, says = _FORMS[kind]
        for text in texts:
            service, equals, value = text.partition("=")
            if not (equals and re.fullmatch(r"[a-z][a-z0-9_-]*", service) and re.fullmatch(form, value)):
                problems.append(f"--{kind} {text!r}: write SERVICE=VALUE with {says}")
            elif kind == "cpus":
                overrides.append(f"limits.{service}.cpus={value}")
            else:
                overrides.append(f'limits.{service}.{kind}="{value}"')
    if problems:
        raise ConfigError(problems)
    return tuple(overrides)


def read_limits(*, cpus: Iterable[str], memory: Iterable[str], cpuset: Iterable[str]) -> tuple[Limits, ...]:
    """Read the three options where there is no plan. Raises ConfigError with every problem."""
    content: dict[str, Any] = {}
    override(content, limit_overrides(cpus=cpus, memory=memory, cpuset=cpuset))
    return parse_limits(validated(_LimitsFiles, content, "limits").limits)


def _bytes(text: str) -> int:
    return int(float(text[:-1]) * _BYTES[text[-1].lower()])
