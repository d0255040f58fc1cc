"""From a target to what is started: each service with its port, its URLs and its command line filled in. Pure."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.engines import observers, placeholders
from lab.engines.mongod import MongoChoice, mongod_argv
from lab.engines.observers import Observer
from lab.engines.ports import HOST
from lab.model import Service, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One service, ready to be started; `argv` is empty for a MongoDB that already runs.

    `needs` are the services that are to be ready before. `health_url` is "" for MongoDB. `data` is a folder that it
    must find, `files` are texts likewise. `version` is what the program says of itself, where that was asked. `cwd` is
    where it is started, None for the working folder.
    """

    service: Service
    port: int
    url: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    needs: frozenset[str]
    health_url: str
    metrics_url: str
    log: Path
    data: Path | None = None
    files: tuple[tuple[Path, str], ...] = ()
    version: str = ""
    cwd: Path | None = None


def launch_problems(target: Target) -> list[str]:
    """What in a target this engine cannot start, one sentence each."""
    problems = [
        f"{service.name}: the process engine starts every service, and this one has no argv"
        for service in target.services
        if service.kind != "mongod" and not service.argv
    ]
    if target.entry not in [service.name for service in target.services]:
        problems.append(f"entry: no service is named {target.entry!r}")
    problems += [f"{name}: an image is for a container; use --engine compose" for name, _ in target.images]
    return problems + placeholders.placeholder_problems(target.services)


def plan_launches(
    target: Target, *, ports: Mapping[str, int], mongo: MongoChoice | None, secret: str, home: Path
) -> tuple[Launch, ...]:
    """Every service of a target that `launch_problems` finds nothing in; `mongo` is what runs its mongod services."""
    urls = {service.name: _url(service, ports[service.name], mongo) for service in target.services}
    origin = target.origin
    values = {
        "python": str(origin.python) if origin else sys.executable,
        "host": HOST,
        "secret": secret,
        **_values(target.services, urls, ports),
    }
    return tuple(
        _launch(
            service,
            url=urls[service.name],
            values={**values, "port": str(ports[service.name])},
            program=mongo.program if mongo else None,
            home=home,
            code=origin.folder if origin else None,
        )
        for service in target.services
    )


def _values(services: Sequence[Service], urls: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    values = {f"{service.name}.url": urls[service.name] for service in services}
    return values | {f"{service.name}.port": str(ports[service.name]) for service in services}


def _url(service: Service, port: int, mongo: MongoChoice | None) -> str:
    if service.kind == "mongod":
        return (mongo.url if mongo else "") or f"mongodb://{HOST}:{port}"
    return f"http://{HOST}:{port}"


def _launch(
    service: Service, *, url: str, values: Mapping[str, str], program: Path | None, home: Path, code: Path | None
) -> Launch:
    is_mongod = service.kind == "mongod"
    port, data = int(values["port"]), None
    argv = tuple(placeholders.fill(part, values) for part in service.argv)
    if is_mongod and program:
        data = home / "data" / service.name
        argv = mongod_argv(program, port=port, data=data, extra=argv)
    elif is_mongod:
        argv = ()
    modules = {"PYTHONPATH": str(code)} if code and not is_mongod else {}
    return Launch(
        service=service,
        port=port,
        url=url,
        argv=argv,
        env=tuple((modules | {name: placeholders.fill(value, values) for name, value in service.env}).items()),
        needs=placeholders.needs(service),
        health_url="" if is_mongod else f"{url}{service.health_path}",
        metrics_url=f"{url}{service.metrics_path}" if service.metrics_path else "",
        log=home / "logs" / f"{service.name}.log",
        data=data,
        cwd=None if is_mongod else code,
    )


def plan_observers(
    found: Sequence[Observer], launches: Sequence[Launch], *, ports: Mapping[str, int], home: Path
) -> tuple[Launch, ...]:
    """Every observer of the system that `launches` start; they are started when everything else is ready."""
    metrics = {launch.service.name: launch.metrics_url for launch in launches if launch.metrics_url}
    before = frozenset(launch.service.name for launch in launches)
    planned: list[Launch] = []
    for observer in found:
        name, port = observer.service.name, ports[observer.service.name]
        folder = home / "data" / name
        if name == observers.PROMETHEUS:
            prepared = observers.prometheus(observer, port=port, folder=folder, metrics=metrics)
        else:
            url = f"http://{HOST}:{ports[observers.PROMETHEUS]}"
            prepared = observers.grafana(observer, port=port, folder=folder, prometheus_url=url)
        planned.append(
            Launch(
                service=observer.service,
                port=port,
                url=f"http://{HOST}:{port}",
                argv=prepared.argv,
                env=prepared.env,
                needs=before,
                health_url=f"http://{HOST}:{port}{observer.service.health_path}",
                metrics_url="",
                log=home / "logs" / f"{name}.log",
                data=folder,
                files=prepared.files,
                version=observer.version,
            )
        )
    return tuple(planned)
