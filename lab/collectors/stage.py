"""Where a run stands: which phase is driven at which rate, and the limits that it is held against."""

from collections.abc import Iterable, Sequence

from lab.collectors import Reading
from lab.model import Phase, Plan, Progress, Scenario, Threshold, label_text


class StageCollector:
    """`lab_run`, `lab_threshold`, and while a phase is driven `lab_phase` with its planned and achieved rate.

    Rates are HTTP requests per second; a threshold's value has the unit of its label.
    """

    name = "stage"

    def __init__(self, plan: Plan, scenario: Scenario) -> None:
        self._standing = (
            Reading("lab_run", label_text({"plan": plan.name, "scenario": scenario.name}), 1.0),
            *_limits(plan.thresholds),
        )
        self._scenario = scenario.name
        self._driven: tuple[Reading, ...] = ()

    def began(self, phase: Phase, name: str, progress: Progress) -> None:
        """Say how the phase stands; `name` is that of its step where it is driven in steps."""
        labels = label_text({"phase": phase.name, "kind": phase.kind, "drive": name, "scenario": self._scenario})
        self._driven = (
            Reading("lab_phase", labels, 1.0),
            Reading("lab_planned_requests_per_second", labels, progress.planned_rate_per_s),
            Reading("lab_achieved_requests_per_second", labels, progress.achieved_rate_per_s),
        )

    def ended(self) -> None:
        """Say that no phase is driven."""
        self._driven = ()

    def sample(self) -> Iterable[Reading]:
        """Give where the run stands."""
        return (*self._standing, *self._driven)


def _limits(thresholds: Sequence[Threshold]) -> tuple[Reading, ...]:
    """Give each limit once: a plan may hold the same one against several phases."""
    found = {
        label_text(
            {"expect": t.text, "metric": t.metric, "statistic": t.statistic, "unit": t.unit, **dict(_selector(t))}
        ): t.limit
        for t in thresholds
    }
    return tuple(Reading("lab_threshold", labels, limit) for labels, limit in found.items())


def _selector(threshold: Threshold) -> Sequence[tuple[str, str]]:
    return [(f"of_{name}", value) for name, value in threshold.selector]
