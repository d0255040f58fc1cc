"""Where a bottleneck was seen, and the commands that go on from there, as one would type them for this very run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lab.model import Action, Symptom
from lab.playbooks.case import Case, Stretch


@dataclass(frozen=True)
class Scene:
    """A symptom in its run."""

    case: Case
    symptom: Symptom

    @cached_property
    def part(self) -> Stretch:
        """The stretch of load in which it was seen."""
        return self.case.stretch(self.symptom)

    def rerun(self, text: str, *, target: Sequence[str] = (), plan: Sequence[str] = ()) -> Action:
        """Drive the phase again, with settings of services (`service.env.NAME=value`) and of the plan changed.

        Services that the lab has not started are no business of its command: there the text has to do.
        """
        own = self.case.evidence
        changed = [f"--set {each}" for each in plan]
        engine = ["--engine external"] if own.is_external else ["--up", *(f"--target-set services.{t}" for t in target)]
        command = [f"lab run {own.scenario.name} --plan {own.plan.name} --phases {self.symptom.phase}"]
        return Action(text=text, command=" ".join([*command, *changed, *engine]))

    def again(self, text: str) -> Action:
        """Drive the phase as it was, after a change or without one."""
        return self.rerun(text)

    def report(self, text: str) -> Action:
        """Show this run's figures again; the text says which of them to look at."""
        return Action(text=text, command=f"lab report {self.case.evidence.run_id}")

    def logs(self, text: str, rest: str) -> Action:
        """Show log lines of this run."""
        return Action(text=text, command=f"lab logs --run {self.case.evidence.run_id} {rest}")

    def profile(self, text: str, service: str, *, heap: bool = False) -> Action:
        """Look into a service while load is on."""
        return Action(
            text=f"While load is on: {text}", command=f"lab profile {service} {'--heap' if heap else '--cpu'}"
        )
