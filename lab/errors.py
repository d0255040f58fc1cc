"""Every error the lab raises on purpose, and the exit codes that `lab` ends with.

`LabError` carries a message that says what happened and what to do. Each subclass names its exit code;
`lab.cli` is the only place that turns one into an exit.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of a `lab` command means."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    LAB_FAILED = 3
    INVALID = 4
    INTERRUPTED = 130


class LabError(Exception):
    """Something went wrong inside the lab, or in what it started."""

    exit_code = ExitCode.LAB_FAILED


class ConfigError(LabError):
    """A plan, target, setting or option cannot be used; holds every problem found, not only the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: str | list[str] | tuple[str, ...]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class EngineError(LabError):
    """The environment cannot be brought up, found or taken down."""


class CommitError(LabError):
    """A commit cannot be measured: its services do not start, or die; a bisect skips it and goes on."""


class PortBusyError(EngineError):
    """A port that a service needs is taken by another process."""

    exit_code = ExitCode.USAGE


class LoadError(LabError):
    """The load generator is missing, cannot start, or wrote something that cannot be read."""


class ProfileError(LabError):
    """A profile cannot be taken; a run goes on without it."""


class NothingComparedError(LabError):
    """An A/B ended before there was a single pair of runs to compare."""

    exit_code = ExitCode.INVALID


class RunLockedError(LabError):
    """Another run is driving load from this checkout."""

    exit_code = ExitCode.USAGE


class RunDirError(LabError):
    """A run directory is missing, unwritable, full or incomplete."""

    exit_code = ExitCode.USAGE


class ServiceDiedError(LabError):
    """A service of the environment ended while a phase was running."""

    exit_code = ExitCode.INVALID
