"""Leaks: series whose truth is known. How often the verdict is right is for benchmarks/leak_detection.py to say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.analysis import analyse
from lab.analysis.leak import leak
from lab.analysis.trend import growth
from lab.analysis.verdict import judge
from lab.model import Finding, Leak, LeakOutcome, Outcome, PhaseKind
from tests.lab.analysis.a_run import ARun
from tests.lab.analysis.synthetic_soak import MB, Soak, series

EFFECT = 20 * MB


def judged(soak: Soak, seed: int = 1, *, limit: float | None = None) -> Leak:
    times, values = series(soak, seed)
    return leak(
        times,
        values,
        phase="soak",
        service="ai_core",
        metric="process_resident_memory_bytes",
        effect_per_h=EFFECT,
        requests_per_s=50,
        limit=limit,
    )


QUIET = {
    "level": Soak(warmup=0),
    "warm-up": Soak(),
    "slow warm-up": Soak(warmup_tau_s=600),
    "late warm-up": Soak(warmup_at_s=1800),
    "garbage collection": Soak(saw=8 * MB, saw_s=120),
    "rough noise": Soak(noise=2 * MB, correlation=0.98),
    "restarts": Soak(falls=(0.3, 0.7)),
}


@pytest.mark.parametrize("kind", QUIET)
@pytest.mark.parametrize("seed", range(3))
def test_what_does_not_grow_is_no_leak(kind: str, seed: int) -> None:
    assert judged(QUIET[kind], seed).outcome == LeakOutcome.NO_LEAK


@pytest.mark.parametrize("kind", ["level", "warm-up", "garbage collection"])
@pytest.mark.parametrize("seed", range(3))
def test_a_leak_is_found_with_its_slope(kind: str, seed: int) -> None:
    found = judged(replace(QUIET[kind], leak_per_h=3 * EFFECT), seed)
    assert found.outcome == LeakOutcome.LEAK
    assert found.slope_per_h is not None
    assert found.slope_per_h.value == pytest.approx(3 * EFFECT, rel=0.1)
    assert found.slope_per_1000_requests is not None
    assert found.slope_per_1000_requests.value == pytest.approx(found.slope_per_h.value / 180)


def test_the_warm_up_is_found_from_the_data_and_left_out() -> None:
    assert np.median([judged(Soak(warmup=0), seed).warmup_s for seed in range(9)]) < 600
    early, late = judged(Soak()), judged(Soak(warmup_at_s=1500))
    assert 100 < early.warmup_s < 1500
    assert late.warmup_s > 1500
    assert late.level == pytest.approx(260 * MB, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_a_warm_up_that_still_goes_on_is_no_leak(seed: int) -> None:
    assert judged(Soak(duration_s=600, warmup_tau_s=120), seed).outcome == LeakOutcome.INCONCLUSIVE
    assert judged(Soak(warmup_tau_s=2000), seed).outcome != LeakOutcome.LEAK


def test_too_short_for_what_must_be_excluded_says_how_long_would_do() -> None:
    found = judged(Soak(duration_s=120, warmup=0, noise=3 * MB))
    assert found.outcome == LeakOutcome.INCONCLUSIVE
    assert found.needed_s is not None
    assert found.needed_s > 120
    # what a short phase says of its slope is uncertain too, so that its estimate of the length is rough
    longer = judged(Soak(duration_s=int(4 * found.needed_s), warmup=0, noise=3 * MB))
    assert longer.outcome == LeakOutcome.NO_LEAK


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_under_a_minute_there_is_no_trend(seconds: int) -> None:
    found = judged(Soak(duration_s=seconds))
    assert found.outcome == LeakOutcome.INCONCLUSIVE
    assert "too short for any trend" in found.why
    assert found.slope_per_h is None


def test_a_leak_says_when_it_reaches_the_limit() -> None:
    found = judged(Soak(warmup=0, leak_per_h=100 * MB), limit=500 * MB)
    assert found.to_limit_s is not None
    assert found.to_limit_s == pytest.approx(2 * 3600, rel=0.05)  # 300 MB at the end, 200 MB left
    assert judged(Soak(warmup=0), limit=500 * MB).to_limit_s is None


def test_a_measure_that_never_moves_has_a_slope_of_0() -> None:
    found = growth(np.arange(600.0), np.full(600, 7.0))
    assert found is not None
    assert (found.slope_per_s.value, found.slope_per_s.low, found.slope_per_s.high) == (0, 0, 0)


def test_the_same_series_gives_the_same_answer() -> None:
    assert judged(Soak(), 3) == judged(Soak(), 3)


# ------------------------------------------------------------------------------------------------ in the files of a run


def findings(folder: Path, expect: str, *, grows: float, seconds: int = 600) -> tuple[Finding, ...]:
    """A soak in which the memory of ai_core grows by so many bytes a second."""
    run = ARun(folder, thresholds=[expect], kind=PhaseKind.SOAK, seconds=seconds)
    jitter = np.random.default_rng(1).normal(0, 1e5, seconds + 3)
    for row in run.processes:
        if row["metric"] == "process_resident_memory_bytes":
            second = round(row["time"] / 1e6 - run.window.started_at)
            row["value"] += jitter[second + 1] + (grows * second if "ai_core" in row["labels"] else 0)
    evidence = run.evidence()
    return judge(analyse(evidence), evidence.plan).findings


def test_growth_is_held_against_a_limit_service_by_service(tmp_path: Path) -> None:
    found = findings(tmp_path, "rss_growth < 20MB/h", grows=20_000)
    assert {finding.subject: finding.outcome for finding in found} == {
        "ai_core": Outcome.FAILED,
        "backend": Outcome.PASSED,
    }
    (leaking,) = [finding for finding in found if finding.subject == "ai_core"]
    assert leaking.observed is not None
    assert leaking.observed.value == pytest.approx(72e6, rel=0.05)


def test_growth_of_one_service_is_a_finding_of_its_own(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "rss_growth(backend) < 20MB/h", grows=20_000)
    assert finding.outcome == Outcome.PASSED


def test_the_heap_is_judged_where_a_service_tells_of_it(tmp_path: Path) -> None:
    run = ARun(tmp_path, kind=PhaseKind.SOAK, seconds=600)
    for second in range(600):
        value = 50e6 + 20_000 * second
        run.scrape.append(run.reading(second, "nodejs_heap_size_used_bytes", value, "service=backend"))
    found = {(leak.service, leak.metric): leak.outcome for leak in analyse(run.evidence()).leaks}
    assert found["backend", "nodejs_heap_size_used_bytes"] == LeakOutcome.LEAK
    assert found["backend", "process_resident_memory_bytes"] == LeakOutcome.NO_LEAK
    assert ("ai_core", "nodejs_heap_size_used_bytes") not in found


def test_a_service_that_is_not_there_has_no_verdict(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "rss_growth(bakend) < 20MB/h", grows=0)
    assert finding.outcome == Outcome.INVALID
    assert "there is no process of bakend (there are: ai_core, backend)" in finding.why


def test_a_soak_that_is_too_short_for_its_limit_has_no_verdict_and_says_what_would_do(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "rss_growth(backend) < 0.01MB/h", grows=0, seconds=120)
    assert finding.outcome == Outcome.INVALID
    assert "min would tell" in finding.why


def test_latency_that_still_moves_is_a_doubt(tmp_path: Path) -> None:
    steady, moving = ARun(tmp_path, seconds=300), ARun(tmp_path, seconds=300)
    moving.samples = [
        moving.request(second + 0.4, took_s=0.02 * (1 + second / 300)) for second in range(moving.seconds)
    ]
    for run, is_doubted in ((steady, False), (moving, True)):
        doubts = [doubt.what for doubt in analyse(run.evidence()).doubts]
        assert ("latency was not steady" in doubts) == is_doubted
