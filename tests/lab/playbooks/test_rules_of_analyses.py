"""Rules about analyses: evidence that fires each, and evidence that must not."""

from pathlib import Path

from lab.model import Confidence
from tests.lab.playbooks.a_case import ACase


def overloaded(folder: Path) -> ACase:
    """ai_core computes on all that the machine has left, and analyses wait for its workers."""
    case = ACase(folder)
    case.host_value("host_cpu_ratio", 0.95)
    case.uses("ai_core", 1.5)
    case.analyses(per_s=30, explain_s=0.004, fit_s=0.045, wait_s=0.3)
    case.gauge("ai_core_queue_depth", 9.0, "service=ai_core")
    case.gauge("analyze_queue_depth", 12.0, "service=backend")
    return case


def test_an_undisturbed_run_shows_no_bottleneck(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.analyses(per_s=5, explain_s=0.004)
    assert case.seen() == {}


def test_ai_core_on_all_cores_that_are_left_is_bound_by_cpu(tmp_path: Path) -> None:
    found = overloaded(tmp_path).seen()["ai_core_cpu"]
    assert found.symptom.confidence == Confidence.HIGH
    assert found.symptom.value > 0.85
    assert found.symptom.phase == "sustain"


def test_what_waits_for_ai_core_is_all_that_is_in_it_and_before_it(tmp_path: Path) -> None:
    symptom = overloaded(tmp_path).seen()["ai_core_cpu"].symptom
    assert abs(symptom.explained - (30 * 0.35 + 12)) < 0.1  # 0.35 s in ai_core, and a queue of 12


def test_a_busy_machine_is_not_ai_cores_where_ai_core_uses_little_of_it(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.host_value("host_cpu_ratio", 1.0)
    case.uses("ai_core", 0.2)
    case.uses("backend", 1.5)
    case.analyses(per_s=5, explain_s=0.004)
    assert "ai_core_cpu" not in case.seen()


def test_one_busy_moment_is_no_bottleneck(tmp_path: Path) -> None:
    case = overloaded(tmp_path)
    case.processes = [row for row in case.processes if row["labels"] != "service=ai_core"]
    used, total = [0.1] * 65, 100.0
    used[22:27] = [1.5] * 5  # the seconds from 20 to 25, which are one piece
    for second in range(-1, 62):
        total += used[second + 1]
        case.processes.append(case.reading(second, "process_cpu_seconds_total", total, "service=ai_core"))
        case.processes.append(case.reading(second, "process_resident_memory_bytes", 1e8, "service=ai_core"))
    assert "ai_core_cpu" not in case.seen()


def test_without_waiting_analyses_the_same_cpu_is_less_sure(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.host_value("host_cpu_ratio", 0.95)
    case.uses("ai_core", 1.5)
    case.analyses(per_s=30, explain_s=0.004, fit_s=0.045)
    case.gauge("ai_core_queue_depth", 0.0, "service=ai_core")
    assert case.seen()["ai_core_cpu"].symptom.confidence == Confidence.LOW


def test_an_explanation_that_is_most_of_an_analysis_is_slow(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.analyses(per_s=4, explain_s=0.3)
    symptom = case.seen()["slow_explainer"].symptom
    assert abs(symptom.value - 0.3 / 0.321) < 0.01
    assert abs(symptom.explained - 4 * 0.3) < 0.02


def test_a_quick_explanation_is_not_slow_even_where_the_rest_is_quicker(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.analyses(per_s=4, explain_s=0.03, fit_s=0.005)
    assert "slow_explainer" not in case.seen()


def test_a_long_fit_is_no_slow_explainer(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.analyses(per_s=4, explain_s=0.1, fit_s=0.4)
    assert "slow_explainer" not in case.seen()


def refusing(folder: Path, *, rejected_per_s: float) -> ACase:
    """10 analyses a second are asked for."""
    case = ACase(folder)
    case.samples += [
        case.request(number / 10, route="POST /analyze", status=503 if number % 10 < rejected_per_s else 202)
        for number in range(600)
    ]
    case.counter("analyses_total", rejected_per_s, "outcome=rejected,service=backend")
    case.counter("analyses_total", 10 - rejected_per_s, "outcome=done,service=backend")
    case.gauge("analyze_queue_depth", 60.0, "service=backend")
    return case


def test_refused_analyses_are_a_full_queue(tmp_path: Path) -> None:
    symptom = refusing(tmp_path, rejected_per_s=2).seen()["queue_full"].symptom
    assert abs(symptom.value - 0.2) < 0.01
    assert symptom.confidence == Confidence.HIGH


def test_a_long_queue_that_refuses_nothing_is_not_full(tmp_path: Path) -> None:
    assert "queue_full" not in refusing(tmp_path, rejected_per_s=0).seen()


def test_a_503_of_another_cause_is_no_full_queue(tmp_path: Path) -> None:
    case = refusing(tmp_path, rejected_per_s=0)
    case.samples += [case.request(n / 10 + 0.05, route="POST /analyze", status=503) for n in range(600)]
    assert "queue_full" not in case.seen()
