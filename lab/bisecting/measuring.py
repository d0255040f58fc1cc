"""Measures a commit: its services are brought up from a worktree of it, driven once, and taken down."""

from dataclasses import dataclass, replace
from pathlib import Path

from lab import sides
from lab.bisecting.reading import read_run
from lab.config.settings import Settings
from lab.errors import CommitError, ConfigError, EngineError, PortBusyError
from lab.model import Commit, Plan, Scenario, Threshold, TrialRun
from lab.preparing import Say, Wanted
from lab.sides import Showing, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class SideMeasure:
    """Measures commits of the checkout that `repository` is in, and keeps the runs in a folder of their own.

    The load, the plan and the analysis are the running checkout's. `target` is what is read of each run, None where
    runs are compared. `common` is what is wanted of every commit's environment.
    """

    repository: Path
    asked: tuple[Plan, Scenario]
    target: Threshold | None
    settings: Settings
    runs: Path
    common: Wanted
    say: Say
    showing: Showing

    def __call__(self, commit: Commit, *, seed: int, is_base: bool) -> TrialRun:
        """Give what one run told.

        Raises CommitError where the services do not start, or one of them dies, PortBusyError where it is not the
        commit's fault that they do not.
        """
        asked = replace(self.asked[0], seed=seed), self.asked[1]
        settings = replace(self.settings, artifacts=self.runs)
        pinned = sides.pin(Variant(name="base" if is_base else "candidate", ref=commit.sha), running=self.repository)
        try:
            with sides.ready(pinned, self.common, settings.home, say=self.say, running=self.repository) as side:
                _, report = sides.measure(side, asked, settings, say=_silent, showing=self.showing)
        except PortBusyError:
            raise
        except (ConfigError, EngineError) as error:
            raise CommitError(_in_short(error)) from error
        return read_run(report, self.target, is_base=is_base)


def _silent(_: str) -> None:
    """Say nothing of services that come and go with every run; why some do not start is told with a commit's mark."""


def _in_short(error: ConfigError | EngineError) -> str:
    """Give what went wrong, and the last line of a log that follows it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} … {lines[-1]}"
