"""Where the lab keeps what it makes; `--ports` and durations."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.assets import CHECKOUT, IS_CHECKOUT
from lab.errors import ConfigError
from lab.threshold_metrics import UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the lab keeps its things: `home` (environment, data, logs) and `artifacts` (run directories).

    `engine` is what brings environments up where no option says so: `auto`, or the name of one.
    """

    home: Path
    artifacts: Path
    engine: str = "auto"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """LAB_HOME, LAB_ARTIFACTS and LAB_ENGINE.

    Without the first two, `.lab` and `docs/perf/day14/artifacts` of the checkout (else of the working folder).
    """
    root = CHECKOUT if IS_CHECKOUT else Path.cwd()
    return Settings(
        home=Path(environ.get("LAB_HOME") or root / ".lab").absolute(),
        artifacts=Path(environ.get("LAB_ARTIFACTS") or root / "docs/perf/day14/artifacts").absolute(),
        engine=environ.get("LAB_ENGINE") or "auto",
    )


def parse_ports(texts: Iterable[str]) -> tuple[dict[str, int], bool]:
    """Read `--ports`: `auto`, or `service=port` (several with commas). Gives the ports, and whether `auto` was said."""
    ports: dict[str, int] = {}
    problems = []
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    for part in parts:
        name, _, number = part.partition("=")
        if part == "auto":
            continue
        if number.isdigit() and 1 <= int(number) <= 65535:
            ports[name] = int(number)
        else:
            problems.append(f"--ports {part!r}: write `auto`, or `service=port` with a port from 1 to 65535")
    if problems:
        raise ConfigError(problems)
    return ports, "auto" in parts


def parse_duration(text: str, *, option: str) -> float:
    """Read a duration such as 2s, 300ms or 1.5min, in seconds. Raises ConfigError that names the option."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*", text)
    if found is None:
        raise ConfigError(f"{option} {text!r}: write a duration with its unit, such as 2s or 300ms")
    return float(found[1]) * UNITS["s"][found[2]]
