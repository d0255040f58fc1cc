from lab.collectors.stage import StageCollector
from lab.config.plans import load_plan
from lab.config.targets import load_scenario
from lab.model import Progress, labels_of


def a_stage() -> StageCollector:
    return StageCollector(load_plan("quick"), load_scenario("mixed"))


def test_the_plan_and_its_limits_are_told_all_the_time() -> None:
    read = list(a_stage().sample())
    assert [(r.metric, labels_of(r.labels)) for r in read if r.metric == "lab_run"] == [
        ("lab_run", {"plan": "quick", "scenario": "mixed"})
    ]
    limits = {labels_of(r.labels)["expect"]: r.value for r in read if r.metric == "lab_threshold"}
    plan = load_plan("quick")
    assert limits == {threshold.text: threshold.limit for threshold in plan.thresholds}
    units = {labels_of(r.labels)["unit"] for r in read if "p95(http_req_duration)" in r.labels}
    assert units == {"s"}


def test_a_phase_is_told_while_it_is_driven_and_not_after() -> None:
    stage, phase = a_stage(), load_plan("quick").phases[1]
    progress = Progress(
        phase=phase.name,
        elapsed_s=1,
        duration_s=9,
        planned_rate_per_s=5,
        achieved_rate_per_s=4.5,
        requests=3,
        failed=0,
        p95_s=None,
    )
    stage.began(phase, "step-02", progress)
    told = {r.metric: (labels_of(r.labels), r.value) for r in stage.sample() if r.metric != "lab_threshold"}
    labels = {"phase": phase.name, "kind": phase.kind.value, "drive": "step-02", "scenario": "mixed"}
    assert told["lab_phase"] == (labels, 1.0)
    assert told["lab_planned_requests_per_second"] == (labels, 5.0)
    assert told["lab_achieved_requests_per_second"] == (labels, 4.5)
    stage.ended()
    assert "lab_phase" not in {r.metric for r in stage.sample()}
