"""A run that was driven elsewhere, or long ago, put into the local Prometheus, whose dashboards then show it."""

import gzip
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import containers, processes
from lab.collectors.prometheus import PrometheusServer
from lab.errors import ConfigError, LabError
from lab.model import Environment
from lab.processes import Answer
from lab.rundir import RunDir

Promtool = Callable[[Sequence[str]], Answer]

_DATA = "/prometheus"
"""Where a Prometheus in a container has its database."""

_PROMTOOL_S = 1800.0
_SEEN_S = 150.0
"""Prometheus looks for new blocks once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Where a replayed run can be looked at: its `url`, and whether it had been there before."""

    url: str
    was_there: bool


def replay(
    run: RunDir,
    environment: Environment | None,
    *,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Replayed:
    """Load a run's series into the Prometheus of the environment, and wait until it answers with them.

    Raises ConfigError where there is no Prometheus, no promtool, or the run has no openmetrics.txt.gz; LabError where
    promtool refuses the text, or Prometheus does not take the blocks.
    """
    server = _server(environment)
    promtool = _promtool(environment, server)
    if not run.openmetrics.exists():
        raise ConfigError(f"run {run.run_id} has no {run.openmetrics.name}; `lab report {run.run_id}` writes it")
    begin, end = _span(run)
    url = _where(environment, server, run.run_id, begin, end)
    if _is_there(server, run.run_id, begin, end):
        return Replayed(url=url, was_there=True)
    blocks = _load(run, server, promtool)
    say(f"{blocks} block{'s' if blocks != 1 else ''} written; Prometheus looks for new ones once a minute")
    if not processes.wait_until(
        lambda: _is_there(server, run.run_id, begin, end), timeout_s=_SEEN_S, interval_s=1.0, clock=clock, sleep=sleep
    ):
        raise LabError(f"Prometheus does not show the run after {_SEEN_S:g} s; see `lab logs --service prometheus`")
    return Replayed(url=url, was_there=False)


def _server(environment: Environment | None) -> PrometheusServer:
    url = environment.url_of("prometheus") if environment else ""
    if environment is None or not url or environment.prometheus_folder is None:
        raise ConfigError(
            "no Prometheus of the lab runs; `lab up` starts one where it is on PATH (`lab doctor` says how to get it)"
        )
    return PrometheusServer(url, environment.prometheus_folder)


def _promtool(environment: Environment | None, server: PrometheusServer) -> Promtool:
    """Give what runs promtool: that of the server's own image where it is in a container, else the one on PATH."""
    container = environment.containers().get("prometheus") if environment else None
    if container is not None:
        return lambda argv: containers.execute(container.id, ["promtool", *(_inside(a, server.tsdb) for a in argv)])
    program = shutil.which("promtool")
    if program is None:
        raise ConfigError("promtool is not on PATH; it comes with Prometheus (`lab doctor` says how to get that)")
    return lambda argv: processes.ask([program, *argv], timeout_s=_PROMTOOL_S)


def _inside(argument: str, tsdb: Path) -> str:
    path = Path(argument)
    return f"{_DATA}/{path.relative_to(tsdb)}" if path.is_relative_to(tsdb) else argument


def _span(run: RunDir) -> tuple[float, float]:
    windows = run.windows()
    if not windows:
        raise ConfigError(f"run {run.run_id} has no window in which load was offered: there is nothing to show")
    return min(window.started_at for window in windows), max(window.ended_at for window in windows)


def _is_there(server: PrometheusServer, run_id: str, begin: float, end: float) -> bool:
    seconds = max(1, round(end - begin) + 60)
    return bool(server.query(f'count_over_time(lab_run{{run="{run_id}"}}[{seconds}s])', at=end + 30))


def _load(run: RunDir, server: PrometheusServer, promtool: Promtool) -> int:
    """Have promtool write blocks, and put them beside those that Prometheus has; gives how many they are."""
    try:
        with tempfile.TemporaryDirectory(dir=server.tsdb, prefix="replay-") as folder:
            text, made = Path(folder) / "openmetrics.txt", Path(folder) / "blocks"
            with gzip.open(run.openmetrics) as packed, text.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1024 * 1024)
            answer = promtool(["tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(made)])
            blocks = [path for path in made.iterdir() if (path / "meta.json").is_file()] if made.is_dir() else []
            if answer.exit_code != 0 or not blocks:
                raise LabError(f"promtool cannot read {run.openmetrics}: {answer.output[-500:] or 'it said nothing'}")
            for block in blocks:
                block.rename(server.tsdb / block.name)
            return len(blocks)
    except (OSError, EOFError) as error:
        raise LabError(f"{run.openmetrics} cannot be loaded: {error}") from error


def _where(environment: Environment | None, server: PrometheusServer, run_id: str, begin: float, end: float) -> str:
    grafana = environment.url_of("grafana") if environment else ""
    if grafana:
        asked = {"from": f"{begin * 1000:.0f}", "to": f"{end * 1000:.0f}", "var-run": run_id}
        return f"{grafana}/d/lab-run-overview?{urllib.parse.urlencode(asked)}"
    ended = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(end))
    asked = {
        "g0.expr": f'sum by (route) (rate(http_requests_total{{run="{run_id}"}}[10s]))',
        "g0.tab": "0",
        "g0.range_input": f"{max(60, round(end - begin))}s",
        "g0.end_input": ended,
    }
    return f"{server.url}/graph?{urllib.parse.urlencode(asked)}"
