"""Whether services can run in containers here: engine, compose, images, disk; what is in the way, and what to do."""

import re
import shutil
from pathlib import Path

from lab import containers
from lab.assets import ASSETS
from lab.containers import EngineFacts
from lab.errors import LabError
from lab.model import Part

NAME = "containers"
_LOST = "services in containers (`lab up --engine compose`); local processes do without"
_GET = "Docker Engine 20.10 or newer with Compose 2.26 or newer: https://docs.docker.com/engine/install/"
_ROOM_BYTES = 6 * 2**30
"""What images, build cache and a database of some hours need."""


def examine(path: str, *, timeout_s: float, compose_file: Path = ASSETS / "compose.yaml") -> Part:
    """Look at everything that `lab up --engine compose` needs, on the engine that the docker command of `path` uses."""
    program = shutil.which("docker", path=path)
    if program is None:
        return Part(name=NAME, why="there is no docker command on PATH", lost=_LOST, get=_GET)
    try:
        with containers.connected(timeout_s=timeout_s) as client:
            facts = containers.facts(client)
            missing = [name for name in pulled_images(compose_file) if not containers.has_image(client, name)]
    except LabError as error:
        return Part(name=NAME, found=program, why=str(error).splitlines()[0], lost=_LOST, get=_GET)
    if not compose_file.is_file():
        why = "the images of the services are made from a checkout of the lab, and this is none"
        return Part(name=NAME, found=program, why=why, lost=_LOST, get="clone the lab, and run it from there")
    return Part(
        name=NAME,
        found=str(compose_file),
        version=facts.version,
        used=True,
        why="; ".join(["`lab up` takes them", *_told(facts), _images(missing)]),
    )


def pulled_images(compose_file: Path) -> tuple[str, ...]:
    """Give the images that a compose file has from a registry, by their tags; () where there is no file."""
    try:
        text = compose_file.read_text(encoding="utf-8")
    except OSError:
        return ()
    return tuple(name for name in re.findall(r"^ +image: (\S+)$", text, flags=re.MULTILINE) if "$" not in name)


def _told(facts: EngineFacts) -> list[str]:
    told = [f"compose {facts.compose}, cgroup {facts.cgroup}, storage {facts.storage}"]
    told += ["rootless: limits of CPU need cgroup v2 with delegation"] if facts.is_rootless else []
    told += ["a machine of its own: k6 runs on this one (--k6 host)"] if facts.is_desktop else []
    return told + _room(facts.root)


def _room(root: str) -> list[str]:
    try:
        free = shutil.disk_usage(root).free
    except OSError:  # on the engine's own machine
        return []
    text = f"{free / 2**30:.0f} GiB free for images and data"
    return [text if free > _ROOM_BYTES else f"only {text}: `docker system df` shows what fills it"]


def _images(missing: list[str]) -> str:
    return f"still to be pulled: {', '.join(missing)}" if missing else "images that are pulled are all here"
