"""Prometheus and Grafana beside a system: started where their programs are on PATH, left out where they are not.

What they read is shipped in `prometheus/` and `grafana/`; what is said of one environment (ports, a password) is
written into the lab's home, under `data/`, which `down` removes.
"""

import json
import re
import secrets
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab import processes
from lab.assets import ASSETS
from lab.engines.ports import HOST
from lab.errors import LabError
from lab.model import Service

PROMETHEUS, GRAFANA = "prometheus", "grafana"
SERVICES = (
    Service(name=PROMETHEUS, kind=PROMETHEUS, port=9190, health_path="/-/ready"),
    Service(name=GRAFANA, kind=GRAFANA, port=3190, health_path="/api/health", ready_timeout_s=60.0),
)
_PROGRAMS = {PROMETHEUS: ("prometheus",), GRAFANA: ("grafana", "grafana-server")}
_OLDEST_PROMETHEUS = (2, 40)
"""The first version that keeps native histograms, which k6's latencies are sent as."""

_VERSION_TIMEOUT_S = 10.0

# everybody may look, and it asks nobody for anything
_GRAFANA = {
    "GF_AUTH_ANONYMOUS_ENABLED": "true",
    "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
    "GF_USERS_ALLOW_SIGN_UP": "false",
    "GF_DASHBOARDS_MIN_REFRESH_INTERVAL": "1s",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_LOG_MODE": "console",
    "GF_LOG_CONSOLE_FORMAT": "json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """An observer that can be started: its service, program and version, and (Grafana's) folder of shared files."""

    service: Service
    program: Path
    version: str
    home: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How an observer is started, and which files it must find then."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[Path, str], ...] = ()


def find(environ: Mapping[str, str], *, without: Collection[str] = ()) -> tuple[tuple[Observer, ...], tuple[str, ...]]:
    """Give the observers that can be started, and those that were wanted and cannot, each with the reason."""
    found, missing = [], []
    for service in SERVICES:
        if service.name in without:
            continue
        observer, why = _examined(service, environ.get("PATH", ""))
        found += [observer] if observer else []
        missing += [f"{service.name} ({why})"] if why else []
    if any(o.service.name == GRAFANA for o in found) and not any(o.service.name == PROMETHEUS for o in found):
        found = [observer for observer in found if observer.service.name != GRAFANA]
        missing.append("grafana (there is no Prometheus for it to show)")
    return tuple(found), tuple(missing)


def _examined(service: Service, path: str) -> tuple[Observer | None, str]:
    on_path = [found for name in _PROGRAMS[service.name] if (found := shutil.which(name, path=path))]
    if not on_path:
        return None, "not on PATH"
    program = Path(on_path[0])
    try:
        version = _version(program)
    except LabError as error:
        return None, str(error)
    if service.name == PROMETHEUS and tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_PROMETHEUS:
        return None, f"{program} is {version}, and 2.40 is the oldest that can be used"
    home = _shared_files(program) if service.name == GRAFANA else None
    if service.name == GRAFANA and home is None:
        return None, f"its conf/defaults.ini is neither beside {program} nor in /usr/share/grafana"
    return Observer(service=service, program=program, version=version, home=home), ""


def _version(program: Path) -> str:
    flag = "-v" if "grafana" in program.name else "--version"
    answer = processes.ask([str(program), flag], timeout_s=_VERSION_TIMEOUT_S)
    version = re.search(r"\d+\.\d+\.\d+", answer.output)
    if answer.exit_code != 0 or version is None:
        raise LabError(f"{program} does not say its version: {answer.output[:200]!r}")
    return version[0]


def _shared_files(program: Path) -> Path | None:
    candidates = (program.resolve().parent.parent, Path("/usr/share/grafana"))
    return next((folder for folder in candidates if (folder / "conf" / "defaults.ini").is_file()), None)


def prometheus(observer: Observer, *, port: int, folder: Path, metrics: Mapping[str, str]) -> Preparation:
    """Prepare a Prometheus on 127.0.0.1 that scrapes `metrics` (service to URL) and keeps everything in `folder`."""
    shipped = ASSETS / "prometheus"
    files = [
        (folder / "prometheus.yml", (shipped / "prometheus.yml").read_text(encoding="utf-8")),
        *(
            (folder / "rules" / path.name, path.read_text(encoding="utf-8"))
            for path in sorted((shipped / "rules").glob("*.yml"))
        ),
        (folder / "targets" / "services.json", scrape_targets(metrics)),
        (folder / "targets" / "lab.json", "[]\n"),
    ]
    argv = (
        str(observer.program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=100y",  # a run that is replayed may be old
        f"--web.listen-address={HOST}:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-admin-api",  # for snapshots; on loopback alone
        "--enable-feature=native-histograms",
        "--log.format=json",
    )
    return Preparation(argv=argv, files=tuple(files))


def scrape_targets(metrics: Mapping[str, str]) -> str:
    """Give Prometheus' file of targets for some services, by the URL of their Prometheus text."""
    parts = {name: urlsplit(url) for name, url in metrics.items()}
    targets = [
        {"targets": [part.netloc], "labels": {"service": name, "__metrics_path__": part.path or "/"}}
        for name, part in parts.items()
    ]
    return json.dumps(targets, indent=2) + "\n"


def grafana(observer: Observer, *, port: int, folder: Path, prometheus_url: str) -> Preparation:
    """Prepare a Grafana on 127.0.0.1: everybody may look, and whoever can read `admin-password` may change."""
    shipped = ASSETS / "grafana"
    password = secrets.token_urlsafe(24)
    provisioning = folder / "provisioning"
    env = {
        **_GRAFANA,
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "log"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_PATHS_PROVISIONING": str(provisioning),
        "GF_SECURITY_ADMIN_PASSWORD": password,
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(shipped / "dashboards" / "run-overview.json"),
        # what the files of grafana/provisioning ask for
        "LAB_PROMETHEUS_URL": prometheus_url,
        "LAB_DASHBOARDS": str(shipped / "dashboards"),
    }
    files = tuple(
        (provisioning / path.relative_to(shipped / "provisioning"), path.read_text(encoding="utf-8"))
        for path in sorted((shipped / "provisioning").rglob("*.yaml"))
    )
    argv = (str(observer.program), *(("server",) if observer.program.name == "grafana" else ()))
    return Preparation(
        argv=(*argv, "--homepath", str(observer.home)),
        env=tuple(env.items()),
        files=(*files, (folder / "admin-password", f"{password}\n")),
    )
