"""The command line as a user runs it, on a home and a folder of runs of its own."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PLAN = """
name = "tiny"
seed = 14
rate_per_s = 8
thresholds = [
  { expect = "p50(http_req_duration) < 30s", phases = ["steady"] },
  { expect = "rate(http_req_failed) <= 0%" },
  { expect = "rate(analysis_failed) <= 0%" },
]

# a slow, busy machine must not decide these tests: what is at stake is that the parts work together
[guards]
rate_tolerance = 0.5
dropped_iterations = 0.5
machine_cpu = 1
generator_cpu = 1
telemetry_gap_s = 60
start_delay_s = 30

[journeys]
deadline_s = 60

[[phases]]
name = "warmup"
kind = "warmup"
rate_per_s = 4
duration_s = 2

[[phases]]
name = "steady"
kind = "sustain"
duration_s = 12
"""


@dataclass(frozen=True)
class Lab:
    """The lab with a home and a folder of runs of its own."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        own = {
            "LAB_HOME": str(self.folder / "home"),
            "LAB_ARTIFACTS": str(self.folder / "runs"),
            "COLUMNS": "200",
            "LAB_ENGINE": "process",
        }
        return {**os.environ, **own, **self.extra}

    @property
    def plan(self) -> str:
        path = self.folder / "tiny.toml"
        path.write_text(PLAN, encoding="utf-8")
        return str(path)

    def __call__(self, *arguments: str, timeout_s: float = 100) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            capture_output=True,
            text=True,
            env=self.environ,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environ,
        )

    def processes(self) -> list[str]:
        """What runs with this home's name in its environment or its command line, but for this test."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get("LAB_HOME") == self.environ["LAB_HOME"]:
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
            except (psutil.Error, OSError):
                continue
        return found


def wait_for(process: "subprocess.Popen[str]", text: str) -> str:
    """Read a command's output until a line holds `text`; fails with what there was when it ends before."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return "".join(seen)
    raise AssertionError(f"{text!r} never came; it said:\n{''.join(seen)}")


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """Send a signal and give the exit code and the rest of the output."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=90)
    return process.returncode, output
