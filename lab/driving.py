"""Drives one stretch of load at a time, watches who it must, and records its window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from lab.analysis.looks import Again, Look
from lab.analysis.steps import as_phase
from lab.collectors import Processes
from lab.collectors.stage import StageCollector
from lab.engines import Loss
from lab.errors import LoadError, ServiceDiedError
from lab.load.k6 import K6Load
from lab.load.k6_samples import output_of
from lab.looking import Elapsed, Looking, Place
from lab.model import Environment, Phase, Plan, Progress, Scenario, Step, StepPurpose, Target, Window
from lab.rundir import RunDir

OnProgress = Callable[[Phase, Progress], None]


def _nothing() -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Drives phases, or steps of them, against an environment, into a run.

    `losses` tells which services have been lost meanwhile, `flush` puts on disk what was seen of them.
    `attempt` counts how often the run was resumed: users of an attempt must be new to a database that keeps the others.
    """

    plan: Plan
    scenario: Scenario
    target: Target
    environment: Environment
    load: K6Load
    run: RunDir
    watched: Processes
    stage: StageCollector
    on_progress: OnProgress
    losses: Callable[[], tuple[Loss, ...]] = tuple
    flush: Callable[[], None] = _nothing
    attempt: int = 0

    @property
    def looking(self) -> Looking:
        """What takes the profiles that the plan asks for."""
        return Looking(self.environment, self.run, services=self.plan.profiling.services)

    def drive(self, phase: Phase, *, of: Phase | None = None, step: int = 0, looks: Sequence[Look] = ()) -> Window:
        """Drive a phase, or as `phase` the step of the phase `of`; the window is recorded when its load has ended.

        `looks` are the profiles that are taken meanwhile.

        Raises ServiceDiedError where a service ended meanwhile, LoadError where k6 could not do its work.
        """
        whole = of or phase
        with self.looking.during(looks, Place(phase=whole.name, drive=phase.name)) as elapsed:
            driven = self._driven(phase, whole, elapsed)
        window = replace(driven, phase=whole.name, step=step)
        self.flush()  # what a window needs to be judged is on disk before it counts as driven
        kept = [other for other in self.run.windows() if other.name != window.name]
        self.run.write_windows([*kept, window])
        return window

    def drive_again(self, phase: Phase, again: Again, *, drained_s: float | None) -> Window:
        """Drive a part of a phase again, to be profiled: a step of it, which is recorded and never judged.

        `drained_s` is how long the backlog before it took. Raises what `drive` raises.
        """
        step = Step(
            phase=phase.name,
            number=self.next_number(phase),
            rate_per_s=again.rate_per_s,
            duration_s=again.duration_s,
            purpose=StepPurpose.PROFILE,
            drained_s=drained_s,
            moment=again.looks[0].moment,
        )
        self.record(step)
        return self.drive(as_phase(step, phase), of=phase, step=step.number, looks=again.looks)

    def forget_cut_off(self, phase: Phase) -> None:
        """Forget the steps of a phase that an earlier attempt did not drive to their end, with k6's output of them."""
        whole = {window.name for window in self.run.windows()}
        cut_off = [step for step in self.run.steps() if step.phase == phase.name and step.name not in whole]
        for step in cut_off:
            output_of(self.run.load, step.name).unlink(missing_ok=True)
        self.run.write_steps([step for step in self.run.steps() if step not in cut_off])

    def next_number(self, phase: Phase) -> int:
        """Give the number of the next step of a phase."""
        return 1 + sum(step.phase == phase.name for step in self.run.steps())

    def record(self, step: Step) -> None:
        """Write down a step that is about to be driven."""
        self.run.write_steps([*self.run.steps(), step])

    def _driven(self, phase: Phase, whole: Phase, elapsed: Elapsed) -> Window:
        def progressed(progress: Progress) -> None:
            self.watched.watch("k6", progress.generator_pid)
            self.stage.began(whole, phase.name, progress)
            self.require_services()
            elapsed(progress.elapsed_s)
            self.on_progress(whole, progress)

        try:
            return self.load.drive(
                phase,
                self.scenario,
                base_url=self.environment.entry_url,
                seed=self.plan.seed,
                out=self.run.load,
                marker=self.environment.id,
                on_progress=progressed,
                settings=self._script_settings(),
                allowed_hosts=self.environment.allowed_hosts,
            )
        except LoadError:
            self.require_services()  # a service that died is the reason, and k6 only what met it first
            raise
        finally:
            self.watched.watch("k6", None)
            self.stage.ended()

    def require_services(self) -> None:
        """Raise ServiceDiedError, with the end of its log, where a service of the environment has ended."""
        for loss in self.losses():
            raise ServiceDiedError(f"{loss.service} ended during the run: {loss.how}; its log:\n{loss.log}")

    def _script_settings(self) -> dict[str, str]:
        journeys = self.plan.journeys
        routes = {"ROUTES": orjson.dumps(dict(self.target.routes)).decode()} if self.target.routes else {}
        return {
            **routes,
            "RUN": self._run_name(),
            "POLL_INTERVAL": f"{journeys.poll_interval_s:g}",
            "DEADLINE": f"{journeys.deadline_s:g}",
            "EXPLAINER": journeys.explainer,
            "MAX_VUS": str(journeys.max_vus),
        }

    def _run_name(self) -> str:
        """Give what makes new users new: where the database was emptied, the same in each run, byte for byte."""
        if self.environment.mongo_url and self.target.database:
            return str(self.attempt)
        return f"{self.run.read_record()['started_at']:.0f}-{self.attempt}"
