"""The backend refuses analyses, since as many wait as may wait."""

from lab.model import Action, Advice, Sign, Symptom
from lab.playbooks import analysing
from lab.playbooks.affected import ANALYSES, CAPACITY, ERRORS, FAILED_ANALYSES
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from lab.playbooks.scene import Scene
from lab.report.figures import NOTHING, cores, milliseconds, percent, three_digits

_MOST = 0.005
"""The share of refused analyses that counts: the plan's target for errors."""

_ROUTE = "POST /analyze"
_REFUSED = 503
_NEAR = 0.5
_MORE_AT_ONCE = "backend.env.SUT_ANALYZE_CONCURRENCY=8"


class QueueFull:
    """Measures the share of analyses that were refused."""

    title = "The queue of analyses is full"
    relieves = (*ANALYSES, *FAILED_ANALYSES, *ERRORS, *CAPACITY)
    needs = (("scrape", "analyses_total"),)

    def look(self, case: Case) -> Symptom | None:
        """Find the stretch of load in which it explains most."""
        return look(
            case,
            Question(
                measure=lambda part: _refused(case, part),
                limit=_MOST,
                explained=lambda part: analysing.queued(case, part) + _in_ai_core(case, part),
                signs=lambda part, value: _signs(case, part, value),
            ),
        )

    def advice(self, scene: Scene) -> Advice:
        """Say what to do."""
        case, part, refused = scene.case, scene.part, percent(scene.symptom.value, decimals=1)
        arriving, done, depth = _arriving(case, part), _done(case, part), _depth(case, part)
        return Advice(
            cause=f"{three_digits(arriving)} analyses a second were asked for and {three_digits(done)} were done: the "
            f"queue filled to {depth:.0f} and what came then was refused, as it should be. A queue bridges bursts; "
            "against a rate above what is served it only adds waiting.",
            confirm=(
                scene.report(f"analyses by outcome: {refused} rejected"),
                scene.logs("The refusals, counted", "--errors --service backend"),
            ),
            mitigation=(
                scene.rerun(
                    f"Offer what is served, {percent(min(done / arriving, 1.0) if arriving else None)} of this rate, "
                    "and leave the rest to Retry-After",
                    plan=[f"rate_per_s={_served_rate(case, part, done, arriving):g}"],
                ),
            ),
            fix=_fix(scene, depth / done if done else None, depth),
            verify=(
                scene.rerun(
                    f"Refused are less than {percent(_MOST, decimals=1)} instead of {refused}, and analysis_duration "
                    f"stays below the deadline of {case.evidence.plan.journeys.deadline_s:g} s",
                    target=[_MORE_AT_ONCE],
                ),
            ),
            rollback=(
                scene.again("Without the settings 4 are asked for at a time and 64 wait, as before"),
                Action(text=f"A queue longer than {depth:.0f} is given up where reports come later than users wait"),
            ),
        )


def _fix(scene: Scene, wait_s: float | None, depth: float) -> tuple[Action, ...]:
    name = analysing.service(scene.case)
    used = scene.case.cores(scene.part, name)
    longer = max(64, int(depth) * 2)
    return (
        scene.rerun(
            f"Find what {name} lacks first (CPU, a slow explainer: the playbooks beside this one; it used "
            f"{cores(used)} cores). Where its workers are idle, let more than 4 analyses be there at a time",
            target=[_MORE_AT_ONCE],
        ),
        scene.rerun(
            f"Where only bursts are refused, a queue that holds the burst, here {longer}: what arrives in it less "
            f"what is done. A full one of {depth:.0f} is a wait of "
            f"{NOTHING if wait_s is None else three_digits(wait_s)} s",
            target=[f"backend.env.SUT_ANALYZE_QUEUE_LIMIT={longer}"],
        ),
    )


def _arriving(case: Case, part: Stretch) -> float:
    return case.answered(part, _ROUTE) / part.length_s


def _done(case: Case, part: Stretch) -> float:
    return case.rate(part, "scrape", "analyses_total", outcome="done") or 0.0


def _served_rate(case: Case, part: Stretch, done: float, arriving: float) -> float:
    return round(case.requests_per_s(part) * min(done / arriving if arriving else 1.0, 1.0), 1)


def _depth(case: Case, part: Stretch) -> float:
    return case.highest(part, "scrape", "analyze_queue_depth") or 0.0


def _in_ai_core(case: Case, part: Stretch) -> float:
    return case.mean(part, "scrape", "ai_core_queue_depth") or 0.0


def _refused(case: Case, part: Stretch) -> float | None:
    rejected = case.rate(part, "scrape", "analyses_total", outcome="rejected")
    asked = _arriving(case, part)
    if rejected is None or not asked:
        return None
    return min(rejected / asked, 1.0)


def _signs(case: Case, part: Stretch, value: float) -> list[Sign]:
    answered = case.answered(part, _ROUTE, _REFUSED)
    depth, mean = _depth(case, part), analysing.queued(case, part)
    total = case.analysis_s(part)
    return [
        Sign(
            text=f"the backend refused {percent(value, decimals=1)} of the analyses that it was asked for "
            f"(counts from {percent(_MOST, decimals=1)} on)",
            holds=True,
        ),
        Sign(
            text=f"{answered} times {_ROUTE} was answered with {_REFUSED} (expected: at least once)", holds=answered > 0
        ),
        Sign(
            text=f"its queue held {three_digits(mean)} on average and {depth:.0f} at most (expected: a mean of half of "
            f"that and more); from POST to report it took {milliseconds(total)} ms",
            holds=depth > 0 and mean >= _NEAR * depth,
        ),
    ]
