"""What is measured while a profiler looks on is not judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.analysis import analyse
from lab.analysis.series import Track, outside
from lab.analysis.values import Values
from lab.analysis.verdict import judge
from lab.model import Finding, LeakOutcome, Outcome, PhaseKind, ProfileKind
from tests.lab.analysis.a_run import START, ARun, a_profile


def finding_of(run: ARun) -> Finding:
    evidence = run.evidence()
    (finding,) = judge(analyse(evidence), evidence.plan).findings
    return finding


def slow_between(run: ARun, first: int, last: int) -> None:
    run.samples = [
        run.request(row["time"] / 1e6 - START, took_s=0.5) if first <= row["time"] / 1e6 - START < last else row
        for row in run.samples
    ]


@pytest.mark.parametrize(
    "threshold", ["max(http_req_duration) < 300ms", "max(http_req_duration) < 300ms over 10s windows"]
)
@pytest.mark.parametrize(("profile", "outcome"), [((30, 41), Outcome.PASSED), ((45, 50), Outcome.FAILED)])
def test_a_slow_stretch_counts_unless_a_profiler_looked_on(
    threshold: str, profile: tuple[float, float], outcome: Outcome, tmp_path: Path
) -> None:
    run = ARun(tmp_path, thresholds=[threshold], profiles=(a_profile(*profile),))
    slow_between(run, 31, 40)
    assert finding_of(run).outcome == outcome


def test_a_profiler_that_looks_on_all_the_time_leaves_nothing_to_judge(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(http_req_duration) < 300ms over 10s windows"], profiles=(a_profile(-1, 61),))
    evidence = run.evidence()
    verdict = judge(analyse(evidence), evidence.plan)
    assert verdict.outcome == Outcome.INVALID
    assert "a profiler looked on in every window" in str(verdict)


def test_what_services_tell_meanwhile_is_left_out_too(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(process_resident_memory_bytes{service=backend}) < 200MB"])
    run.processes = [
        row | {"value": 3e8}
        if row["metric"] == "process_resident_memory_bytes"
        and row["time"] == run.samples[0]["time"] // 1_000_000 * 1_000_000
        else row
        for row in run.processes
    ]
    assert finding_of(run).outcome == Outcome.FAILED
    run.profiles = (a_profile(-0.5, 2),)
    assert finding_of(run).outcome == Outcome.PASSED


def test_a_profiler_is_at_work_from_when_it_came_to_when_it_went(tmp_path: Path) -> None:
    run = ARun(tmp_path, thresholds=["max(http_req_duration) < 300ms"])
    slow_between(run, 31, 40)
    looked = a_profile(35, 36)
    run.profiles = (replace(looked, attached_at=START + 30, detached_at=START + 41),)
    assert finding_of(run).outcome == Outcome.PASSED


@pytest.mark.parametrize(
    ("kind", "service", "outcome"),
    [
        (ProfileKind.HEAP, "backend", LeakOutcome.INCONCLUSIVE),
        (ProfileKind.HEAP, "ai_core", LeakOutcome.NO_LEAK),
        (ProfileKind.CPU, "backend", LeakOutcome.NO_LEAK),
    ],
)
def test_memory_that_a_heap_profiler_takes_is_no_leak(
    kind: ProfileKind, service: str, outcome: LeakOutcome, tmp_path: Path
) -> None:
    profile = replace(a_profile(200, 210), kind=kind, service=service)
    run = ARun(tmp_path, kind=PhaseKind.SOAK, seconds=900, profiles=(profile,))
    found = [leak for leak in analyse(run.evidence()).leaks if leak.metric == "process_resident_memory_bytes"]
    assert {leak.outcome for leak in found if leak.service == "backend"} == {outcome}


def test_both_ends_of_a_stretch_belong_to_it() -> None:
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert outside(times, [(1.0, 2.0), (4.0, 9.0)]).tolist() == [True, False, False, True, False]
    assert Track(times, times).without([(1.0, 2.0)]).value.tolist() == [0.0, 3.0, 4.0]
    assert Values(times, times).without([(0.0, 3.0)]).values.tolist() == [4.0]
    assert outside(times, []).all()
