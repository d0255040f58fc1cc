"""Target files -> Target; `k6/scenarios.json` -> Scenario."""

from collections.abc import Mapping, Sequence
from typing import Self

import orjson
from pydantic import Field, field_validator, model_validator

from lab.assets import ASSETS
from lab.config import external
from lab.config.reading import Name, Strict, did_you_mean, find, override, read_toml, told, validated
from lab.errors import ConfigError
from lab.model import Scenario, Service, Target
from lab.target_guard import host_name


class _ServiceFile(Strict):
    kind: str = Field(pattern="^(http|mongod)$")
    port: int = Field(default=0, ge=1, le=65535)
    url: str = ""
    argv: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    health_path: str = ""
    metrics_path: str = Field(default="", pattern=r"^(/[\x21-\x7e]*)?$")
    ready_timeout_s: float = Field(default=30.0, gt=0, le=600)
    cores: float = Field(default=1.0, gt=0, le=1024)

    @field_validator("env", mode="before")
    @classmethod
    def _numbers_are_texts_there(cls, env: object) -> object:
        if not isinstance(env, dict):
            return env
        return {name: str(value) if isinstance(value, int | float) else value for name, value in env.items()}

    @model_validator(mode="after")
    def _is_started_or_runs_already(self) -> Self:
        if self.url:
            given = [name for name in ("port", "argv", "env") if name in self.model_fields_set]
            if given:
                raise ValueError(f"a service with a url already runs, so leave {' and '.join(given)} out")
            if self.kind == "http" and not self.health_path.startswith("/"):
                raise ValueError("a service of kind http needs a health_path that starts with /")
            problem = external.url_problem(self.kind, self.url)
            if problem:
                raise ValueError(problem)
        elif not self.port:
            raise ValueError("needs a port, or the url of a service that already runs")
        return self

    @model_validator(mode="after")
    def _http_needs_a_program(self) -> Self:
        if self.kind == "http" and not self.url and not (self.argv and self.health_path.startswith("/")):
            raise ValueError("a service of kind http needs argv and a health_path that starts with /")
        return self


class _TargetFile(Strict):
    name: Name
    description: str = ""
    entry: str
    database: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    backlog: tuple[str, ...] = ()
    compose: str = ""
    allowed_hosts: tuple[str, ...] = ()
    routes: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, str] = Field(default_factory=dict)
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
    problems = [*_entry_problems(file), *_external_problems(file, overrides)]
    if problems:
        raise ConfigError([f"{path.name}: {problem}" for problem in problems])
    compose = (path.parent / file.compose).resolve() if file.compose else None
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
        compose=compose,
        allowed_hosts=tuple(sorted(host_name(host) for host in file.allowed_hosts)),
        routes=tuple(file.routes.items()),
        metrics=tuple(file.metrics.items()),
        overrides=told(overrides),
    )


def _entry_problems(file: _TargetFile) -> list[str]:
    entry = file.services.get(file.entry)
    if entry is None:
        return [f"entry: no service is named {file.entry!r}{did_you_mean(file.entry, file.services)}"]
    return [] if entry.kind == "http" else [f"entry: load goes to a service of kind http, and {file.entry} is none"]


def _external_problems(file: _TargetFile, overrides: Sequence[str]) -> list[str]:
    """Give what is wrong with a target as one of services that already run, wholly or not at all."""
    running = [name for name, service in file.services.items() if service.url]
    started = [name for name in file.services if name not in running]
    if not running:
        named = [name for name in ("allowed_hosts", "routes", "metrics") if name in file.model_fields_set]
        return [f"{name}: is for services that already run, and no service has a url" for name in named]
    problems = []
    if started:
        problems.append(
            f"services: {', '.join(running)} already run, and {', '.join(started)} would be started; use one"
        )
    if file.compose:
        problems.append("compose: services that already run are not started as containers; leave it out")
    kinds = [service.kind for service in file.services.values()]
    if kinds.count("mongod") > 1:
        problems.append("services: of kind mongod there can be one")
    known = tuple(dict.fromkeys(route for each in load_scenarios().values() for route in each.routes))
    return [
        *problems,
        *external.host_problems(file.allowed_hosts),
        *external.route_problems(file.routes, known),
        *external.metric_problems(file.metrics),
        *external.database_problems(file.database, kinds),
        *external.override_problems(overrides),
    ]


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
