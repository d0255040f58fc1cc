"""Run directories held against one another: what is refused, and what is said of the rest."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.comparing import compare_runs
from lab.errors import ConfigError
from lab.model import Judgement
from lab.rundir import RunDir, write_json
from tests.lab.analysis.a_run import ARun
from tests.lab.compared_runs import LIST, LOGIN, a_compared_run, a_provenance, with_latencies


def test_a_slower_route_is_found_in_pairs(tmp_path: Path) -> None:
    base = [a_compared_run(tmp_path / "base", f"10000{n}") for n in range(5)]
    slow = [a_compared_run(tmp_path / "slow", f"11000{n}", login_s=0.024) for n in range(5)]
    found = compare_runs(base, slow, are_pairs=True)
    by_name = {(f.measure.name, f.cell.route): f for f in found.figures}
    assert found.judgement == Judgement.REGRESSED
    assert by_name["p50(http_req_duration)", LOGIN].judgement == Judgement.REGRESSED
    assert by_name["p50(http_req_duration)", LOGIN].change.value == pytest.approx(0.2, abs=0.02)
    assert by_name["p50(http_req_duration)", LIST].judgement == Judgement.UNCHANGED
    assert found.pairs == 5
    assert found.confidence == pytest.approx(0.99)
    assert found.base.runs == tuple(run.run_id for run in base)


def test_the_other_way_round_it_improved_and_one_route_can_be_asked_for(tmp_path: Path) -> None:
    base = [a_compared_run(tmp_path / "base", f"10000{n}", login_s=0.024) for n in range(5)]
    quick = [a_compared_run(tmp_path / "quick", f"11000{n}") for n in range(5)]
    found = compare_runs(base, quick, are_pairs=True, route=LOGIN)
    assert found.judgement == Judgement.IMPROVED
    assert found.route == LOGIN
    assert {figure.cell.route for figure in found.figures} == {LOGIN}


def test_equal_sides_are_unchanged(tmp_path: Path) -> None:
    base = [a_compared_run(tmp_path / "base", f"10000{n}") for n in range(5)]
    same = [a_compared_run(tmp_path / "same", f"11000{n}") for n in range(5)]
    assert compare_runs(base, same, are_pairs=True).judgement == Judgement.UNCHANGED


def test_single_runs_cannot_tell_a_small_change_and_say_how_many_pairs_could(tmp_path: Path) -> None:
    found = compare_runs([a_compared_run(tmp_path, "100000")], [a_compared_run(tmp_path, "110000", login_s=0.021)])
    assert found.judgement == Judgement.CANNOT_TELL
    assert found.pairs == 0
    assert found.pairs_wanted is not None


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"seed": 15}, "the seed was 14, and is 15"),
        ({"target": "others"}, "the target was stubs, and is others"),
        (
            {"provenance": a_provenance(host={**a_provenance()["host"], "cpu_model": "Another"})},
            "cpu_model was Some CPU, and is Another",
        ),
        ({"provenance": a_provenance(engine={"name": "compose"})}, "the engine was process, and is compose"),
        (
            {"provenance": a_provenance(versions={"lab": "0.1.0", "k6": "1.2.0", "mongo": "6.0.5"})},
            "k6 was 1.1.0, and is 1.2.0",
        ),
        (
            {"provenance": a_provenance(engine={"name": "process", "limits": {"backend": "1 CPU"}})},
            "what services are held to",
        ),
    ],
)
def test_runs_of_different_experiments_are_refused_and_forced(
    tmp_path: Path, record: dict[str, Any], words: str
) -> None:
    base, other = a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "110000", **record)
    with pytest.raises(ConfigError, match="cannot be compared") as refused:
        compare_runs([base], [other])
    assert any(words in problem for problem in refused.value.problems)
    forced = compare_runs([base], [other], force=True)
    assert any(words in difference for difference in forced.differs)


def test_what_differs_in_plans_is_named(tmp_path: Path) -> None:
    base, other = a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "110000")
    record = other.read_record()
    record["plan"]["phases"][0]["rate_per_s"] = 7.0
    other.write_record(record)
    with pytest.raises(ConfigError) as refused:
        compare_runs([base], [other])
    assert "the plan's phases[0].rate_per_s was 2.0, and is 7.0" in refused.value.problems


def test_another_commit_and_another_version_of_the_service_are_what_is_compared(tmp_path: Path) -> None:
    versions = {**a_provenance()["versions"], "backend": "1.1"}
    base = a_compared_run(tmp_path, "100000")
    other = a_compared_run(tmp_path, "110000", provenance=a_provenance(commit="b" * 40, versions=versions))
    found = compare_runs([base], [other])
    assert found.differs == ()
    assert "backend was 1.0, and is 1.1" in found.under_test
    assert "the commit was aaaaaaaaaaaa, and is bbbbbbbbbbbb" in found.under_test
    assert (found.base.told, found.candidate.told) == ("commit aaaaaaaaaaaa", "commit bbbbbbbbbbbb")


def test_settings_differ_only_where_they_are_what_is_compared(tmp_path: Path) -> None:
    environment = {"engine": "process", "services": [], "overrides": ["services.backend.env.WORKERS=2"]}
    base, other = a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "110000", environment=environment)
    with pytest.raises(ConfigError, match=r"what was set was nothing, and is services\.backend\.env\.WORKERS=2"):
        compare_runs([base], [other])
    assert len(compare_runs([base], [other], under_test=["settings"]).under_test) == 1


def test_another_commit_within_a_side_is_refused(tmp_path: Path) -> None:
    base = [a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "100001", provenance=a_provenance(commit="b"))]
    with pytest.raises(ConfigError, match="the commit was"):
        compare_runs(base, [a_compared_run(tmp_path, "110000"), a_compared_run(tmp_path, "110001")])


def a_run_of(folder: Path, at: str, side: str, *, dirty: bool = False) -> RunDir:
    """A run of services that were brought up from a commit, by a checkout that stands at another one."""
    provenance = a_provenance() | {"code": {"commit": "d" * 40, "dirty": dirty}}
    run = a_compared_run(folder, at, provenance=provenance)
    run.update_record(side={"name": "", "told": "", "commit": side * 40})
    return run


def test_of_services_from_a_worktree_that_commit_counts_and_not_the_checkouts_own(tmp_path: Path) -> None:
    base = [a_run_of(tmp_path, "100000", "b"), a_run_of(tmp_path, "100001", "b", dirty=True)]
    other = [a_run_of(tmp_path, "110000", "c"), a_run_of(tmp_path, "110001", "c")]
    found = compare_runs(base, other)
    assert found.under_test == ("the commit was bbbbbbbbbbbb, and is cccccccccccc",)
    assert (
        "the checkout that drives and measures has changed meanwhile: dddddddddddd, then dddddddddddd with changes"
        in found.notes
    )
    with pytest.raises(ConfigError, match="the commit was bbbbbbbbbbbb, and is cccccccccccc"):
        compare_runs([base[0], other[0]], [base[1], other[1]])


def test_no_runs_uneven_pairs_and_a_run_against_itself_are_refused(tmp_path: Path) -> None:
    one, two = a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "110000")
    with pytest.raises(ConfigError, match="at least one run of each side"):
        compare_runs([one], [])
    with pytest.raises(ConfigError, match="as many runs of each side; there are 1 and 2"):
        compare_runs([one], [two, a_compared_run(tmp_path, "120000")], are_pairs=True)
    with pytest.raises(ConfigError, match="is on both sides"):
        compare_runs([one], [one])


@pytest.mark.parametrize(("asked", "words"), [({"look_for": 0.0}, "to be found"), ({"effect": 0.2}, "that matters")])
def test_a_change_that_makes_no_sense_is_refused(tmp_path: Path, asked: dict[str, float], words: str) -> None:
    runs = [a_compared_run(tmp_path, "100000")], [a_compared_run(tmp_path, "110000")]
    with pytest.raises(ConfigError, match=words):
        compare_runs(*runs, **asked)  # type: ignore[arg-type]


def test_runs_without_requests_and_routes_that_nobody_asked_are_refused(tmp_path: Path) -> None:
    empty = ARun(tmp_path)
    empty.samples = []
    base, other = a_compared_run(tmp_path, "100000"), a_compared_run(tmp_path, "110000", run=empty)
    with pytest.raises(ConfigError, match="there is nothing to compare"):
        compare_runs([base], [other])
    with pytest.raises(ConfigError, match="no run has the route 'GET /x'") as refused:
        compare_runs([base], [a_compared_run(tmp_path, "120000")], route="GET /x")
    assert refused.value.problems[1] == f"there are: {LIST}, {LOGIN}"


# ----------------------------------------------------------------------------------------- what is only to be known


def test_runs_that_are_invalid_interrupted_or_cut_off_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    base = a_compared_run(tmp_path, "100000", state="interrupted")
    write_json(base.verdict, {"outcome": "invalid"})
    other = a_compared_run(tmp_path, "110000")
    for run in (base, other):
        with_a_phase_that_was_cut_off(run)
    found = compare_runs([base], [other])
    told = "\n".join(found.notes)
    assert f"{base.run_id} was interrupted" in told
    assert f"{base.run_id} is invalid" in told
    assert "phase later was cut off" in told
    assert {figure.cell.phase for figure in found.figures} == {"sustain"}


def with_a_phase_that_was_cut_off(run: RunDir) -> None:
    record, windows = run.read_record(), run.windows()
    record["plan"]["phases"].append({**record["plan"]["phases"][0], "name": "later"})
    run.write_record(record)
    (run.load / "later.json.gz").touch()
    run.write_windows([*windows, replace(windows[0], phase="later", k6_exit_code=None)])


def test_figures_of_one_side_are_counted(tmp_path: Path) -> None:
    thin = with_latencies(ARun(tmp_path), {LOGIN: 0.02})
    found = compare_runs([a_compared_run(tmp_path, "100000")], [a_compared_run(tmp_path, "110000", run=thin)])
    assert any("are of one side alone" in note for note in found.notes)


def test_runs_of_one_side_that_lack_a_figure_are_said(tmp_path: Path) -> None:
    thin = with_latencies(ARun(tmp_path), {LOGIN: 0.02, LIST: 0.002})
    thin.samples = thin.samples[:150]
    base = [a_compared_run(tmp_path / "b", f"10000{n}") for n in range(3)]
    other = [a_compared_run(tmp_path / "c", f"11000{n}") for n in range(2)]
    found = compare_runs(base, [*other, a_compared_run(tmp_path / "c", "110002", run=thin)], are_pairs=True)
    assert any("are missing in some of the runs" in note for note in found.notes)
