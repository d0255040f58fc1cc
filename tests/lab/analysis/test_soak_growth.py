"""What grew in a soak is named by file and line, and a verdict about leaks says it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import Evidence, GrowthBasis, Leak, LeakOutcome, Outcome, PhaseKind, Profile, SoakGrowth, Window
from tests.lab.analysis.a_run import START, ARun
from tests.lab.analysis.test_v8_heap import NODES, a_snapshot
from tests.lab.profiled_runs import a_heap_profile

FAULTS = "/srv/app/ai_core_stub/faults.py"
CACHE = "/srv/app/sut/cache.py"


def a_soak(folder: Path, *, leaks: bool = True) -> ARun:
    """A soak of ten minutes in which the backend's memory grows by 100 kB a second, or stays."""
    run = ARun(folder, thresholds=["rss_growth(backend) < 20MB/h"], kind=PhaseKind.SOAK, seconds=600)
    noise = np.random.default_rng(6).normal(0, 1e5, 2000)
    rows = [row for row in run.processes if row["metric"] == "process_resident_memory_bytes"]
    for place, row in enumerate(row for row in rows if row["labels"] == "service=backend"):
        row["value"] += (1e5 * place if leaks else 0) + noise[place]
    return run


def evidence(run: ARun, *profiles: Profile) -> Evidence:
    return replace(run.evidence(), profiles=profiles, profile_folder=run.folder / "profiles")


def followed_on(run: ARun) -> tuple[Profile, Profile]:
    """Two snapshots, after the soak, of one process that was followed between them: one place grew, a cache shrank."""
    folder = run.folder / "profiles"
    more = {"followed_since": START + 670}
    return (
        a_heap_profile(folder, "a.json", (FAULTS, 40, 1_000_000), (CACHE, 7, 900), begin_s=670, end_s=700, **more),
        a_heap_profile(folder, "b.json", (FAULTS, 40, 13_300_000), (CACHE, 7, 100), begin_s=1090, end_s=1120, **more),
    )


def growth(run: ARun, *profiles: Profile) -> SoakGrowth:
    (found,) = analyse(evidence(run, *profiles)).soak_growths
    return found


def memory(found: tuple[Leak, ...]) -> Leak:
    (leak,) = [each for each in found if (each.service, each.metric) == ("backend", "process_resident_memory_bytes")]
    return leak


def test_what_grew_between_two_snapshots_is_named_and_what_shrank_is_not(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    found = growth(run, *followed_on(run))
    assert (found.phase, found.service, found.basis) == ("sustain", "backend", GrowthBasis.BETWEEN)
    (site,) = found.sites
    assert (site.site.place, site.grown_bytes) == ("ai_core_stub/faults.py:40", 12_300_000)
    assert site.bytes_per_h == pytest.approx(12.3e6 / 420 * 3600)
    assert (found.started_at, found.ended_at) == (START + 700, START + 1120)
    assert found.resident_bytes == 420_000


def test_a_leak_links_to_the_place_in_its_measure_in_its_finding_and_in_the_verdict(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    seen = evidence(run, *followed_on(run))
    analysis = analyse(seen)
    where = "grew 12.3 MB between 22:25:00 and 22:32:00 at ai_core_stub/faults.py:40"
    assert memory(analysis.leaks).outcome == LeakOutcome.LEAK
    assert memory(analysis.leaks).where == where
    (finding,) = judge(analysis, seen.plan).findings
    assert (finding.outcome, finding.why) == (Outcome.FAILED, where)


def test_files_and_threads_that_leak_have_no_place_in_the_heap(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    others = [leak for leak in analyse(evidence(run, *followed_on(run))).leaks if "memory" not in leak.metric]
    assert others
    assert {leak.where for leak in others} == {""}


def test_memory_that_does_not_leak_accuses_no_code(tmp_path: Path) -> None:
    run = a_soak(tmp_path, leaks=False)
    seen = evidence(run, *followed_on(run))
    found = memory(analyse(seen).leaks)
    assert (found.outcome, found.where) == (LeakOutcome.NO_LEAK, "")
    (finding,) = judge(analyse(seen), seen.plan).findings
    assert (finding.outcome, finding.why) == (Outcome.PASSED, "")


def test_another_services_heap_is_not_blamed(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    analysis = analyse(evidence(run, *(replace(profile, service="ai_core") for profile in followed_on(run))))
    assert [each.service for each in analysis.soak_growths] == ["ai_core"]
    assert memory(analysis.leaks).where == ""


def test_stretches_that_were_followed_by_themselves_name_what_grew_in_each_of_them(tmp_path: Path) -> None:
    run, folder = a_soak(tmp_path), tmp_path / "profiles"
    first = a_heap_profile(folder, "a.json", (FAULTS, 40, 2_000_000), (CACHE, 7, 9_000_000), begin_s=610, end_s=646)
    second = a_heap_profile(folder, "b.json", (FAULTS, 40, 1_000_000), begin_s=1110, end_s=1146)
    found = growth(run, second, first)
    (site,) = found.sites
    assert found.basis == GrowthBasis.REPEATED
    assert (site.site.place, site.grown_bytes, site.bytes_per_h) == ("ai_core_stub/faults.py:40", 3_000_000, 1e8)
    assert found.resident_bytes is None
    where = memory(analyse(evidence(run, first, second)).leaks).where
    assert where == (
        "allocated and kept at ai_core_stub/faults.py:40 in each stretch (from 22:23:30 and 22:31:50): "
        "100.0 MB/h or more"
    )


def test_a_process_that_was_replaced_is_compared_by_what_each_kept(tmp_path: Path) -> None:
    run, folder = a_soak(tmp_path), tmp_path / "profiles"
    first = a_heap_profile(folder, "a.json", (FAULTS, 40, 1000), begin_s=60, end_s=90, pid=7, followed_since=START + 60)
    second = a_heap_profile(folder, "b.json", (FAULTS, 40, 900), begin_s=480, end_s=510, pid=8)
    assert growth(run, first, second).basis == GrowthBasis.REPEATED


def test_one_profile_tells_of_no_growth_and_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    first, second = followed_on(run)
    gone = replace(second, files=(("allocations", "gone.json"),), started_at=second.started_at - 50)
    assert analyse(evidence(run, first, gone)).soak_growths == ()
    assert growth(run, first, gone, second).notes == (
        "gone.json cannot be read: No such file or directory; take the profile again",
    )


def test_snapshots_of_node_are_compared_by_constructor(tmp_path: Path) -> None:
    run, folder = a_soak(tmp_path), tmp_path / "profiles"
    made = a_heap_profile(folder, "unused.json", begin_s=10, end_s=20)
    grown = [*NODES, *([6, 2, 99, 500_000, 0, 0, 0] for _ in range(4))]
    for name, nodes in (("a", NODES), ("b", grown)):
        (folder / f"{name}.heapsnapshot").write_bytes(a_snapshot(nodes))
    profiles = [
        replace(made, files=(("heapsnapshot", f"{name}.heapsnapshot"),), started_at=at, ended_at=at + 5)
        for name, at in (("a", START + 610), ("b", START + 1200))
    ]
    found = growth(run, *profiles)
    assert (found.basis, found.sites[0].site.place, found.sites[0].grown_bytes) == ("between", "Session", 2_000_000)
    assert memory(analyse(evidence(run, *profiles)).leaks).where.endswith("at Session")


def test_heaps_that_were_looked_at_just_before_and_after_the_soak_tell_of_it(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    before, after = followed_on(run)
    around = [
        replace(before, started_at=START - 40, ended_at=START - 10),
        replace(after, started_at=START + 605, ended_at=START + 640),
    ]
    assert len(analyse(evidence(run, *around)).soak_growths) == 1
    # a phase in between makes them heaps of something else
    run.windows = (run.window, a_phase(START - 8, START - 5), a_phase(START + 601, START + 604))
    assert analyse(evidence(run, *around)).soak_growths == ()
    noted = [replace(profile, phase="sustain") for profile in around]
    assert len(analyse(evidence(run, *noted)).soak_growths) == 1


def a_phase(began: float, ended: float) -> Window:
    return Window(
        phase="other",
        kind=PhaseKind.SUSTAIN,
        step=0,
        started_at=began,
        ended_at=ended,
        planned_rate_per_s=1.0,
        achieved_rate_per_s=1.0,
        k6_exit_code=0,
    )


def test_a_phase_that_is_no_soak_has_no_growth(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    run.kind = PhaseKind.SUSTAIN
    assert analyse(evidence(run, *followed_on(run))).soak_growths == ()
