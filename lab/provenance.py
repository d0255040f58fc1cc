"""What a run was made of and on: code, versions, host. Two runs that differ in it are not the same experiment."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
import psutil

from lab import __version__
from lab.model import Environment, Limits

_PACKAGES = ("fastapi", "uvicorn", "pymongo", "scikit-learn", "shap", "numpy", "pyarrow", "psutil")


def collect(
    *, environment: Environment, k6_version: str, plan: Mapping[str, Any], checkout: Path, scripts: Path
) -> dict[str, Any]:
    """Give the provenance of a run that starts now, as plain values for `run.json`.

    `code` (commit, dirty), `config_hash` (sha256 of the plan), `scripts` (sha256 of k6's scripts in that folder, which
    make users and datasets of a seed), `versions` (lab, python, k6, each service, packages), `host`
    (cpu model, cores, memory_bytes, kernel, system), `engine` (name, facts, limits, the images of containers).
    """
    return {
        "code": _code(checkout),
        "config_hash": hashlib.sha256(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        "scripts": _digest(scripts),
        "versions": {
            "lab": __version__,
            "python": platform.python_version(),
            "k6": k6_version,
            **{service.name: service.version for service in environment.services},
            **{name: found for name in _PACKAGES if (found := _package(name))},
        },
        "host": host(),
        "engine": _engine(environment),
    }


def _digest(folder: Path) -> str:
    """Give the same for folders whose scripts and tables have the same names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".js", ".json"}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _engine(environment: Environment) -> dict[str, Any]:
    """What ran the services: which engine, in its own words, and each container's image, by tag and by content."""
    return {
        "name": environment.engine,
        "facts": dict(environment.project.facts) if environment.project else {},
        "limits": {of.service: _told(of) for of in environment.limits if of != Limits(service=of.service)},
        "images": {
            name: {"image": of.image, "id": of.image_id, "digest": of.digest}
            for name, of in environment.containers().items()
        },
    }


def _told(limits: Limits) -> str:
    told = (
        "" if limits.cpus is None else f"{limits.cpus:g} CPU",
        "" if limits.memory_bytes is None else f"{limits.memory_bytes / 2**20:.0f} MiB",
        f"cores {limits.cpuset}" if limits.cpuset else "",
    )
    return ", ".join(part for part in told if part)


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in which engine, scripts, versions and machine two provenances differ; what they share is no sentence."""
    found = []
    engines = [dict(of.get("engine") or {}).get("name", "process") for of in (earlier, now)]
    if engines[0] != engines[1]:
        found.append(f"the engine was {engines[0]}, and is {engines[1]}")
    scripts = [str(of.get("scripts") or "") for of in (earlier, now)]
    if scripts[0] != scripts[1] and all(scripts):
        found.append(
            f"the k6 scripts, which make users and datasets, were {scripts[0][:12]}, and are {scripts[1][:12]}"
        )
    for part in ("versions", "host"):
        before, after = dict(earlier.get(part) or {}), dict(now.get(part) or {})
        found += [
            f"{name} was {before.get(name, 'not there')}, and is {after.get(name, 'not there')}"
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
    return found


def host() -> dict[str, Any]:
    """Give this machine's fingerprint: no host name, no user, nothing secret."""
    return {
        "cpu_model": _cpu_model(),
        "cores": psutil.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": _system(),
        "machine": platform.machine(),
    }


def _code(checkout: Path) -> dict[str, Any]:
    commit = _git(checkout, "rev-parse", "HEAD")
    if not commit:
        return {"commit": "unknown", "dirty": None}
    return {"commit": commit, "dirty": bool(_git(checkout, "status", "--porcelain", "--untracked-files=no"))}


def _git(checkout: Path, *arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout: a wheel has no commit
        return ""
    return result.stdout.strip()


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
