"""What `docker compose` is given for a target: the files, their variables, and what a target changes in them.

The compose file says how services run; the target says which environment they get, the user to what they are held. The
second part is written into an override file in the lab's home, which may hold passwords.
"""

import os
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from lab import __version__
from lab.assets import ASSETS
from lab.engines import placeholders
from lab.engines.ports import HOST
from lab.errors import ConfigError, EngineError
from lab.model import OBSERVERS, Limits, Service, Target

FOLDER, OVERRIDE, VARIABLES, SECRETS = "compose", "override.json", "variables.json", "secrets.json"
GENERATOR = "k6"
SCRIPTS_INSIDE = "/scripts"
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # inside a container; its port is published on 127.0.0.1 alone
_SECRETS = ("LAB_MONGO_PASSWORD", "LAB_TOKEN_SECRET", "LAB_GRAFANA_PASSWORD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A service as the compose file has it: its image, whether that is built here, the port that it listens on."""

    name: str
    image: str
    is_built: bool
    port: int


def described(config: Mapping[str, Any]) -> dict[str, Described]:
    """Read what `docker compose config --format json` says, by service."""
    return {
        name: Described(
            name=name,
            image=str(service.get("image", "")),
            is_built="build" in service,
            port=int(next((port["target"] for port in service.get("ports") or ()), 0)),
        )
        for name, service in config["services"].items()
    }


def replaced(services: Mapping[str, Described], images: Sequence[tuple[str, str]]) -> dict[str, Described]:
    """Give the services with the images that a target names in the place of the file's; these are not built."""
    chosen = dict(images)
    return {
        name: replace(service, image=chosen[name], is_built=False) if name in chosen else service
        for name, service in services.items()
    }


def target_problems(target: Target, services: Mapping[str, Described], limits: Sequence[Limits]) -> list[str]:
    """Say what of a target, or of limits, the compose file has no service for; one sentence each."""
    compose = target.compose.name if target.compose else "its compose file"
    problems = [
        f"{service.name}: {compose} has no such service (it has: {', '.join(services)})"
        for service in target.services
        if service.name not in services
    ]
    problems += [
        f"{of.service} cannot be held to a limit: {compose} has no such service (it has: {', '.join(services)})"
        for of in limits
        if of.service not in services
    ]
    problems += [
        f"{name} cannot have an image of its own: {compose} has no such service (it has: {', '.join(services)})"
        for name, _ in target.images
        if name not in services
    ]
    if target.entry not in [service.name for service in target.services]:
        problems.append(f"entry: no service is named {target.entry!r}")
    return problems + placeholders.placeholder_problems(target.services)


def kept_secrets(folder: Path) -> dict[str, str]:
    """Give the passwords of this home, made when first asked for: a database keeps those that it began with."""
    path = folder / SECRETS
    try:
        kept: dict[str, str] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        kept = {}
    if any(not kept.get(name) for name in _SECRETS):
        kept = {name: secrets.token_hex(24) for name in _SECRETS}
        write_private(path, kept)
    return kept


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only this user can read. Raises EngineError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        draft.replace(path)
    except OSError as error:
        raise EngineError(f"{path} cannot be written: {error.strerror}; set LAB_HOME to a folder that can") from error


def variables(
    passwords: Mapping[str, str], *, project: str, ports: Mapping[str, int], user: str, prometheus: Path
) -> dict[str, str]:
    """Give what the compose file asks for: passwords, published ports, who writes, and where Prometheus' things are."""
    return {
        **passwords,
        **{f"LAB_{name.upper().replace('-', '_')}_PORT": str(port) for name, port in ports.items()},
        "LAB_IMAGE_TAG": project,
        "LAB_USER": user,
        "LAB_VERSION": __version__,
        "LAB_PROMETHEUS_TARGETS": str(prometheus / "targets"),
        "LAB_PROMETHEUS_DATA": str(prometheus / "tsdb"),
    }


def user_of(*, is_rootless: bool) -> str:
    """Give whom containers write as so that files belong to this user; a rootless engine's root is this user."""
    return "0:0" if is_rootless else f"{os.getuid()}:{os.getgid()}"


def inside_url(service: Service, port: int, password: str = "") -> str:
    """Give the URL of a service on the containers' own network; with a password that of MongoDB logs in."""
    if service.kind != "mongod":
        return f"http://{service.name}:{port}"
    return _mongo_url(f"{service.name}:{port}", password)


def outside_url(service: Service, port: int, password: str = "") -> str:
    """Give the URL of a service at its published port."""
    return f"http://{HOST}:{port}" if service.kind != "mongod" else _mongo_url(f"{HOST}:{port}", password)


def _mongo_url(place: str, password: str) -> str:
    return (
        f"mongodb://lab:{password}@{place}/?authSource=admin&directConnection=true"
        if password
        else f"mongodb://{place}"
    )


def override(
    target: Target, services: Mapping[str, Described], limits: Sequence[Limits], passwords: Mapping[str, str]
) -> dict[str, Any]:
    """Give the override file: the environment and images that the target asks for, and what services are held to."""
    urls = {s.name: inside_url(s, services[s.name].port, passwords["LAB_MONGO_PASSWORD"]) for s in target.services}
    values = {"python": "python", "host": _EVERYWHERE, "secret": passwords["LAB_TOKEN_SECRET"]}
    values |= {f"{name}.url": url for name, url in urls.items()}
    values |= {f"{s.name}.port": str(services[s.name].port) for s in target.services}
    content: dict[str, dict[str, Any]] = {}
    for service in target.services:
        own = {**values, "port": str(services[service.name].port)}
        environment = {name: _literal(placeholders.fill(value, own)) for name, value in service.env}
        if environment:
            content[service.name] = {"environment": environment}
    for name, image in target.images:
        content.setdefault(name, {})["image"] = _literal(image)
    for of in limits:
        content.setdefault(of.service, {}).update(_limits(of))
    if target.origin and GENERATOR in services:  # the load is always the running checkout's
        scripts = {"type": "bind", "source": _literal(str(ASSETS / "k6")), "target": SCRIPTS_INSIDE, "read_only": True}
        content.setdefault(GENERATOR, {})["volumes"] = [scripts]
    return {"services": content} if content else {}


def _literal(text: str) -> str:
    return text.replace("$", "$$")  # compose would fill in variables


def _limits(of: Limits) -> dict[str, Any]:
    return {
        **({} if of.cpus is None else {"cpus": of.cpus}),
        **({} if of.memory_bytes is None else {"mem_limit": of.memory_bytes, "memswap_limit": of.memory_bytes}),
        **({"cpuset": of.cpuset} if of.cpuset else {}),
    }


def observers(services: Mapping[str, Described], without: Collection[str]) -> tuple[str, ...]:
    """Give the observers that are to be started; no Grafana without the Prometheus that it shows."""
    wanted = [name for name in OBSERVERS if name in services and name not in without]
    return tuple(wanted) if "prometheus" in wanted else ()


def require_compose_file(target: Target) -> Path:
    """Give the target's compose file. Raises ConfigError where it has none, or none is there."""
    if target.compose is None:
        raise ConfigError(
            f'target {target.name} names no compose file, so it cannot run in containers; add `compose = "FILE"` to '
            "its file, or use --engine process"
        )
    if not target.compose.is_file():
        raise ConfigError(
            f"{target.compose} is not there: containers are made from a checkout of the lab; run it from one, or use "
            "--engine process"
        )
    return target.compose
