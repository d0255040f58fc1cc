"""Evidence of a run in which one thing is wrong, made from a few plain values."""

from dataclasses import dataclass, field, replace
from typing import Any

from lab.analysis import analyse
from lab.model import Diagnosis, Evidence, Journeys, Plan, Playbook
from lab.playbooks import diagnose
from tests.lab.analysis.a_run import ARun, write_series


@dataclass
class ACase(ARun):
    """A run of one phase of 60 s with 2 requests a second of 20 ms each, on 2 cores; nothing is wrong with it."""

    journeys: Journeys = field(default_factory=Journeys)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mongo: list[dict[str, Any]] = []

    # -- what is wrong ---------------------------------------------------------------------------------------------

    def counter(self, metric: str, per_s: float, labels: str = "", *, rows: str = "scrape") -> None:
        """Add a counter that rises steadily."""
        getattr(self, rows).extend(
            self.reading(second, metric, 100 + per_s * (second + 1), labels) for second in range(-1, self.seconds + 2)
        )

    def gauge(self, metric: str, value: float, labels: str = "", *, rows: str = "scrape") -> None:
        """Add a gauge that stays where it is."""
        getattr(self, rows).extend(
            self.reading(second, metric, value, labels) for second in range(-1, self.seconds + 2)
        )

    def histogram(self, metric: str, *, per_s: float, mean_s: float, labels: str) -> None:
        """Add the sum and the count of a histogram."""
        self.counter(f"{metric}_count", per_s, labels)
        self.counter(f"{metric}_sum", per_s * mean_s, labels)

    def host_value(self, metric: str, value: float) -> None:
        """Replace a gauge of the machine."""
        self.host = [row for row in self.host if row["metric"] != metric]
        self.gauge(metric, value, rows="host")

    def uses(self, service: str, cores: float) -> None:
        """Replace the CPU that a service uses."""
        labels = f"service={service}"
        self.processes = [row for row in self.processes if row["labels"] != labels]
        for second in range(-1, self.seconds + 2):
            self.processes += self.process(second, service, cores=cores)

    def analyses(self, *, per_s: float, explain_s: float, fit_s: float = 0.02, wait_s: float = 0.0) -> None:
        """Have ai_core analyse."""
        parts = {"parse": 0.001, "fit": fit_s, "explain": explain_s}
        parts["total"] = sum(parts.values()) + wait_s
        for part, seconds in parts.items():
            labels = f"explainer=tree,phase={part},service=ai_core"
            self.histogram("ai_core_analyze_seconds", per_s=per_s, mean_s=seconds, labels=labels)
        step = 1 / per_s
        self.points += [
            self.point(number * step, "analysis_duration", parts["total"] + 0.1, "explainer=tree")
            for number in range(int(self.seconds * per_s))
        ]

    # -- what comes of it ------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        return replace(super().plan, journeys=self.journeys)

    def evidence(self) -> Evidence:
        whole = super().evidence()
        if not self.mongo:
            return whole
        path = write_series(self.folder / "mongo.parquet", self.mongo)
        return replace(whole, series={**whole.series, "mongo": path})

    def diagnosis(self) -> Diagnosis:
        evidence = self.evidence()
        return diagnose(evidence, analyse(evidence))

    def seen(self) -> dict[str, Playbook]:
        """Give the playbooks of what was seen by their rules."""
        return {playbook.rule: playbook for playbook in self.diagnosis().playbooks}
