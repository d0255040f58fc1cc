"""Something of a service grows without end."""

from lab.model import Action, Advice, Confidence, Leak, LeakOutcome, PhaseKind, Sign, Symptom
from lab.playbooks.case import Case, Stretch
from lab.playbooks.scene import Scene
from lab.report.figures import duration, in_unit, percent
from lab.threshold_metrics import HEAPS

_SOON_S = 24 * 3600


class MemoryLeak:
    """Takes what the analysis found of growth, which has its own statistics (docs/analysis.md)."""

    title = "Memory, or something else, leaks"
    relieves = ("process_", *HEAPS)
    needs = (("processes", "process_resident_memory_bytes"),)

    def look(self, case: Case) -> Symptom | None:
        """Give the leak that grows fastest against what counts as one."""
        leak = _worst(case)
        if leak is None or leak.slope_per_h is None:
            return None
        window = next(window for window in case.evidence.windows if window.phase == leak.phase)
        started_at = min(window.started_at + leak.warmup_s, window.ended_at)
        part = Stretch(window=window, started_at=started_at, ended_at=window.ended_at)
        drift = _drift(case, leak.phase)
        waiting = case.waiting(part) if part.length_s else 0.0
        return Symptom(
            phase=leak.phase,
            kind=PhaseKind(window.kind),
            started_at=started_at,
            ended_at=window.ended_at,
            rate_per_s=case.requests_per_s(part) if part.length_s else 0.0,
            value=leak.slope_per_h.value,
            limit=leak.effect_per_h,
            signs=_signs(leak, drift),
            explained=drift * waiting,
            waiting=waiting,
            share=drift,
            confidence=Confidence.HIGH if leak.slope_per_h.low > leak.effect_per_h else Confidence.MEDIUM,
            phases=(leak.phase,),
            why="" if leak.slope_per_h.low > leak.effect_per_h else "the interval reaches below what counts as a leak",
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        leak = _worst(scene.case)
        assert leak is not None, "what was seen is there"
        name, slope = leak.service, scene.symptom.value
        grows, every = _per_h(leak, slope), _restart_every(leak)
        left = "" if leak.to_limit_s is None else f"; {duration(leak.to_limit_s)} after the phase its limit is met"
        longer = [f"phases.{scene.symptom.phase}.duration_s={round(leak.observed_s * 2)}"]
        return Advice(
            cause=f"{name} keeps what it should give back: {leak.metric} grew by {grows}{_per_request(leak)}{left}.",
            confirm=(
                scene.rerun(f"A longer soak of a system that is started anew grows by {grows} again", plan=longer),
                scene.profile("twice, some minutes apart: what the second has more of", name, heap=True),
            ),
            mitigation=(
                Action(
                    text=f"Start {name} anew every {duration(every)}: it has grown by "
                    f"{_amount(leak, slope * every / 3600)} then",
                    command="lab down && lab up",
                ),
            ),
            fix=(
                scene.profile("the place that keeps growing (a cache, listeners, results); bound it", name, heap=True),
            ),
            verify=(
                scene.again(
                    f"With the change made: growth of {name} is surely below {_per_h(leak, leak.effect_per_h)} "
                    f"instead of {grows}; the table of leaks says no_leak"
                ),
            ),
            rollback=(Action(text=f"Take the change to {name} back where latency rises: it may have been a cache"),),
        )


def _worst(case: Case) -> Leak | None:
    found = [leak for leak in case.analysis.leaks if leak.outcome == LeakOutcome.LEAK and leak.slope_per_h is not None]
    return max(
        found, key=lambda leak: (leak.slope_per_h.value if leak.slope_per_h else 0) / leak.effect_per_h, default=None
    )


def _drift(case: Case, phase: str) -> float:
    """Give the share of the latency at the phase's end that came in its course, where it surely rose."""
    rises = [each.change for each in case.analysis.drifts if each.phase == phase and each.change.low > 0]
    return max((rise.value / (1 + rise.value) for rise in rises), default=0.0)


def _restart_every(leak: Leak) -> float:
    """Give half of the time in which the limit is met, at most a day."""
    return min((leak.to_limit_s or 2 * _SOON_S) / 2, _SOON_S)


def _unit(leak: Leak) -> str:
    return "bytes" if leak.metric.endswith("_bytes") else "value"


def _amount(leak: Leak, value: float) -> str:
    return in_unit(value, _unit(leak))


def _per_h(leak: Leak, value: float) -> str:
    return in_unit(value, f"{_unit(leak)}/h")


def _per_request(leak: Leak) -> str:
    per = leak.slope_per_1000_requests
    return "" if per is None else f" ({_amount(leak, per.value)} per 1000 requests)"


def _signs(leak: Leak, drift: float) -> tuple[Sign, ...]:
    slope = leak.slope_per_h
    assert slope is not None, "a leak has a slope"
    low, high = _per_h(leak, slope.low), _per_h(leak, slope.high)
    return (
        Sign(
            text=f"{leak.metric} of {leak.service} grew by {_per_h(leak, slope.value)} ({low} to {high}) over "
            f"{duration(leak.observed_s)} (counts from {_per_h(leak, leak.effect_per_h)} on)",
            holds=True,
        ),
        Sign(
            text=f"latency rose by {percent(drift)} of its level at the end (no need to: memory costs nothing until "
            "it is out)",
            holds=None,
        ),
    )
