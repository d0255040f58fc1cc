"""The history of a folder of runs: which belong together, which are left out, and what changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab import history as histories
from lab import rundir
from lab.errors import ConfigError, RunDirError
from lab.history import Wanted, history
from lab.model import DoubtKind, History, Outcome, RunState
from tests.lab.many_runs import FIRST, HOST, PLAN, ARunOfMany, a_doubt, wobbling

SLOW_SINCE = 12


def write(root: Path, count: int = 20, **changes: Any) -> None:
    """Leave runs of which P95 is half as slow again since a known one."""
    for n in range(count):
        factor = wobbling(n) * (1.5 if n >= SLOW_SINCE else 1)
        replace(ARunOfMany(p95_s=0.1 * factor, commit=f"{n:040x}"), **changes).write(root, n)


def regressed(found: History) -> set[str]:
    return {track.measure.name for _, track, _ in found.new_regressions}


def test_it_names_the_run_and_the_commits_since_which_figures_regressed(tmp_path: Path) -> None:
    write(tmp_path)
    found = history(tmp_path, Wanted())
    assert regressed(found) == {"p50(http_req_duration)", "p95(http_req_duration)"}
    _, _, change = found.new_regressions[0]
    assert change.run == rundir.all_runs(tmp_path)[SLOW_SINCE].run_id
    assert (change.commit_before, change.commit) == (f"{11:040x}", f"{12:040x}")
    assert change.differs == ()


def test_a_regression_is_new_only_within_the_last_runs(tmp_path: Path) -> None:
    write(tmp_path)
    assert regressed(history(tmp_path, Wanted(within=8)))
    assert not regressed(history(tmp_path, Wanted(within=7)))


def test_a_regression_that_was_made_good_is_no_new_one(tmp_path: Path) -> None:
    for n in range(24):
        ARunOfMany(p95_s=0.1 * wobbling(n) * (1.5 if 10 <= n < 17 else 1)).write(tmp_path, n)
    found = history(tmp_path, Wanted(within=20))
    assert not found.new_regressions
    tracks = [track for track in found.groups[0].tracks if len(track.changes) == 2]
    assert {track.measure.name for track in tracks} == {"p50(http_req_duration)", "p95(http_req_duration)"}


@pytest.mark.parametrize(
    "other",
    [
        {"scenario": "auth_dashboard"},
        {"plan": replace(PLAN, phases=PLAN.phases[:2])},
        {"target": "mine"},
        {"settings": ("services.backend.env.X=1",)},
        {"engine": "compose"},
        {"host": {**HOST, "cores": 4}},
        {"host": {**HOST, "cpu_model": "Another"}},
    ],
    ids=["scenario", "plan", "target", "settings", "engine", "cores", "cpu"],
)
def test_runs_that_cannot_be_compared_are_of_different_groups(other: dict[str, Any], tmp_path: Path) -> None:
    for n in range(3):
        ARunOfMany().write(tmp_path, n)
    ARunOfMany(**other).write(tmp_path, 3)
    found = history(tmp_path, Wanted())
    assert [len(group.runs) for group in found.groups] == [1, 3]


def test_what_changes_nothing_of_the_load_parts_no_runs_and_is_named_where_it_can_explain(tmp_path: Path) -> None:
    for n in range(20):
        is_later = n >= SLOW_SINCE
        ARunOfMany(
            p95_s=0.1 * wobbling(n) * (1.5 if is_later else 1),
            plan=replace(PLAN, seed=n, description=f"night {n}"),
            host={**HOST, "kernel": "6.2" if is_later else "6.1"},
            versions={"numpy": "2.5.0" if is_later else "2.4.0"},
            is_dirty=n == SLOW_SINCE,
        ).write(tmp_path, n)
    found = history(tmp_path, Wanted())
    assert len(found.groups) == 1
    _, _, change = found.new_regressions[0]
    assert change.differs == (
        "numpy was 2.4.0, and is 2.5.0",
        "kernel was 6.1, and is 6.2",
        f"the checkout of {change.run} had uncommitted changes",
    )


def test_an_old_group_of_the_same_name_raises_no_new_alarm(tmp_path: Path) -> None:
    write(tmp_path)
    assert regressed(history(tmp_path, Wanted()))
    ARunOfMany(host={**HOST, "cores": 4}).write(tmp_path, 21)
    found = history(tmp_path, Wanted())
    assert not found.new_regressions
    assert [group.is_current for group in found.groups] == [True, False]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"outcome": Outcome.INVALID}, "invalid"),
        ({"state": RunState.INTERRUPTED}, "interrupted"),
        ({"state": RunState.RUNNING}, "going on, or its controller was killed"),
        ({"doubts": (a_doubt(DoubtKind.PROFILED),)}, "a profiler looked on"),
    ],
)
def test_runs_that_tell_nothing_are_left_out_with_the_reason(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    ARunOfMany().write(tmp_path, 0)
    left = ARunOfMany(**changes).write(tmp_path, 1)
    found = history(tmp_path, Wanted())
    assert [(each.run_id, each.why) for each in found.left_out] == [(left.run_id, why)]
    assert len(found.groups[0].runs) == 1


def test_a_failed_run_was_measured_all_the_same(tmp_path: Path) -> None:
    ARunOfMany(outcome=Outcome.FAILED, doubts=(a_doubt(DoubtKind.CLOSE_CALL),)).write(tmp_path, 0)
    assert history(tmp_path, Wanted()).groups[0].runs[0].outcome == "failed"


@pytest.mark.parametrize("name", ["run.json", "analysis.json", "verdict.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", "null", '{"windows": [{}]}', '{"state": "finished"}'])
def test_a_damaged_file_leaves_its_run_out_and_no_other(name: str, content: str, tmp_path: Path) -> None:
    ARunOfMany().write(tmp_path, 0)
    damaged = ARunOfMany().write(tmp_path, 1)
    (damaged.path / name).write_text(content, encoding="utf-8")
    found = history(tmp_path, Wanted())
    assert [each.run_id for each in found.left_out] == [damaged.run_id]
    assert len(found.groups[0].runs) == 1


def test_only_what_is_asked_for_is_taken(tmp_path: Path) -> None:
    for n in range(4):
        ARunOfMany(scenario="mixed" if n % 2 else "auth_dashboard").write(tmp_path, n)
    since = FIRST.timestamp() + 2 * 86_400
    found = history(tmp_path, Wanted(scenario="mixed", plan="nightly", metrics=("p95", "break_point"), since=since))
    assert [len(group.runs) for group in found.groups] == [1]
    assert {track.measure.name for track in found.groups[0].tracks} == {"p95(http_req_duration)", "break_point"}


def test_what_there_is_not_is_refused_with_what_there_is(tmp_path: Path) -> None:
    ARunOfMany().write(tmp_path, 0)
    with pytest.raises(ConfigError, match=r"there is no such figure; there are p50\(http_req_duration\)"):
        history(tmp_path, Wanted(metrics=("p42",)))
    with pytest.raises(ConfigError, match=r"no run in .* is of that scenario"):
        history(tmp_path, Wanted(scenario="mxied"))


def test_an_empty_folder_has_an_empty_history(tmp_path: Path) -> None:
    found = history(tmp_path / "none", Wanted())
    assert (found.groups, found.left_out, found.new_regressions) == ((), (), ())


def test_the_files_say_the_same_and_link_to_reports(tmp_path: Path) -> None:
    write(tmp_path / "runs")
    runs = rundir.all_runs(tmp_path / "runs")
    runs[3].html.write_text("<p>", encoding="utf-8")
    found = history(tmp_path / "runs", Wanted())
    out = tmp_path / "out"
    out.mkdir()
    page, text, values = out / "history.html", out / "history.md", out / "history.json"
    histories.write(tmp_path / "runs", found, html=page, markdown=text, json=values)
    assert f'href="../runs/{runs[3].run_id}/report.html"' in page.read_text(encoding="utf-8")
    assert f"{runs[4].run_id}/report.html" not in page.read_text(encoding="utf-8")
    content = orjson.loads(values.read_bytes())
    assert {each["run"] for each in content["new_regressions"]} == {runs[SLOW_SINCE].run_id}
    assert content["groups"][0]["tracks"][0]["changes"]
    assert f"| regressed | p95 | steady | {runs[SLOW_SINCE].run_id.partition('-')[0]} |" in text.read_text(
        encoding="utf-8"
    )


def test_a_file_that_cannot_be_written_is_an_error_of_the_user(tmp_path: Path) -> None:
    found = history(tmp_path, Wanted())
    with pytest.raises(RunDirError, match="cannot write"):
        histories.write(tmp_path, found, html=tmp_path / "no" / "such.html")
