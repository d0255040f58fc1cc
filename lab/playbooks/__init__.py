"""The bottlenecks that are known: each a rule over a run's evidence, with the way out of it."""

from collections.abc import Mapping
from typing import Protocol

from lab.model import Advice, Analysis, Confidence, Diagnosis, Evidence, Playbook, Symptom, Unseen
from lab.playbooks.ai_core_cpu import AiCoreCpu
from lab.playbooks.case import Case
from lab.playbooks.connection_churn import ConnectionChurn
from lab.playbooks.database_slow import DatabaseSlow
from lab.playbooks.event_loop_blocked import EventLoopBlocked
from lab.playbooks.garbage_collection import GarbageCollection
from lab.playbooks.generator_bound import GeneratorBound
from lab.playbooks.io_bound import IoBound
from lab.playbooks.memory_leak import MemoryLeak
from lab.playbooks.noisy_neighbour import NoisyNeighbour
from lab.playbooks.pool_exhausted import PoolExhausted
from lab.playbooks.queue_full import QueueFull
from lab.playbooks.scene import Scene
from lab.playbooks.slow_explainer import SlowExplainer

__all__ = ["RULES", "Rule", "diagnose"]


class Rule(Protocol):
    """One kind of bottleneck."""

    @property
    def title(self) -> str:
        """What it is, in a few words."""

    @property
    def relieves(self) -> tuple[str, ...]:
        """What the metrics of those thresholds begin with that it can make a run miss."""

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """What it takes to tell: collectors and their metrics."""

    def look(self, case: Case) -> Symptom | None:
        """Give the bottleneck as it shows in a run; None where it does not, or where nobody can tell."""

    def advice(self, scene: Scene) -> Advice:
        """Say what to do about what was seen."""


RULES: Mapping[str, Rule] = {
    "ai_core_cpu": AiCoreCpu(),
    "slow_explainer": SlowExplainer(),
    "queue_full": QueueFull(),
    "pool_exhausted": PoolExhausted(),
    "database_slow": DatabaseSlow(),
    "memory_leak": MemoryLeak(),
    "event_loop_blocked": EventLoopBlocked(),
    "connection_churn": ConnectionChurn(),
    "io_bound": IoBound(),
    "generator_bound": GeneratorBound(),
    "noisy_neighbour": NoisyNeighbour(),
    "garbage_collection": GarbageCollection(),
}
_SURE = (Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW)


def diagnose(evidence: Evidence, analysis: Analysis) -> Diagnosis:
    """Give a playbook per bottleneck that a run shows, and what else was looked for.

    Those seen at planned load come before those seen beyond it only, and among them whatever explains most of what
    users waited for; what explains as much, by confidence.
    """
    case = Case(evidence=evidence, analysis=analysis)
    seen = [(name, rule, rule.look(case)) for name, rule in RULES.items()]
    found = [_playbook(case, name, rule, symptom) for name, rule, symptom in seen if symptom is not None]
    unseen = [_unseen(case, name, rule) for name, rule, symptom in seen if symptom is None]
    return Diagnosis(playbooks=tuple(sorted(found, key=_rank)), unseen=tuple(unseen))


def _playbook(case: Case, name: str, rule: Rule, symptom: Symptom) -> Playbook:
    advice = rule.advice(Scene(case, symptom))
    return Playbook(rule=name, title=rule.title, symptom=symptom, advice=advice, relieves=rule.relieves)


def _unseen(case: Case, name: str, rule: Rule) -> Unseen:
    lacking = [metric for collector, metric in rule.needs if not case.is_told(collector, metric)]
    return Unseen(rule=name, title=rule.title, lacking=tuple(lacking))


def _rank(playbook: Playbook) -> tuple[bool, float, int]:
    symptom = playbook.symptom
    return symptom.is_beyond_plan, -symptom.share, _SURE.index(symptom.confidence)
