"""Prometheus and Grafana beside the system: real where they are installed, stand-ins where their absence matters."""

import json
import os
import shutil
import signal
import stat
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import processes
from lab.config.settings import Settings
from lab.engines import ProcessEngine, observers
from lab.errors import ConfigError
from lab.model import Service, Target
from lab.preparing import Wanted, bring_up

MakeService = Callable[..., Service]
MakeTarget = Callable[..., Target]

GRAFANA = """#!{python}
import http.server, json, os, sys
if "-v" in sys.argv:
    print("grafana version 11.6.0")
    raise SystemExit
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {{"database": "ok", "version": "11.6.0", "argv": sys.argv[1:], "env": dict(os.environ)}}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *parts): pass
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""

METRICS = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'answers_total{kind="x"} 7\\n')
    def log_message(self, *parts): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def a_program(programs: Path) -> Callable[[str, str], None]:
    def make(name: str, script: str) -> None:
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)

    return make


@pytest.fixture
def with_prometheus(programs: Path) -> None:
    for name in ("prometheus", "promtool"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # on 127.0.0.1
        return json.load(answer)


def test_nothing_is_found_on_an_empty_path() -> None:
    found, missing = observers.find({"PATH": ""})
    assert found == ()
    assert missing == ("prometheus (not on PATH)", "grafana (not on PATH)")


def test_what_is_not_wanted_is_not_missed() -> None:
    assert observers.find({"PATH": ""}, without=["prometheus", "grafana"]) == ((), ())


def test_a_prometheus_that_is_too_old_is_left_out_with_the_reason(
    a_program: Callable[[str, str], None], programs: Path
) -> None:
    a_program("prometheus", "#!/bin/sh\necho 'prometheus, version 2.39.1'\n")
    found, missing = observers.find({"PATH": str(programs)}, without=["grafana"])
    assert found == ()
    assert missing == (f"prometheus ({programs}/prometheus is 2.39.1, and 2.40 is the oldest that can be used)",)


def test_a_program_that_does_not_say_its_version_is_left_out(
    a_program: Callable[[str, str], None], programs: Path
) -> None:
    a_program("prometheus", "#!/bin/sh\necho 'no library'; exit 127\n")
    _, missing = observers.find({"PATH": str(programs)}, without=["grafana"])
    assert missing == (f"prometheus ({programs}/prometheus does not say its version: 'no library')",)


def test_a_grafana_without_a_prometheus_is_left_out(a_program: Callable[[str, str], None], programs: Path) -> None:
    a_program("grafana", "#!/bin/sh\necho 'grafana version 11.6.0'\n")
    (programs.parent / "conf").mkdir()
    (programs.parent / "conf" / "defaults.ini").touch()
    _, missing = observers.find({"PATH": str(programs)}, without=["prometheus"])
    assert missing == ("grafana (there is no Prometheus for it to show)",)


def test_a_grafana_without_its_shared_files_is_left_out(a_program: Callable[[str, str], None], programs: Path) -> None:
    a_program("grafana", "#!/bin/sh\necho 'grafana version 11.6.0'\n")
    _, missing = observers.find({"PATH": str(programs)}, without=["prometheus"])
    if not Path("/usr/share/grafana/conf/defaults.ini").is_file():
        assert missing == (
            f"grafana (its conf/defaults.ini is neither beside {programs}/grafana nor in /usr/share/grafana)",
        )


@pytest.mark.needs("prometheus")
@pytest.mark.usefixtures("with_prometheus")
@pytest.mark.e2e
def test_prometheus_scrapes_the_services_under_the_labs_own_labels(
    home: Path, programs: Path, a_service: MakeService, a_target: MakeTarget
) -> None:
    engine = ProcessEngine(home, environ={"PATH": str(programs)}, grace_s=5)
    try:
        environment = engine.up(a_target(a_service(code=METRICS, metrics_path="/metrics")), auto_ports=True)
        url = environment.url_of("prometheus")
        query = f"{url}/api/v1/query?query=answers_total"

        def series() -> list[dict[str, object]]:
            answer = get(query)
            assert isinstance(answer, dict)
            found: list[dict[str, object]] = answer["data"]["result"]
            return found

        assert processes.wait_until(lambda: bool(series()), timeout_s=30)
        assert series()[0]["metric"] == {"__name__": "answers_total", "kind": "x", "service": "web"}
        assert [service.name for service in environment.system] == ["web"]
        assert all(health.ok for health in engine.health(environment))
    finally:
        engine.down()
    assert not (home / "data").exists()


@pytest.mark.needs("prometheus")
@pytest.mark.usefixtures("with_prometheus")
@pytest.mark.e2e
def test_an_environment_whose_prometheus_was_killed_is_still_the_systems(
    home: Path, programs: Path, a_target: MakeTarget
) -> None:
    engine = ProcessEngine(home, environ={"PATH": str(programs)}, grace_s=5)
    target = a_target()
    try:
        environment = engine.up(target, auto_ports=True)
        server = next(service for service in environment.services if service.name == "prometheus")
        assert server.process
        os.kill(server.process.pid, signal.SIGKILL)
        assert processes.wait_until(lambda: not processes.is_running(server.process), timeout_s=10)  # type: ignore[arg-type]  # narrowed above
        assert engine.up(target) == environment
        assert [health.name for health in engine.health(environment) if not health.ok] == ["prometheus"]
    finally:
        engine.down()


def test_a_port_cannot_be_asked_for_an_observer_that_is_not_wanted(
    home: Path, programs: Path, a_target: MakeTarget
) -> None:
    engine = ProcessEngine(home, environ={"PATH": str(programs)}, grace_s=5)
    with pytest.raises(ConfigError, match="no service is named 'prometheus'"):
        engine.up(a_target(), ports={"prometheus": 9}, without=["prometheus"])


@pytest.mark.needs("prometheus")
@pytest.mark.usefixtures("with_prometheus")
@pytest.mark.e2e
def test_grafana_is_provisioned_and_lets_everybody_look(
    home: Path, programs: Path, a_program: Callable[[str, str], None], a_target: MakeTarget
) -> None:
    a_program("grafana", GRAFANA.format(python=sys.executable))
    (programs.parent / "conf").mkdir()
    (programs.parent / "conf" / "defaults.ini").touch()
    engine = ProcessEngine(home, environ={"PATH": str(programs)}, grace_s=5)
    try:
        environment = engine.up(a_target(), auto_ports=True)
        told = get(environment.url_of("grafana"))
        assert isinstance(told, dict)
        env = told["env"]
        assert told["argv"] == ["server", "--homepath", str(programs.parent)]
        assert env["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
        assert (env["GF_AUTH_ANONYMOUS_ENABLED"], env["GF_AUTH_ANONYMOUS_ORG_ROLE"]) == ("true", "Viewer")
        assert env["LAB_PROMETHEUS_URL"] == environment.url_of("prometheus")
        password = home / "data" / "grafana" / "admin-password"
        assert password.read_text().strip() == env["GF_SECURITY_ADMIN_PASSWORD"]
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        provisioned = home / "data" / "grafana" / "provisioning"
        assert "$LAB_PROMETHEUS_URL" in (provisioned / "datasources" / "lab.yaml").read_text()
        assert "$LAB_DASHBOARDS" in (provisioned / "dashboards" / "lab.yaml").read_text()
        assert [s.version for s in environment.services if s.name == "grafana"] == ["11.6.0"]
    finally:
        engine.down()


def test_an_observer_that_there_is_not_is_refused_with_those_that_there_are(home: Path) -> None:
    settings = Settings(home=home, artifacts=home / "runs")
    with pytest.raises(ConfigError, match="--without grafna: there are prometheus and grafana"):
        bring_up(settings, Wanted(target="stubs", without=["grafna"]), say=lambda _: None)
