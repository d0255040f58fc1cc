"""Target files -> Target; `k6/scenarios.json` -> Scenario."""

from collections.abc import Mapping, Sequence
from typing import Self

import orjson
from pydantic import Field, field_validator, model_validator

from lab.assets import ASSETS
from lab.config.reading import Name, Strict, did_you_mean, find, override, read_toml, validated
from lab.errors import ConfigError
from lab.model import Scenario, Service, Target


class _ServiceFile(Strict):
    kind: str = Field(pattern="^(http|mongod)$")
    port: int = Field(ge=1, le=65535)
    argv: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    health_path: str = ""
    metrics_path: str = ""
    ready_timeout_s: float = Field(default=30.0, gt=0, le=600)
    cores: float = Field(default=1.0, gt=0, le=1024)

    @field_validator("env", mode="before")
    @classmethod
    def _numbers_are_texts_there(cls, env: object) -> object:
        if not isinstance(env, dict):
            return env
        return {name: str(value) if isinstance(value, int | float) else value for name, value in env.items()}

    @model_validator(mode="after")
    def _http_needs_a_program(self) -> Self:
        if self.kind == "http" and not (self.argv and self.health_path.startswith("/")):
            raise ValueError("a service of kind http needs argv and a health_path that starts with /")
        return self


class _TargetFile(Strict):
    name: Name
    description: str = ""
    entry: str
    database: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    backlog: tuple[str, ...] = ()
    services: dict[Name, _ServiceFile] = Field(min_length=1)


class _ScenarioFile(Strict):
    code: str
    description: str
    requests_per_journey: float | None = Field(default=None, gt=0)
    routes: tuple[str, ...] = ()
    mix: dict[str, float] = Field(default_factory=dict)


def load_target(name_or_path: str, *, overrides: Sequence[str] = ()) -> Target:
    """Read the target of this name in `targets/`, or the TOML file at this path, with `--target-set` applied.

    `overrides` are `key=value` with dotted keys (`services.ai_core.env.AI_CORE_WORKERS=1`). Raises ConfigError.
    """
    path = find("target", name_or_path)
    content = read_toml(path)
    problems = override(content, overrides)
    if problems:
        raise ConfigError(problems)
    file = validated(_TargetFile, content, path.name)
    if file.entry not in file.services:
        hint = did_you_mean(file.entry, file.services)
        raise ConfigError(f"{path.name}: entry: no service is named {file.entry!r}{hint}")
    services = tuple(
        Service(name=name, **{**service.model_dump(), "env": tuple(service.env.items())})
        for name, service in file.services.items()
    )
    return Target(
        name=file.name,
        description=file.description,
        entry=file.entry,
        services=services,
        database=file.database,
        backlog=file.backlog,
    )


def load_scenarios() -> dict[str, Scenario]:
    """Read every scenario of `k6/scenarios.json`, the file that the k6 scripts read too. Raises ConfigError."""
    path = ASSETS / "k6" / "scenarios.json"
    files = {
        name: validated(_ScenarioFile, content, f"{path.name}: {name}")
        for name, content in orjson.loads(path.read_bytes()).items()
    }
    return {name: _scenario(name, file, files) for name, file in files.items()}


def load_scenario(name: str) -> Scenario:
    """Read one scenario. Raises ConfigError that names the ones there are."""
    scenarios = load_scenarios()
    if name not in scenarios:
        raise ConfigError(
            f"no scenario is named {name!r}{did_you_mean(name, scenarios)} (there are: {', '.join(scenarios)})"
        )
    return scenarios[name]


def _scenario(name: str, file: _ScenarioFile, files: Mapping[str, _ScenarioFile]) -> Scenario:
    routes, requests = file.routes, file.requests_per_journey
    if file.mix:
        parts = [files[part] for part in file.mix]
        routes = tuple(dict.fromkeys(route for part in parts for route in part.routes))
        requests = sum(w * (files[part].requests_per_journey or 0) for part, w in file.mix.items())
    if not requests:
        raise ConfigError(
            f"scenarios.json: {name}: neither requests_per_journey nor mix says how many requests it makes"
        )
    return Scenario(
        name=name,
        code=file.code,
        description=file.description,
        requests_per_journey=requests,
        routes=routes,
        mix=tuple(file.mix.items()),
    )
