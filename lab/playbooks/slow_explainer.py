"""Explaining takes most of what ai_core computes."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import analysing
from lab.playbooks.affected import ANALYSES, CAPACITY, FAILED_ANALYSES
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import milliseconds, percent, three_digits

_MOST = 0.5
"""The share of computing from which on the explanation is what an analysis consists of."""

_SLOW_S = 0.05
"""The least mean time: the tree explainer takes a few milliseconds, the model-agnostic one as many for each row."""

_TARGET_S = 0.8
_AT_A_TIME = 0.2


class SlowExplainer:
    """Measures the explanation's share of what ai_core computes."""

    title = "The explainer is slow"
    relieves = (*ANALYSES, *FAILED_ANALYSES, *CAPACITY)
    needs = (("scrape", f"{analysing.SECONDS}_sum"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _share(case, part),
                limit=_MOST,
                explained=lambda part: _explained(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part = scene.case, scene.part
        name, which = analysing.service(case), _explainer(case, part)
        explaining = analysing.explaining_s(case, part) or 0.0
        rest = (analysing.computing_s(case, part) or 0.0) - explaining
        tree = ["journeys.explainer=tree"]
        return Advice(
            cause=f"The explainer {which!r} takes {milliseconds(explaining)} ms of an analysis whose other parts take "
            f"{milliseconds(rest)} ms. A model-agnostic one evaluates the model for many coalitions of features per "
            "row, where one that knows trees needs a single pass.",
            confirm=(
                scene.report(f"ai_core_analyze, part explain: {milliseconds(explaining)} ms on average"),
                scene.profile("frames of shap lead", name),
            ),
            mitigation=(_fewer(scene, name, explaining),),
            fix=(scene.rerun("Explain tree models by TreeExplainer, which is exact for them", plan=tree),),
            verify=(
                scene.rerun(
                    f"The mean of part explain falls from {milliseconds(explaining)} ms below {milliseconds(_SLOW_S)} "
                    f"ms, its P95 below {milliseconds(_TARGET_S)} ms (the target of the explain path), and an "
                    f"analysis is computed in about {milliseconds(rest)} ms",
                    plan=tree,
                ),
            ),
            rollback=(scene.again(f"Without the setting {which!r} explains as before"),),
        )


def _fewer(scene: Scene, name: str, explaining_s: float) -> Action:
    return scene.rerun(
        "Explain fewer rows with fewer coalitions: the time is proportional to both, so that half of each is about "
        f"{milliseconds(explaining_s / 4)} ms",
        target=[f"{name}.env.AI_CORE_KERNEL_SAMPLES=5", f"{name}.env.AI_CORE_KERNEL_EVALUATIONS=100"],
    )


def _share(case: Case, part: Stretch) -> float | None:
    mean = analysing.explaining_s(case, part)
    if mean is None:
        return None
    return analysing.explainer_share(case, part) if mean >= _SLOW_S else 0.0


def _explained(case: Case, part: Stretch) -> float:
    """Give the analyses that an explanation keeps waiting: its own, and its share of those that queue behind it."""
    every = analysing.under_way(case, part) + analysing.queued(case, part)
    return every * analysing.explainer_share(case, part)


def _explainer(case: Case, part: Stretch) -> str:
    """Name the explainer that took most time."""
    seconds = {
        each: case.rate(part, "scrape", f"{analysing.SECONDS}_sum", phase="explain", explainer=each) or 0.0
        for each in ("tree", "kernel")
    }
    return max(seconds, key=lambda each: seconds[each])


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    mean, which = analysing.explaining_s(case, part), _explainer(case, part)
    at_a_time = analysing.computed(case, part) * value
    return [
        Sign(
            text=f"explaining took {milliseconds(mean)} ms of an analysis, {percent(value)} of what is computed for it "
            f"(counts from {percent(_MOST)} and {milliseconds(_SLOW_S)} ms on)",
            holds=True,
        ),
        Sign(text=f"the explainer was {which!r} (expected: one that does not know the model)", holds=which != "tree"),
        Sign(
            text=f"{three_digits(at_a_time)} explanations were computed at a time (expected: {_AT_A_TIME:g} and more)",
            holds=at_a_time >= _AT_A_TIME,
        ),
    ]
